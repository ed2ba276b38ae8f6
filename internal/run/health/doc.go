// Package health holds the states of the service: what is wrong now, since when, and what to do about it.
//
// It sends nothing and repairs nothing. The flow: whoever learns something about the service (an execution, a probe of the cluster, a
// reload) calls [Board.Observe] with all that it has found, so that what it does not find any more recovers. The [Board] decides when
// a finding becomes a [State], and when the state has ended: a state is told once, and its end once. [Board.Sync] agrees with the
// other runners by one document of a [Store], and hands every [Change] over with a key that is the same on all of them and after a
// restart; while the store does not answer, a store beside it, such as a [File], keeps what it lacks. [Board.Known] says what there is
// and was. [Watch] makes findings of executions and probes, [Silence] decides from counts when a source of events has gone silent.
//
//	executions, probes, reloads ─► Watch ─► Board ─► Sync ─► Store, notifications, log, metrics
package health
