package controlplane

import (
	"context"
	"fmt"
	"os"

	"registration.example/cluster/kube"
)

// writeKubeconfig writes kube/NAME.conf for a user who proves himself by
// credentials, which are the fields of a kubeconfig's user.
func (c *ControlPlane) writeKubeconfig(name, credentials string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters: [{name: local, cluster: {server: "%s", certificate-authority: %s}}]
users: [{name: %s, user: {%s}}]
contexts: [{name: local, context: {cluster: local, user: %s}}]
current-context: local
`, c.server(), c.ca.certFile(), name, credentials, name)
	return os.WriteFile(c.kubeconfig(name), []byte(text), 0o600)
}

func (c *ControlPlane) kubeconfig(name string) string { return c.path("kube", name+".conf") }

// actAs writes a kubeconfig with a token of a service account: what runs with
// it has that account's permissions and no others.
func (c *ControlPlane) actAs(ctx context.Context, namespace, account string) (file string, err error) {
	token, err := c.client.Token(ctx, namespace, account, "", kube.Meta{})
	if err != nil {
		return "", err
	}
	return c.kubeconfig(account), c.writeKubeconfig(account, "token: "+token)
}
