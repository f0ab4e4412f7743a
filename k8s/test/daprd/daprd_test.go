package daprd

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registration.example/k8s/test/broker"
)

// bulk answers a bulk delivery: every entry was a success.
func bulk(r *http.Request) []byte {
	var request struct {
		Entries []struct {
			EntryID string `json:"entryId"`
		} `json:"entries"`
	}
	_ = json.NewDecoder(r.Body).Decode(&request)
	type status struct {
		EntryID string `json:"entryId"`
		Status  string `json:"status"`
	}
	answer := struct {
		Statuses []status `json:"statuses"`
	}{}
	for _, entry := range request.Entries {
		answer.Statuses = append(answer.Statuses, status{entry.EntryID, "SUCCESS"})
	}
	text, _ := json.Marshal(answer)
	return text
}

// metadata is what a sidecar says of itself.
type metadata struct {
	Components    []struct{ Name, Type string }
	Subscriptions []struct{ Topic, PubsubName string }
}

func (m metadata) loaded() (components, topics []string) {
	for _, c := range m.Components {
		components = append(components, c.Name)
	}
	for _, s := range m.Subscriptions {
		topics = append(topics, s.PubsubName+" "+s.Topic)
	}
	slices.Sort(components)
	slices.Sort(topics)
	return components, topics
}

// want is what each app's sidecar loads, publishes and delivers.
var want = map[string]struct{ components, topics, publishes, refused []string }{
	"operation-service": {
		components: []string{"pubsub", "statestore"},
		topics:     []string{"pubsub user-create-response"},
		publishes:  []string{"user-create", "user-create-response-dead-letter"},
		refused:    []string{"user-approve", "user-create-response"},
	},
	"user-service": {
		components: []string{"pubsub", "pubsub-responses", "statestore"},
		topics:     []string{"pubsub user-create", "pubsub-responses user-approve-response"},
		publishes:  []string{"user-approve", "user-create-response", "user-create-dead-letter", "user-approve-response-dead-letter"},
		refused:    []string{"user-create", "user-approve-response"},
	},
	"approval-service": {
		components: []string{"pubsub"},
		topics:     []string{"pubsub user-approve"},
		publishes:  []string{"user-approve-response", "user-approve-dead-letter"},
		refused:    []string{"user-create", "user-approve"},
	},
}

// TestSidecarsOfThePods sends an event over each of the four topics, from the
// sidecar of the service that publishes it to that of the service that consumes
// it: every address, login, right, scope and token has to fit for that.
func TestSidecarsOfThePods(t *testing.T) {
	t.Parallel()
	objects, b := broker.Deployed(t, "../../overlays/aks")
	sidecars := map[string]*sidecar{}
	for app := range want {
		sidecars[app] = start(t, objects, b, app)
	}
	for app, s := range sidecars {
		s.loads(t, want[app].components, want[app].topics)
	}
	for app, s := range sidecars {
		s.publishes(t, want[app].publishes, want[app].refused)
	}
	for app, s := range sidecars {
		delivered := map[string]bool{}
		for range want[app].topics {
			select {
			case event := <-s.events:
				delivered[event] = true
			case <-time.After(time.Minute):
				t.Errorf("%s: nothing delivered any more; so far %v", app, delivered)
			}
		}
		for _, subscription := range want[app].topics {
			if _, topic, _ := strings.Cut(subscription, " "); !delivered[topic] {
				t.Errorf("%s: %s was not delivered, but %v", app, topic, delivered)
			}
		}
	}
}

// loads waits until the sidecar has what it should.
func (s *sidecar) loads(t *testing.T, components, topics []string) {
	t.Helper()
	if os.Getenv("MONGODB_URI") == "" {
		// The component is refused by the database that is not there, not by its settings.
		components = slices.DeleteFunc(slices.Clone(components), func(name string) bool { return name == "statestore" })
	}
	var got metadata
	s.await(t, "it is healthy", func() bool {
		status, _, err := s.call(t.Context(), http.MethodGet, "/v1.0/healthz/outbound", "")
		return err == nil && status == http.StatusNoContent
	})
	s.await(t, "it has its subscriptions", func() bool {
		_, answer, err := s.call(t.Context(), http.MethodGet, "/v1.0/metadata", "")
		return err == nil && json.Unmarshal([]byte(answer), &got) == nil && len(got.Subscriptions) == len(topics)
	})
	gotComponents, gotTopics := got.loaded()
	if diff := cmp.Diff(topics, gotTopics); diff != "" {
		t.Errorf("%s: subscriptions (-want +got):\n%s", s.app, diff)
	}
	if diff := cmp.Diff(components, gotComponents); diff != "" {
		t.Errorf("%s: components (-want +got):\n%s", s.app, diff)
	}
	if status, _, err := (&sidecar{http: s.http}).call(t.Context(), http.MethodGet, "/v1.0/metadata", ""); err != nil || status != http.StatusUnauthorized {
		t.Errorf("%s: the API without token answers %d, %v", s.app, status, err)
	}
}

func (s *sidecar) publishes(t *testing.T, topics, refused []string) {
	t.Helper()
	for _, topic := range topics {
		status, answer, err := s.call(t.Context(), http.MethodPost, "/v1.0/publish/pubsub/"+topic+"?metadata.rawPayload=true", "{}")
		if err != nil || status != http.StatusNoContent {
			t.Errorf("%s: publish to %s: %d %s %v", s.app, topic, status, answer, err)
		}
	}
	for _, topic := range refused {
		status, answer, err := s.call(t.Context(), http.MethodPost, "/v1.0/publish/pubsub/"+topic, "{}")
		if err != nil || status != http.StatusForbidden {
			t.Errorf("%s: publish to %s: %d %s %v, want that it is forbidden", s.app, topic, status, answer, err)
		}
	}
}

// TestStateComponent: without a MongoDB the sidecar must get as far as looking
// for its server. What it says of settings that are wrong is something else.
func TestStateComponent(t *testing.T) {
	t.Parallel()
	if os.Getenv("MONGODB_URI") != "" {
		t.Skip("there is a MongoDB: TestSidecarsOfThePods loads the component")
	}
	objects, b := broker.Deployed(t, "../../overlays/aks")
	s := start(t, objects, b, "user-service")
	s.await(t, "it has looked for MongoDB", func() bool { return strings.Contains(s.log.String(), "server selection error") })
}
