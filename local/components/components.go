// Package components reads Dapr's component files: which servers a sidecar
// will need, and the same components with other servers.
package components

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// document is a resource; component is set where it is one.
type document struct {
	node      *yaml.Node
	component *component
}

// component is what this package reads and changes; the rest passes through.
type component struct {
	Spec spec           `yaml:"spec"`
	Rest map[string]any `yaml:",inline"`
}

type spec struct {
	Type     string         `yaml:"type"`
	Metadata []item         `yaml:"metadata"`
	Rest     map[string]any `yaml:",inline"`
}

type item struct {
	Name   string         `yaml:"name"`
	Value  any            `yaml:"value,omitempty"`
	EnvRef string         `yaml:"envRef,omitempty"`
	Rest   map[string]any `yaml:",inline"`
}

func newDocument(node *yaml.Node) (document, error) {
	d := document{node: node}
	var resource struct {
		Kind string `yaml:"kind"`
	}
	if err := node.Decode(&resource); err != nil || resource.Kind != "Component" {
		return d, err
	}
	d.component = new(component)
	return d, node.Decode(d.component)
}

func (d document) is(kind string) bool { return d.component != nil && d.component.Spec.Type == kind }

// text gives an item's value as the sidecar would see it, "" if it has none.
func (d document) text(name string, getenv func(string) string) string {
	for _, i := range d.component.Spec.Metadata {
		if i.Name != name {
			continue
		}
		if i.EnvRef != "" {
			return getenv(i.EnvRef)
		}
		return fmt.Sprint(i.Value)
	}
	return ""
}

// files are the files of a folder that a sidecar would read: it does not look
// into subfolders.
func files(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("read components: %w", err)
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			names = append(names, filepath.Join(folder, e.Name()))
		}
	}
	return names, nil
}

// read gives the documents of a file.
func read(file string) ([]document, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read components: %w", err)
	}
	var documents []document
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		node := new(yaml.Node)
		err := decoder.Decode(node)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read components: %s: %w", file, err)
		}
		d, err := newDocument(node)
		if err != nil {
			return nil, fmt.Errorf("read components: %s: %w", file, err)
		}
		documents = append(documents, d)
	}
}

// write is read's reverse.
func write(file string, documents []document) error {
	var content bytes.Buffer
	encoder := yaml.NewEncoder(&content)
	for _, d := range documents {
		var content any = d.node
		if d.component != nil {
			content = d.component
		}
		if err := encoder.Encode(content); err != nil {
			return fmt.Errorf("write components: %s: %w", file, err)
		}
	}
	if err := os.WriteFile(file, content.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write components: %w", err)
	}
	return nil
}

// Addresses are servers to be used instead of those in the files; an empty one
// leaves the file's.
type Addresses struct {
	// Kafka is host:port, or several with commas.
	Kafka string
	// MongoDB is a connection string, mongodb://...
	MongoDB string
}

// CopyWith copies the component files of a folder, with other addresses.
func CopyWith(from, to string, a Addresses) error {
	names, err := files(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("copy components: %w", err)
	}
	for _, name := range names {
		documents, err := read(name)
		if err != nil {
			return err
		}
		for i := range documents {
			documents[i].readdress(a)
		}
		if err := write(filepath.Join(to, filepath.Base(name)), documents); err != nil {
			return err
		}
	}
	return nil
}

func (d document) readdress(a Addresses) {
	if d.is(kafkaType) && a.Kafka != "" {
		d.replace(item{Name: "brokers", Value: a.Kafka}, "brokers")
	}
	if d.is(mongoType) && a.MongoDB != "" {
		d.replace(item{Name: "connectionString", Value: a.MongoDB},
			"connectionString", "host", "server", "params", "username", "password")
	}
}

// replace puts an item in the place of those with the given names.
func (d document) replace(with item, names ...string) {
	others := slices.DeleteFunc(d.component.Spec.Metadata, func(i item) bool { return slices.Contains(names, i.Name) })
	d.component.Spec.Metadata = append([]item{with}, others...)
}
