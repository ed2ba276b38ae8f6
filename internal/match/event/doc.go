// Package event is one document that rules read: its index and id ([Event]), and its fields as queries see
// them ([Document]).
//
// It knows no rules and compares nothing. The flow: a search returns an Event with its source as JSON;
// [Event.Document] decodes it once; [Document.Values] returns the indexed values of a field under a mapping,
// whether the source nests objects, has dotted keys, or mixes both.
package event
