// Package sigma reads the detections of Sigma rules and lowers them to conditions.
//
// The flow: [Parse] reads the detection section of a document once: search identifiers become trees
// of items (parse.go), each value goes through the modifiers of its key (modifier.go) and becomes one
// of a few kinds of tests (value.go), and the text of the condition connects the identifiers
// (condition.go). [Detection.Lower] makes the condition under a mapping: place.go says how indices
// map a field and what that means for case, lower.go and leaf.go choose the test that ignores case as
// Sigma means it there. What no query can say is a Residual over the texts of the source.
//
// Case is Unicode's in memory and where a normalizer folds it. A query that ignores case on a plain
// keyword folds ASCII only; letters beyond it are written as alternatives.
package sigma
