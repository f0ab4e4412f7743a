package kube

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// served is a client of a server that answers GET with these objects, by path.
func served(t *testing.T, objects map[string]string) *Client {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		object, found := objects[r.URL.Path]
		if !found {
			http.Error(w, `{"kind":"Status","reason":"NotFound"}`, http.StatusNotFound)
			return
		}
		if r.Method == http.MethodPost {
			var request map[string]any
			if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		_, _ = w.Write([]byte(object))
	}))
	t.Cleanup(server.Close)
	return NewClient(server.URL, server.Certificate(), tls.Certificate{})
}

const pods = `{"items":[
  {"metadata":{"name":"ready","namespace":"n"},"status":{"conditions":[{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"starting"},"status":{"conditions":[{"type":"Ready","status":"False"}]}},
  {"metadata":{"name":"ending","deletionTimestamp":"2026-11-24T00:00:00Z"},"status":{"conditions":[{"type":"Ready","status":"True"}]}},
  {"metadata":{"name":"without a node"},"status":{"conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}}]}`

func TestPods(t *testing.T) {
	t.Parallel()
	list, err := served(t, map[string]string{"/api/v1/namespaces/n/pods": pods}).Pods(t.Context(), "n", "")
	if err != nil {
		t.Fatal(err)
	}
	var ready, unschedulable []string
	for _, p := range list {
		if p.Ready() {
			ready = append(ready, p.Metadata.Name)
		}
		if p.Unschedulable() {
			unschedulable = append(unschedulable, p.Metadata.Name)
		}
	}
	if !cmp.Equal(ready, []string{"ready"}) || !cmp.Equal(unschedulable, []string{"without a node"}) {
		t.Errorf("ready %v, without a node %v", ready, unschedulable)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	got, err := served(t, map[string]string{"/api/v1/namespaces/n/events": `{"items":[
  {"involvedObject":{"kind":"Pod","name":"placeholder-a"},"related":{"kind":"Pod","name":"approval-service-a"},"reason":"Preempted","message":"Preempted by pod 1 on node node-1"}]}`}).Events(t.Context(), "n", "Preempted")
	if err != nil {
		t.Fatal(err)
	}
	want := []Event{{Object: Reference{"placeholder-a"}, Related: Reference{"approval-service-a"}, Message: "Preempted by pod 1 on node node-1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Events (-want +got):\n%s", diff)
	}
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	if _, err := served(t, nil).Autoscaler(t.Context(), "n", "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("Autoscaler = %v, want ErrNotFound", err)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	c := served(t, map[string]string{"/api/v1/namespaces/n/serviceaccounts/s/token": `{"status":{"token":"t"}}`})
	if token, err := c.Token(t.Context(), "n", "s", "audience", Meta{Name: "p"}); token != "t" || err != nil {
		t.Errorf("Token = %q, %v", token, err)
	}
}

// Every source of a variable that is not known must be an error: a process that
// lacks a variable is not the pod's.
func TestEnviron(t *testing.T) {
	t.Parallel()
	c := served(t, map[string]string{"/api/v1/namespaces/n/secrets/s": `{"data":{"token":"c2VjcmV0"}}`})
	pod := Pod{Metadata: Meta{Name: "p", Namespace: "n"}}
	for name, test := range map[string]struct {
		env  string
		want []string
	}{
		"value":          {`[{"name":"A","value":"b"}]`, []string{"A=b"}},
		"field":          {`[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}}]`, []string{"A=p"}},
		"secret":         {`[{"name":"A","valueFrom":{"secretKeyRef":{"name":"s","key":"token"}}}]`, []string{"A=secret"}},
		"unknown field":  {`[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"status.hostIP"}}}]`, nil},
		"missing secret": {`[{"name":"A","valueFrom":{"secretKeyRef":{"name":"other","key":"token"}}}]`, nil},
		"unknown source": {`[{"name":"A","valueFrom":{"configMapKeyRef":{"name":"c","key":"k"}}}]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var container Container
			if err := json.Unmarshal([]byte(test.env), &container.Env); err != nil {
				t.Fatal(err)
			}
			got, err := c.Environ(t.Context(), pod, container)
			if (err == nil) != (test.want != nil) {
				t.Fatalf("Environ = %v, %v", got, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Environ (-want +got):\n%s", diff)
			}
		})
	}
}
