// Package suppress folds the hits of one group into one alert.
//
// It is a state machine over hits of any kind: it reads no documents, asks no clock and writes
// nothing. The flow: [Folder.Learn] is told the alerts that a group has; [Folder.Add] decides about
// one hit after the other; [Folder.Changes] says in the end which alerts are to be made and which
// ones take more, and [Change.On] applies a change to an alert as it is by then.
//
// # What makes it idempotent
//
// Windows overlap, are run again, and end in the middle when a process dies. What was counted must
// not be counted again, and what was not has to be. A number on the alert cannot tell the two apart,
// and neither can the time of its last event, as events arrive late. So an alert remembers the hits
// that it stands for ([Counted]), each as its time and a hash of the identity that its own alert
// would have, which depends on the event alone. The memory is part of the alert's document, so it
// changes in the same write as the count: there is no moment at which one is ahead of the other. From
// that follows
//
//   - a hit of a window that is run again is known, by the alert that it founded or that took it;
//   - a crash between two alerts leaves some written whole and others not at all, and the next run
//     over the window does what is missing. A run writes nothing before it has seen all of its hits,
//     so this also holds where alerts are folded within a run;
//   - two runners that meet on an alert: the second write is refused, as the alert has changed since
//     it was read; [Change.On] is asked again with what the first has counted.
//
// Windows that are run one after the other, with any overlap and any repetition, leave the alerts
// that one pass over all of them leaves, with the same counts.
//
// # Where its limits are
//
// The memory of one alert is bounded: of more than [Remembered] hits it keeps the latest by time
// exactly, and of the others the latest only. Whatever is not later than that counts as known. So an
// event that arrives so late that more than that many later ones of its group have been counted is
// taken for one of them: it is not counted, and never counted twice.
//
// A hit older than all alerts of its group founds one of its own, whose time may overlap with
// theirs: alerts that are written are not taken back. Only those of the same run are: the earliest
// hit founds them, in whichever order hits come, as long as all that they took lie within its time.
//
// Times count to the millisecond, as alerts have them. In a run every hit that is folded takes some
// 40 bytes until the end.
package suppress
