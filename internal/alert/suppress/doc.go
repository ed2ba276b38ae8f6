// Package suppress folds the hits of one group into one alert.
//
// It is a state machine over hits of any kind: it reads no documents, reads no clock and writes
// nothing. The flow: [Folder.AddStored] takes the stored alerts of a group; [Folder.Add] decides about
// one hit after the other; [Folder.Changes] returns which alerts to create and which to extend;
// [Change.On] applies a change to the current version of an alert.
//
// # What makes it idempotent
//
// Windows overlap, are run again, and are cut off when a process dies. A hit that was counted must
// not be counted again, and a hit that was not must be. A count on the alert cannot tell the two
// apart, nor can the time of its last event, as events arrive late. So an alert remembers its hits
// ([Counted]), each as its time and a hash of the identity that its own alert would have, which
// depends on the event alone. The memory is part of the alert's document and changes in the same
// write as the count, so the two never differ. It follows:
//
//   - a hit of a window that is run again is known to the alert that it founded or that took it;
//   - after a crash between two alerts, some are written whole and others not at all, and the next
//     run over the window writes the rest. A run writes nothing before it has seen all of its hits,
//     so this also holds where alerts are folded within a run;
//   - when two runners change the same alert, the second write is refused, as the alert has changed
//     since it was read; [Change.On] is called again with the alert that includes the first change.
//
// Windows that are run one after the other, with any overlap and any repetition, leave the same
// alerts, with the same counts, as one pass over all of them.
//
// # Limits
//
// The memory of one alert is bounded: of more than [Remembered] hits it keeps the latest by time,
// and the time of the latest forgotten hit. Every hit up to that time counts as known. So if more
// than [Remembered] later events of its group were counted before a late event arrives, that event
// is taken for one of them: it is not counted.
//
// A hit older than all alerts of its group founds a new alert, whose time range may overlap with
// the others': stored alerts are not taken back. An alert of the same run is: the earliest hit
// founds it, in whichever order hits come, as long as all of its hits lie within its duration.
//
// Times have millisecond precision, as in alerts. Each folded hit of a run takes some 40 bytes
// until the run ends.
package suppress
