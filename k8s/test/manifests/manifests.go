// Package manifests renders the manifests of k8s/ as `kubectl apply -k` would,
// for tests that look at the result.
package manifests

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Objects are what a folder renders to, in the order of their application.
type Objects []*unstructured.Unstructured

// Render renders a folder with a kustomization.
func Render(folder string) (Objects, error) {
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsRootOnly
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", folder, err)
	}
	var objects Objects
	for _, resource := range resources.Resources() {
		text, err := resource.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", folder, err)
		}
		object := new(unstructured.Unstructured)
		if err := object.UnmarshalJSON(text); err != nil {
			return nil, fmt.Errorf("render %s: %w", folder, err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// RenderWith renders a folder with options on top, as an overlay would.
func RenderWith(folder string, options ...string) (Objects, error) {
	overlay, err := os.MkdirTemp("", "overlay-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(overlay)
	// Kustomize follows links before it looks for relative paths.
	if overlay, err = filepath.EvalSymlinks(overlay); err != nil {
		return nil, err
	}
	kustomization := types.Kustomization{
		TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind},
	}
	if kustomization.Resources, err = relative(overlay, folder); err != nil {
		return nil, err
	}
	if kustomization.Components, err = relative(overlay, options...); err != nil {
		return nil, err
	}
	text, err := yaml.Marshal(kustomization)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), text, 0o600); err != nil {
		return nil, err
	}
	return Render(overlay)
}

func relative(to string, paths ...string) ([]string, error) {
	var all []string
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		path, err := filepath.Rel(to, absolute)
		if err != nil {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
}

// Kind are the objects of a kind.
func (o Objects) Kind(kind string) Objects {
	var found Objects
	for _, object := range o {
		if object.GetKind() == kind {
			found = append(found, object)
		}
	}
	return found
}

// Find gives an object by kind and name, nil if there is none.
func (o Objects) Find(kind, name string) *unstructured.Unstructured {
	for _, object := range o.Kind(kind) {
		if object.GetName() == name {
			return object
		}
	}
	return nil
}

// Read reads those parts of an object that T has.
func Read[T any](object *unstructured.Unstructured) (T, error) {
	return decode[T](object, yaml.Unmarshal)
}

// Decode reads an object as the type that its API has for it. A field that the
// type does not know is an error.
func Decode[T any](object *unstructured.Unstructured) (T, error) {
	return decode[T](object, yaml.UnmarshalStrict)
}

func decode[T any](object *unstructured.Unstructured, unmarshal func([]byte, any, ...yaml.JSONOpt) error) (T, error) {
	var typed T
	if object == nil {
		return typed, errors.New("no such object")
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return typed, err
	}
	if err := unmarshal(text, &typed); err != nil {
		return typed, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
	}
	return typed, nil
}
