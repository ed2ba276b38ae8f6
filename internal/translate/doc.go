// Package translate turns the text of a query into the neutral condition, whatever its language.
//
// It knows which languages exist (languages.go) but not how they work: each language has its own
// folder. The flow has two steps, because the meaning of a name is only known once the indices are:
// [Parse] parses the text once, when a rule is loaded; [Query.Lower] makes the condition for a
// mapping, before each run.
package translate
