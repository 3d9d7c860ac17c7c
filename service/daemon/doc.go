// Package daemon wires the service together: the engine, the adapters it acts
// through, the store, the API and its socket. holdfastd runs it, and so does
// the demo.
//
// It decides nothing. What one package needs and another gives is fitted
// together here, in small adapters without a will of their own.
package daemon
