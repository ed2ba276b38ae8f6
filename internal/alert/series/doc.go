// Package series decides to which data stream or rollover series an index belongs. The series and the _id
// identify an event: the same document in another backing index, or in a copy made by lifecycle management,
// is the same event.
//
// Index patterns and similar names do not matter: customer-000001 and customer-000002 are two series, unless
// the cluster shows that one was rolled over to the other.
//
// A [Registry] reads the [Facts] of an index from a [Source], decides once, and stores the [Record] by the
// index's UUID in a [Store] beside the ledger, for all runners. A decision never changes, as the identity of
// alerts depends on it: an index that is removed from its data stream, renamed by an alias or shrunk keeps
// its series.
package series
