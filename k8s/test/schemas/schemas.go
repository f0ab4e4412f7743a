// Package schemas validates objects as an API server would: Kubernetes' own kinds
// by the code of kube-apiserver, the others by the CRDs that the pinned releases
// of Dapr, KEDA, Strimzi, Istio, Karpenter and the Prometheus operator bring.
package schemas

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ErrUnknownKind says that there is no schema to validate an object by.
var ErrUnknownKind = errors.New("no schema for this kind")

// source is a Go module whose archive holds CRDs.
type source struct {
	module, version string
	// sum is what go.sum would say of it; no package of it is compiled.
	sum    string
	folder string
}

// The versions are those of platform/releases.yaml, but for Dapr (the newest 1.16
// that is served) and Karpenter (AKS runs its own build).
var sources = []source{
	{"github.com/dapr/dapr", "v1.16.5", "h1:kMM2K0dZRGYRZe+U2wgu2iJwqAA1o74a6YRi9era5Lo=", "charts/dapr/crds"},
	{"github.com/kedacore/keda/v2", "v2.20.2", "h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA=", "config/crd/bases"},
	{"istio.io/api", "v1.30.3", "h1:pPSa0uah/t7CEuwacS4rw5qK/oHGvxC0WO8i4RRGwEU=", "kubernetes"},
	{"sigs.k8s.io/karpenter", "v1.14.1", "h1:GjqvOHLjl2+OXM0ti5VEZSQuvcitB0pETd8zdChXEtI=", "pkg/apis/crds"},
	{"github.com/prometheus-operator/prometheus-operator", "v0.93.1", "h1:4Juk8v93RdG1DSGD/mGp+SeQKPmnlLIj2iq3blLZgFY=", "example/prometheus-operator-crd"},
}

// Strimzi's CRDs are in no Go module: strimzi.sh makes them from its Java classes.
//
//go:embed strimzi-1.2.0.yaml.gz
var strimzi []byte

// Validator knows the schemas.
type Validator struct {
	custom map[schema.GroupVersionKind]custom
}

// New reads the schemas. Modules that are not in Go's cache are downloaded.
func New() (Validator, error) {
	v := Validator{map[schema.GroupVersionKind]custom{}}
	crds, err := strimziCRDs()
	if err != nil {
		return v, err
	}
	if err := readCRDs(crds, v.custom); err != nil {
		return v, fmt.Errorf("CRDs of Strimzi: %w", err)
	}
	for _, s := range sources {
		folder, err := s.download()
		if err != nil {
			return v, err
		}
		if err := readCRDs(os.DirFS(folder), v.custom); err != nil {
			return v, fmt.Errorf("CRDs of %s: %w", s.module, err)
		}
	}
	return v, nil
}

// Validate says what an API server would refuse of an object: unknown fields,
// wrong types, missing fields, values that are not allowed. The error is
// ErrUnknownKind where there is no schema.
func (v Validator) Validate(object *unstructured.Unstructured) error {
	kind := object.GroupVersionKind()
	if strategy, ok := strategies[kind.GroupKind()]; ok {
		return validateBuiltin(object, strategy)
	}
	if c, ok := v.custom[kind]; ok {
		return c.validate(object)
	}
	return fmt.Errorf("%w: %s", ErrUnknownKind, kind)
}

func strimziCRDs() (fs.FS, error) {
	zipped, err := gzip.NewReader(bytes.NewReader(strimzi))
	if err != nil {
		return nil, fmt.Errorf("CRDs of Strimzi: %w", err)
	}
	text, err := io.ReadAll(zipped)
	if err != nil {
		return nil, fmt.Errorf("CRDs of Strimzi: %w", err)
	}
	return fstest.MapFS{"strimzi.yaml": {Data: text}}, nil
}

// download gives the folder of the CRDs in Go's module cache.
func (s source) download() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", s.module+"@"+s.version)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	cmd.Dir = os.TempDir() // no go.mod: the version is the one that was asked for
	out, err := cmd.Output()
	var module struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr != nil || err != nil || module.Error != "" {
		return "", fmt.Errorf("download %s@%s: %w %s", s.module, s.version, err, module.Error)
	}
	if module.Sum != s.sum {
		return "", fmt.Errorf("download %s@%s: checksum %s, want %s", s.module, s.version, module.Sum, s.sum)
	}
	return filepath.Join(module.Dir, filepath.FromSlash(s.folder)), nil
}
