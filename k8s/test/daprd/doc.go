// Package daprd starts the sidecars of the pods as real processes: with the
// command line and the environment that Dapr's injector gives them, with the
// components that the cluster has, against a broker that wants TLS, a SCRAM login
// and the rights of the Kafka users.
package daprd
