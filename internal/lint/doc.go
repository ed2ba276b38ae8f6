// Package lint finds what is probably not meant in rules that can be run.
//
// One place has all lints: [All], a table with a [Lint] for each code. A lint looks at one [Subject], a rule with its parsed
// query, or at all of them, and reports at the narrowest place what is wrong and what to write instead. [Run] runs lints
// and leaves out what the rule's author has decided to ignore (ignore.go).
//
// A lint never changes what a rule does. Mistakes without which a rule cannot run are those of the parsers and of
// lowering, not lints.
package lint
