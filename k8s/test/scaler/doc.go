// Package scaler tests what KEDA's own Kafka scaler makes of the ScaledObject in
// k8s/base. It stands alone because KEDA's scalers take minutes to compile.
package scaler
