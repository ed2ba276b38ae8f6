// Package lease lets several runners share rules. It knows which runners are alive and which of
// them owns each rule, and has a fencing number that tells writes of a replaced runner from writes
// of its successor.
//
// It knows neither rules nor what runners do with them. Runners meet in one document ([Store]);
// each change is written over the version that was read. A runner judges whether another one is
// alive by the heartbeats that it sees, on its own clock. So a wrong clock elsewhere does no harm,
// and is reported. Rules go to live runners by rendezvous hashing, so that a change of one runner
// moves only its own rules.
//
// The flow: [Member.Run] sends heartbeats until its context ends; [Member.Owns] reports whether
// this runner owns a rule now; [Member.Fence] is the fencing number for what is written. The number
// grows whenever the set of live runners changes. A member that could not send a heartbeat for a
// period owns nothing until it can: the others may have taken over. The cost for a single runner is
// one small write now and then.
package lease
