// Package alert is what a rule's hit becomes: a document with an identity.
//
// It neither searches nor decides what is a hit. The flow: [Build] copies the event, adds the
// rule's fields under the names of Kibana's detection alerts, and gives the document the [ID] that
// makes writing it idempotent; an [Indexer] writes it with create semantics, a [Reader] lists it.
package alert
