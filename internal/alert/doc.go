// Package alert makes alerts: documents with an identity, one for each hit of a rule.
//
// It neither searches nor decides what is a hit. The flow: [Builder.Build] copies the event, adds
// the rule's fields under the names of Kibana's detection alerts, and gives the document the
// identity ([EventID] and others) that makes writing it idempotent; an [Indexer] writes it with
// create semantics, a [Reader] lists it.
package alert
