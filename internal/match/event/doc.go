// Package event is one document that rules look at: where it is ([Event]), and its fields as
// queries see them ([Document]).
//
// It does not know what a rule is and compares nothing. The flow: a searcher yields an Event with
// its source as JSON; [Event.Document] decodes it once; [Document.Values] gives the indexed values
// of a field under a mapping, whether the source nests objects, writes dotted keys, or mixes both.
package event
