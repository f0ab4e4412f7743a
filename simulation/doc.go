// Package simulation runs the whole saga, the three services' real handlers
// with several replicas each, in one process and in virtual time, over a broker
// and databases in memory that do their worst: they lose acknowledgements,
// double, delay, reorder and deliver again, and replicas crash between any two
// effects. What happens follows from a seed alone, so that a history that
// breaks a promise can be run again.
//
// It is one layer of the proof; e2e and chaos do the same to real processes.
package simulation
