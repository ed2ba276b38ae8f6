// Package lease lets several runners share rules: who is alive, which rules are whose, and a fencing
// number by which what a replaced runner still says is told from what its successor says.
//
// It knows neither rules nor what is done with them. Runners meet in one document ([Store]), each
// change of which is made over the version that was read. Whether another runner is alive is judged
// by its beats as they are seen, on one's own clock: a clock that is wrong elsewhere does no harm,
// and is remarked on. Rules go to live runners by rendezvous hashing, so that a change of one runner
// moves only its own.
//
// The flow: [Member.Run] beats until its context ends; [Member.Owns] says whether a rule is ours
// just now; [Member.Fence] is the number for what is written. The number grows with every change of
// who is alive. A member that could not beat for a period owns nothing until it can: by then the
// others may have taken over. A runner alone pays one small write in a while for it.
package lease
