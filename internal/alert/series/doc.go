// Package series decides to which data stream or rollover series an index belongs. With the _id that is what an event
// is known by: the same document found in another backing index, or in a copy that lifecycle management made,
// is the same event.
//
// It is not about index patterns, nor about what a name looks like: customer-000001 and customer-000002 are two
// series, unless the cluster says that one was rolled over to the other.
//
// A [Registry] asks a [Source] for [Facts] of an index, decides once, and keeps the [Record] by the index's UUID in a
// [Store] beside the ledger, where all runners find it. A decision never changes: the identity of alerts depends on
// it. So an index that is removed from its data stream, renamed by an alias or shrunk stays what it was.
package series
