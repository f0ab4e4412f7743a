package schemas

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install" // kinds of apps/v1
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"       // kinds of v1
	_ "k8s.io/kubernetes/pkg/apis/networking/install" // kinds of networking.k8s.io/v1
	_ "k8s.io/kubernetes/pkg/apis/policy/install"     // kinds of policy/v1
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install" // kinds of scheduling.k8s.io/v1
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/namespace"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	"k8s.io/kubernetes/pkg/registry/scheduling/priorityclass"
)

// strategies are what kube-apiserver itself does with an object that is created.
var strategies = map[schema.GroupKind]rest.RESTCreateStrategy{
	{Group: "apps", Kind: "Deployment"}:                 deployment.Strategy,
	{Group: "apps", Kind: "StatefulSet"}:                statefulset.Strategy,
	{Kind: "ConfigMap"}:                                 configmap.Strategy,
	{Kind: "Namespace"}:                                 namespace.Strategy,
	{Kind: "Service"}:                                   service.Strategy,
	{Kind: "ServiceAccount"}:                            serviceaccount.Strategy,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}: networkpolicy.Strategy,
	{Group: "policy", Kind: "PodDisruptionBudget"}:      poddisruptionbudget.Strategy,
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}: priorityclass.Strategy,
}

// validateBuiltin decodes an object as strictly as `kubectl apply
// --validate=strict` asks the API server to, sets defaults, and validates it.
func validateBuiltin(object *unstructured.Unstructured, strategy rest.RESTCreateStrategy) error {
	text, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	internal, _, err := codecs.UniversalDecoder(internalVersion(object)).Decode(text, nil, nil)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if service, ok := internal.(*core.Service); ok && service.Spec.ClusterIP != "" {
		service.Spec.ClusterIPs = []string{service.Spec.ClusterIP} // the API server does it where it gives addresses
	}
	return create(strategy, object.GetNamespace(), internal)
}

func internalVersion(object *unstructured.Unstructured) schema.GroupVersion {
	return schema.GroupVersion{Group: object.GroupVersionKind().Group, Version: runtime.APIVersionInternal}
}

// create does what the API server does with an object before it stores it.
func create(strategy rest.RESTCreateStrategy, namespace string, object runtime.Object) error {
	metadata, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	rest.FillObjectMetaSystemFields(metadata)
	return rest.BeforeCreate(strategy, request.WithNamespace(context.Background(), namespace), object)
}
