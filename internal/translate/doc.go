// Package translate turns the text of a query into the neutral condition, whatever its language.
//
// It knows which languages there are (languages.go) and nothing of how each works: every language
// is a folder of its own below. The flow has two steps, because what a name means is only known
// when the indices are: [Parse] reads the text once, when a rule is loaded; [Query.Lower] writes
// the condition for a mapping, before each run.
package translate
