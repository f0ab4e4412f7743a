package kube

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Meta is what objects have in common.
type Meta struct {
	Name              string            `json:"name"`
	Namespace         string            `json:"namespace,omitempty"`
	UID               string            `json:"uid,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	CreationTimestamp time.Time         `json:"creationTimestamp,omitzero"`
	DeletionTimestamp *time.Time        `json:"deletionTimestamp,omitempty"`
}

// Pod is a pod.
type Pod struct {
	Metadata Meta    `json:"metadata"`
	Spec     PodSpec `json:"spec"`
	Status   struct {
		Phase      string      `json:"phase"`
		PodIP      string      `json:"podIP"`
		Conditions []Condition `json:"conditions"`
	} `json:"status"`
}

// PodSpec is what a pod is to run.
type PodSpec struct {
	NodeName           string      `json:"nodeName"`
	ServiceAccountName string      `json:"serviceAccountName"`
	Containers         []Container `json:"containers"`
	// GraceSeconds is how long the pod may take to end.
	GraceSeconds int `json:"terminationGracePeriodSeconds"`
}

// Container is one of a pod's processes.
type Container struct {
	Name  string   `json:"name"`
	Image string   `json:"image"`
	Args  []string `json:"args"`
	Env   []Env    `json:"env"`
}

// Env is an environment variable: a value, or where it comes from.
type Env struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  *struct {
		Field *struct {
			Path string `json:"fieldPath"`
		} `json:"fieldRef"`
		Secret *struct {
			Name string `json:"name"`
			Key  string `json:"key"`
		} `json:"secretKeyRef"`
	} `json:"valueFrom"`
}

// Condition is one of an object's conditions.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Ready says whether the pod takes work: it is ready and not about to end.
func (p Pod) Ready() bool {
	return p.Metadata.DeletionTimestamp == nil && hasReady(p.Status.Conditions)
}

func hasReady(conditions []Condition) bool {
	return slices.ContainsFunc(conditions, func(c Condition) bool { return c.Type == "Ready" && c.Status == "True" })
}

// Unschedulable says whether the scheduler found no node for the pod.
func (p Pod) Unschedulable() bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c Condition) bool {
		return c.Type == "PodScheduled" && c.Status == "False" && c.Reason == "Unschedulable"
	})
}

// Missing says what a pod that is not ready waits for.
func (p Pod) Missing() string {
	for _, c := range p.Status.Conditions {
		if c.Status == "False" && c.Message != "" {
			return p.Metadata.Name + ": " + c.Message
		}
	}
	return p.Metadata.Name + ": nothing is known yet"
}

// Pods lists pods: of one namespace or, with "", of all, with that label
// selector. The server answers from its cache.
func (c *Client) Pods(ctx context.Context, namespace, selector string) ([]Pod, error) {
	path := "/api/v1/pods"
	if namespace != "" {
		path = "/api/v1/namespaces/" + namespace + "/pods"
	}
	query := url.Values{"resourceVersion": {"0"}}
	if selector != "" {
		query.Set("labelSelector", selector)
	}
	var list struct {
		Items []Pod `json:"items"`
	}
	err := c.Get(ctx, path, query, &list)
	return list.Items, err
}

// Reference names the object of an event.
type Reference struct {
	Name string `json:"name"`
}

// Event is what was told of an object, and of another one if it has a part in it.
type Event struct {
	Object  Reference `json:"involvedObject"`
	Related Reference `json:"related"`
	Message string    `json:"message"`
}

// Events lists what was told of objects in a namespace for one reason.
func (c *Client) Events(ctx context.Context, namespace, reason string) ([]Event, error) {
	var list struct {
		Items []Event `json:"items"`
	}
	err := c.Get(ctx, "/api/v1/namespaces/"+namespace+"/events", url.Values{"fieldSelector": {"reason=" + reason}}, &list)
	return list.Items, err
}

// Nodes counts the nodes that are ready.
func (c *Client) Nodes(ctx context.Context) (int, error) {
	var list struct {
		Items []struct {
			Status struct {
				Conditions []Condition `json:"conditions"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := c.Get(ctx, "/api/v1/nodes", url.Values{"resourceVersion": {"0"}}, &list); err != nil {
		return 0, err
	}
	ready := 0
	for _, node := range list.Items {
		if hasReady(node.Status.Conditions) {
			ready++
		}
	}
	return ready, nil
}

// Replicas are what an autoscaler says of what it scales.
type Replicas struct {
	Current int `json:"currentReplicas"`
	Desired int `json:"desiredReplicas"`
}

// Autoscaler reads the status of a HorizontalPodAutoscaler.
func (c *Client) Autoscaler(ctx context.Context, namespace, name string) (Replicas, error) {
	var hpa struct {
		Status Replicas `json:"status"`
	}
	err := c.Get(ctx, "/apis/autoscaling/v2/namespaces/"+namespace+"/horizontalpodautoscalers/"+name, nil, &hpa)
	return hpa.Status, err
}

// Secret reads one value of a secret.
func (c *Client) Secret(ctx context.Context, namespace, name, key string) (string, error) {
	var secret struct {
		Data map[string]string `json:"data"`
	}
	if err := c.Get(ctx, "/api/v1/namespaces/"+namespace+"/secrets/"+name, nil, &secret); err != nil {
		return "", err
	}
	value, err := base64.StdEncoding.DecodeString(secret.Data[key])
	if err != nil {
		return "", fmt.Errorf("secret %s/%s, key %s: %w", namespace, name, key, err)
	}
	return string(value), nil
}

// Token asks for a token of a service account, as kubelet does for a pod that
// mounts one: bound to that pod, unless pod is the zero value.
func (c *Client) Token(ctx context.Context, namespace, account, audience string, pod Meta) (string, error) {
	type reference struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		UID        string `json:"uid"`
	}
	var request struct {
		Spec struct {
			Audiences         []string   `json:"audiences,omitempty"`
			ExpirationSeconds int        `json:"expirationSeconds"`
			BoundObjectRef    *reference `json:"boundObjectRef,omitempty"`
		} `json:"spec"`
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	request.Spec.ExpirationSeconds = int((24 * time.Hour).Seconds())
	if audience != "" {
		request.Spec.Audiences = []string{audience}
	}
	if pod.Name != "" {
		request.Spec.BoundObjectRef = &reference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}
	}
	err := c.Create(ctx, "/api/v1/namespaces/"+namespace+"/serviceaccounts/"+account+"/token", request, &request)
	return request.Status.Token, err
}

// Environ resolves the environment of a pod's container.
func (c *Client) Environ(ctx context.Context, pod Pod, container Container) ([]string, error) {
	fields := map[string]string{
		"metadata.name": pod.Metadata.Name, "metadata.namespace": pod.Metadata.Namespace, "metadata.uid": pod.Metadata.UID,
		"spec.nodeName": pod.Spec.NodeName, "spec.serviceAccountName": pod.Spec.ServiceAccountName, "status.podIP": pod.Status.PodIP,
	}
	var environ []string
	for _, e := range container.Env {
		value := e.Value
		switch {
		case e.From == nil:
		case e.From.Field != nil:
			field, known := fields[e.From.Field.Path]
			if !known {
				return nil, fmt.Errorf("environment of %s: field %s is not known", container.Name, e.From.Field.Path)
			}
			value = field
		case e.From.Secret != nil:
			secret, err := c.Secret(ctx, pod.Metadata.Namespace, e.From.Secret.Name, e.From.Secret.Key)
			if err != nil {
				return nil, fmt.Errorf("environment of %s: %w", container.Name, err)
			}
			value = secret
		default:
			return nil, fmt.Errorf("environment of %s: the source of %s is not known", container.Name, e.Name)
		}
		environ = append(environ, e.Name+"="+value)
	}
	return environ, nil
}
