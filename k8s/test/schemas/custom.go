package schemas

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// custom is one version of a kind that a CRD defines.
type custom struct {
	kind       schema.GroupVersionKind
	namespaced bool
	structural *structuralschema.Structural
	schema     validation.SchemaValidator
}

// readCRDs reads every CRD in a folder's YAML files.
func readCRDs(folder fs.FS, into map[schema.GroupVersionKind]custom) error {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		if err := readFile(text, into); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func readFile(text []byte, into map[schema.GroupVersionKind]custom) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := documents.Read()
		if err == io.EOF { //nolint:errorlint // Read returns it as it is
			return nil
		}
		if err != nil {
			return err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(document, &crd); err != nil {
			return err
		}
		if crd.Kind != "CustomResourceDefinition" {
			continue
		}
		if err := readCRD(&crd, into); err != nil {
			return fmt.Errorf("%s: %w", crd.Name, err)
		}
	}
}

func readCRD(crd *apiextensionsv1.CustomResourceDefinition, into map[schema.GroupVersionKind]custom) error {
	for _, version := range crd.Spec.Versions {
		if !version.Served || version.Schema == nil {
			continue
		}
		var internal apiextensions.CustomResourceValidation
		if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(version.Schema, &internal, nil); err != nil {
			return err
		}
		structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
		if err != nil {
			return err
		}
		validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
		if err != nil {
			return err
		}
		kind := schema.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
		into[kind] = custom{
			kind:       kind,
			namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
			structural: structural,
			schema:     validator,
		}
	}
	return nil
}

// validate does what the API server does with a custom object: defaults,
// unknown fields, schema, and the rules that are written in CEL.
func (c custom) validate(object *unstructured.Unstructured) error {
	object = object.DeepCopy()
	if unknown := pruning.PruneWithOptions(object.Object, c.structural, true, structuralschema.UnknownFieldPathOptions{
		TrackUnknownFieldPaths: true,
	}); len(unknown) > 0 {
		return fmt.Errorf("unknown fields %s", strings.Join(unknown, ", "))
	}
	defaulting.Default(object.Object, c.structural)
	strategy := customresource.NewStrategy(typer{c.kind}, c.namespaced, c.kind, c.schema, nil, c.structural, nil, nil, nil)
	return create(strategy, object.GetNamespace(), object)
}

// typer knows one kind.
type typer struct{ kind schema.GroupVersionKind }

// ObjectKinds implements runtime.ObjectTyper.
func (t typer) ObjectKinds(runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	return []schema.GroupVersionKind{t.kind}, false, nil
}

// Recognizes implements runtime.ObjectTyper.
func (t typer) Recognizes(kind schema.GroupVersionKind) bool { return kind == t.kind }
