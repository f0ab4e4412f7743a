package test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"registration.example/k8s/test/manifests"
)

// virtualService is what is looked at of Istio's.
type virtualService struct {
	Spec struct {
		HTTP []route
	}
}

type route struct {
	Name  string
	Match []struct {
		Method struct{ Exact, Regex string }
		URI    struct{ Prefix string }
	}
	Headers struct {
		Request struct{ Remove []string }
	}
	Timeout string
	Retries struct {
		Attempts int
		RetryOn  string
	}
}

// takes says whether the route is the one for a request.
func (r route) takes(method, path string) bool {
	for _, m := range r.Match {
		methods := strings.Split(m.Method.Regex, "|")
		if (m.Method.Exact == method || slices.Contains(methods, method)) && strings.HasPrefix(path, m.URI.Prefix) {
			return true
		}
	}
	return false
}

func routes(t *testing.T, objects manifests.Objects) []route {
	t.Helper()
	service, err := manifests.Read[virtualService](objects.Find("VirtualService", "registration"))
	if err != nil {
		t.Fatal(err)
	}
	return service.Spec.HTTP
}

func find(routes []route, method, path string) *route {
	for i := range routes {
		if routes[i].takes(method, path) {
			return &routes[i]
		}
	}
	return nil
}

// operations lists "METHOD path" of a service's description.
func operations(t *testing.T, service string) []string {
	t.Helper()
	text, err := os.ReadFile("../../" + service + "/app/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var description struct {
		Paths map[string]map[string]any
	}
	if err := yaml.Unmarshal(text, &description); err != nil {
		t.Fatal(err)
	}
	var all []string
	for path, methods := range description.Paths {
		for method := range methods {
			all = append(all, strings.ToUpper(method)+" "+path)
		}
	}
	return all
}

// TestPublicPaths goes through the descriptions of all services: what is for
// clients has a way in, what is for machines has none.
func TestPublicPaths(t *testing.T) {
	t.Parallel()
	all := routes(t, overlay(t, "aks"))
	machines := []string{"/healthz", "/readyz", "/metrics", "/openapi.yaml"}
	for _, service := range []string{"operation-service", "user-service", "approval-service"} {
		for _, operation := range operations(t, service) {
			method, path, _ := strings.Cut(operation, " ")
			public := find(all, method, path) != nil
			if want := !slices.Contains(machines, path); public != want {
				t.Errorf("%s: %s: public %t, want %t", service, operation, public, want)
			}
		}
	}
	for _, request := range []string{"POST /events/user-create", "GET /dapr/subscribe", "GET /", "DELETE /users/x", "POST /v1.0/publish/pubsub/user-create"} {
		method, path, _ := strings.Cut(request, " ")
		if find(all, method, path) != nil {
			t.Errorf("%s is public", request)
		}
	}
}

// TestInvocationOpensNothingElse: of the sidecar's API one method of one app.
func TestInvocationOpensNothingElse(t *testing.T) {
	t.Parallel()
	objects, err := manifests.RenderWith("../base", "../options/istio-ingress", "../options/dapr-invoke")
	if err != nil {
		t.Fatal(err)
	}
	all := routes(t, objects)
	for request, want := range map[string]bool{
		"POST /v1.0/invoke/operation-service/method/operations/user-create": true,
		"GET /v1.0/invoke/operation-service/method/operations/x":            true,
		"POST /v1.0/invoke/operation-service/method/events/user-create":     false,
		"GET /v1.0/invoke/user-service/method/users/x":                      false,
		"GET /v1.0/invoke/http://169.254.169.254/method/x":                  false,
		"POST /v1.0/publish/pubsub/user-create":                             false,
		"POST /v1.0/shutdown":                                               false,
		"GET /v1.0/metadata":                                                false,
	} {
		method, path, _ := strings.Cut(request, " ")
		found := find(all, method, path)
		if (found != nil) != want {
			t.Errorf("%s: public %t, want %t", request, found != nil, want)
		}
		if found == nil {
			continue
		}
		for _, header := range []string{"dapr-app-id", "authorization"} {
			if !slices.Contains(found.Headers.Request.Remove, header) {
				t.Errorf("%s: %s names another app to call", request, header)
			}
		}
	}
}

// TestPostIsNotRepeated after anything that the service may have seen. Without
// retries of its own a route has Istio's, which repeat on 503.
func TestPostIsNotRepeated(t *testing.T) {
	t.Parallel()
	objects, err := manifests.RenderWith("../base", "../options/istio-ingress", "../options/dapr-invoke")
	if err != nil {
		t.Fatal(err)
	}
	harmless := []string{"connect-failure", "refused-stream"}
	for _, r := range routes(t, objects) {
		if r.Retries.RetryOn == "" || r.Timeout == "" {
			t.Errorf("%s: retries %q, timeout %q: both must be said", r.Name, r.Retries.RetryOn, r.Timeout)
		}
		posts := slices.ContainsFunc(r.Match, func(m struct {
			Method struct{ Exact, Regex string }
			URI    struct{ Prefix string }
		},
		) bool {
			return m.Method.Exact == "POST"
		})
		for condition := range strings.SplitSeq(r.Retries.RetryOn, ",") {
			if posts && !slices.Contains(harmless, condition) {
				t.Errorf("%s: a POST is repeated on %s", r.Name, condition)
			}
		}
	}
}
