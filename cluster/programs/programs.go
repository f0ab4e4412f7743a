// Package programs builds the programs of a Kubernetes cluster from the Go
// module proxy: no image and no installation is needed. Each group of them is
// pinned by a module of its own below tools/.
package programs

import "path/filepath"

// Name is a program's file name.
type Name string

// The programs. Karpenter is the build with the provider of KWOK nodes.
const (
	Etcd              Name = "etcd"
	APIServer         Name = "kube-apiserver"
	ControllerManager Name = "kube-controller-manager"
	Scheduler         Name = "kube-scheduler"
	Kubectl           Name = "kubectl"
	Kwok              Name = "kwok"
	KEDAOperator      Name = "keda-operator"
	KEDAAdapter       Name = "keda-adapter"
	DaprInjector      Name = "dapr-injector"
	DaprOperator      Name = "dapr-operator"
	DaprSentry        Name = "dapr-sentry"
	Helm              Name = "helm"
	Karpenter         Name = "karpenter"
	Prometheus        Name = "prometheus"
)

// program says what a program is made of.
type program struct {
	name Name
	// module is the folder below tools/ that pins it.
	module string
	// pkg is its main package.
	pkg string
	// stamp are variables that its own build sets to its version.
	stamp []string
	// versionOf is the module whose version they get.
	versionOf string
}

const (
	kubernetes = "k8s.io/kubernetes"
	dapr       = "github.com/dapr/dapr"
	keda       = "github.com/kedacore/keda/v2"
	kwok       = "sigs.k8s.io/kwok"
	karpenter  = "sigs.k8s.io/karpenter"
)

// kubernetesStamp is what kubectl reads of itself and of the API server:
// without it `kubectl version` fails.
var kubernetesStamp = []string{"k8s.io/component-base/version.gitVersion"}

var daprStamp = []string{dapr + "/pkg/buildinfo.version"}

// all lists the programs in the order in which they are built.
func all() []program {
	return []program{
		{name: Etcd, module: "etcd", pkg: "go.etcd.io/etcd/server/v3"},
		{name: APIServer, module: "control-plane", pkg: kubernetes + "/cmd/kube-apiserver", stamp: kubernetesStamp, versionOf: kubernetes},
		{name: ControllerManager, module: "control-plane", pkg: kubernetes + "/cmd/kube-controller-manager", stamp: kubernetesStamp, versionOf: kubernetes},
		{name: Scheduler, module: "control-plane", pkg: kubernetes + "/cmd/kube-scheduler", stamp: kubernetesStamp, versionOf: kubernetes},
		{name: Kubectl, module: "control-plane", pkg: kubernetes + "/cmd/kubectl", stamp: kubernetesStamp, versionOf: kubernetes},
		{name: Kwok, module: "kwok", pkg: kwok + "/cmd/kwok"},
		{name: KEDAOperator, module: "keda", pkg: keda + "/cmd/operator"},
		{name: KEDAAdapter, module: "keda", pkg: keda + "/cmd/adapter"},
		{name: DaprInjector, module: "dapr", pkg: dapr + "/cmd/injector", stamp: daprStamp, versionOf: dapr},
		{name: DaprOperator, module: "dapr", pkg: dapr + "/cmd/operator", stamp: daprStamp, versionOf: dapr},
		{name: DaprSentry, module: "dapr", pkg: dapr + "/cmd/sentry", stamp: daprStamp, versionOf: dapr},
		{name: Helm, module: "helm", pkg: "helm.sh/helm/v3/cmd/helm"},
		{name: Karpenter, module: "karpenter", pkg: karpenter + "/kwok"},
		{name: Prometheus, module: "prometheus", pkg: "github.com/prometheus/prometheus/cmd/prometheus"},
	}
}

// sources are the modules whose files the cluster reads, manifests above all,
// and the folder below tools/ that pins each.
var sources = map[string]string{
	dapr:       "dapr",
	keda:       "keda",
	kwok:       "kwok",
	karpenter:  "karpenter",
	kubernetes: "control-plane",
}

// Set is the built programs.
type Set struct {
	folder string
	source map[string]string
	// Versions are those of the modules, by module path.
	Versions map[string]string
}

// Path is where a program is.
func (s Set) Path(name Name) string { return filepath.Join(s.folder, string(name)) }

// Dapr is the folder of Dapr's source: its chart is in charts/dapr.
func (s Set) Dapr() string { return s.source[dapr] }

// KEDA is the folder of KEDA's source: its manifests are in config.
func (s Set) KEDA() string { return s.source[keda] }

// Kwok is the folder of KWOK's source: its stages are in kustomize/stage.
func (s Set) Kwok() string { return s.source[kwok] }

// Karpenter is the folder of Karpenter's source: CRDs are in pkg/apis/crds.
func (s Set) Karpenter() string { return s.source[karpenter] }
