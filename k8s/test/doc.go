// Package test proves what can be proved of k8s/ without a cluster: `make
// test-k8s` runs it. Its tests render the manifests as kubectl does and hand them
// to the code that will read them: kube-apiserver's validation, the CRDs, the pod
// security standard, Dapr's injector, real sidecars, KEDA's scaler.
package test
