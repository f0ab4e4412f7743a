package test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/kyaml/kio"

	"registration.example/k8s/test/injector"
	"registration.example/k8s/test/manifests"
	"registration.example/messages"
)

// component is what is looked at of a Dapr component.
type component struct {
	Metadata struct{ Name string }
	Scopes   []string
	Spec     struct {
		Type, Version, InitTimeout string
		Metadata                   []setting
	}
}

type setting struct{ Name, Value, EnvRef string }

// differences are the settings that a cluster may have otherwise than one machine.
var differences = map[string][]string{
	"pubsub.kafka":  {"brokers", "authType", "caCert", "saslMechanism", "saslUsername", "saslPassword"},
	"state.mongodb": {"connectionString"},
}

func (c component) get(name string) setting {
	for _, s := range c.Spec.Metadata {
		if s.Name == name {
			return s
		}
	}
	return setting{}
}

// common leaves out addresses and credentials.
func (c component) common() component {
	c.Spec.Metadata = slices.DeleteFunc(slices.Clone(c.Spec.Metadata), func(s setting) bool {
		return slices.Contains(differences[c.Spec.Type], s.Name)
	})
	return c
}

// onOneMachine reads components/kafka-mongodb.
func onOneMachine(t *testing.T) map[string]component {
	t.Helper()
	nodes, err := kio.LocalPackageReader{PackagePath: "../../components/kafka-mongodb"}.Read()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]component{}
	for _, node := range nodes {
		var c component
		if err := node.YNode().Decode(&c); err != nil {
			t.Fatal(err)
		}
		all[node.GetName()] = c
	}
	return all
}

// TestComponentsAreThoseOfOneMachine: what `dapr run -f .` and its tests prove
// holds in a cluster too, addresses and credentials apart.
func TestComponentsAreThoseOfOneMachine(t *testing.T) {
	t.Parallel()
	for name, want := range onOneMachine(t) {
		got, err := manifests.Read[component](overlay(t, "aks").Find("Component", name))
		if err != nil {
			t.Fatal(err)
		}
		want.Spec.InitTimeout = got.Spec.InitTimeout // decoded by the other decoder
		if diff := cmp.Diff(want.common(), got.common()); diff != "" {
			t.Errorf("%s (-components/kafka-mongodb +k8s):\n%s", name, diff)
		}
		for _, secret := range []string{"saslPassword", "connectionString"} {
			if value := got.get(secret).Value; value != "" {
				t.Errorf("%s: %s is in the manifest", name, secret)
			}
		}
	}
}

// rules gives what a KafkaUser may do, each as "Operation type name".
func rules(t *testing.T, objects manifests.Objects, name string) []string {
	t.Helper()
	user, err := manifests.Read[struct {
		Spec struct {
			Authorization struct {
				ACLs []struct {
					Resource   struct{ Type, Name, PatternType string }
					Operations []string
				}
			}
		}
	}](objects.Find("KafkaUser", name))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, acl := range user.Spec.Authorization.ACLs {
		if acl.Resource.PatternType != "literal" {
			t.Errorf("%s: %s is no literal name", name, acl.Resource.Name)
		}
		for _, operation := range acl.Operations {
			all = append(all, strings.Join([]string{operation, acl.Resource.Type, acl.Resource.Name}, " "))
		}
	}
	slices.Sort(all)
	return all
}

// scopes gives an app's topics in publishingScopes or subscriptionScopes.
func scopes(c component, name, app string) []string {
	for entry := range strings.SplitSeq(c.get(name).Value, ";") {
		if who, topics, _ := strings.Cut(entry, "="); who == app && topics != "" {
			return strings.Split(topics, ",")
		}
	}
	return nil
}

// TestKafkaUsersMayWhatTheirSidecarsMay derives each user's rights from the
// components: topics to publish to, topics to consume, consumer groups. Neither
// one too few nor one too many.
func TestKafkaUsersMayWhatTheirSidecarsMay(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "aks")
	for _, app := range []string{"operation-service", "user-service", "approval-service"} {
		var want []string
		for _, object := range objects.Kind("Component") {
			c, err := manifests.Read[component](object)
			if err != nil {
				t.Fatal(err)
			}
			if c.Spec.Type != "pubsub.kafka" || !slices.Contains(c.Scopes, app) {
				continue
			}
			group := app // Dapr's default
			if own := c.get("consumerGroup").Value; own != "" {
				group = own
			}
			want = append(want, "Read group "+group)
			for _, topic := range scopes(c, "publishingScopes", app) {
				want = append(want, "Write topic "+topic)
			}
			for _, topic := range scopes(c, "subscriptionScopes", app) {
				want = append(want, "Read topic "+topic)
			}
			if user := c.get("saslUsername").Value; user != "{appID}" {
				t.Errorf("%s logs in as %q, want as its app", c.Metadata.Name, user)
			}
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, rules(t, objects, app)); diff != "" {
			t.Errorf("KafkaUser %s (-wanted by its components +granted):\n%s", app, diff)
		}
	}
	for user, want := range map[string][]string{
		"keda":         {"Describe group approval-service", "Describe topic user-approve"},
		"dead-letters": rulesOfDeadLetters(),
	} {
		if diff := cmp.Diff(want, rules(t, objects, user)); diff != "" {
			t.Errorf("KafkaUser %s (-want +granted):\n%s", user, diff)
		}
	}
}

// rulesOfDeadLetters: to read them, to put back their records, and to remember
// which.
func rulesOfDeadLetters() []string {
	want := []string{"Read group dead-letters"}
	for _, topic := range messages.Topics() {
		want = append(want, "Read topic "+string(topic.DeadLetter()), "Write topic "+string(topic))
	}
	slices.Sort(want)
	return want
}

// TestTopicsAreThoseOfTheComponents, each with a dead-letter topic.
func TestTopicsAreThoseOfTheComponents(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "aks")
	pubsub, err := manifests.Read[component](objects.Find("Component", "pubsub"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(pubsub.get("allowedTopics").Value, ",")
	var got []string
	for _, topic := range objects.Kind("KafkaTopic") {
		got = append(got, topic.GetName())
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topics (-allowed by the component +made):\n%s", diff)
	}
}

// TestEverySecretHasAMaker: Strimzi makes one for each user and the cluster's
// CA, secrets.sh the rest.
func TestEverySecretHasAMaker(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "kind")
	made := map[string][]string{"kafka-cluster-ca-cert": {"ca.crt"}}
	for _, user := range objects.Kind("KafkaUser") {
		made[user.GetName()] = []string{"password", "sasl.jaas.config"}
	}
	out, err := exec.Command("../secrets.sh", "--dry-run").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, keys, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "secret "), ": ")
		made[name] = strings.Fields(keys)
	}
	for name, pod := range admitted(t, objects) {
		for _, volume := range pod.Spec.Volumes {
			if volume.Secret == nil {
				continue
			}
			for _, item := range volume.Secret.Items {
				if !slices.Contains(made[volume.Secret.SecretName], item.Key) {
					t.Errorf("%s: %s: nobody makes the key %s of a Secret %s", name, volume.Name, item.Key, volume.Secret.SecretName)
				}
			}
		}
		for _, container := range pod.Spec.Containers {
			for _, env := range container.Env {
				if env.ValueFrom == nil || env.ValueFrom.SecretKeyRef == nil {
					continue
				}
				ref := env.ValueFrom.SecretKeyRef
				if !slices.Contains(made[ref.Name], ref.Key) {
					t.Errorf("%s: %s: nobody makes the key %s of a Secret %s", name, env.Name, ref.Key, ref.Name)
				}
			}
		}
	}
}

// TestSidecarsSeeTheirOwnSecretsOnly: what a component takes by envRef is in the
// sidecar's environment, and allowed there.
func TestSidecarsSeeTheirOwnSecretsOnly(t *testing.T) {
	t.Parallel()
	objects := overlay(t, "aks")
	pods := admitted(t, objects)
	for _, object := range objects.Kind("Component") {
		c, err := manifests.Read[component](object)
		if err != nil {
			t.Fatal(err)
		}
		for _, app := range c.Scopes {
			sidecar := injector.Sidecar(pods[app])
			for _, s := range c.Spec.Metadata {
				if s.EnvRef == "" {
					continue
				}
				secret := secretOf(sidecar, s.EnvRef)
				if secret == "" {
					t.Errorf("%s: %s is not in the sidecar of %s", c.Metadata.Name, s.EnvRef, app)
				}
				if name, _, _ := strings.Cut(secret, "/"); name != "kafka-cluster-ca-cert" && !strings.HasPrefix(name, app) {
					t.Errorf("%s: %s of %s is the Secret %s", c.Metadata.Name, s.EnvRef, app, name)
				}
			}
		}
	}
}

// TestImagesHaveTags that say which they are.
func TestImagesHaveTags(t *testing.T) {
	t.Parallel()
	for system, objects := range systems(t) {
		if strings.HasPrefix(system, "platform") {
			continue // an option gives the tag
		}
		for name, pod := range admitted(t, objects) {
			for _, container := range pod.Spec.Containers {
				_, tag, found := strings.Cut(filepath.Base(container.Image), ":")
				if container.Name != "daprd" && (!found || tag == "latest") {
					t.Errorf("%s: %s: image %s", system, name, container.Image)
				}
			}
		}
	}
}
