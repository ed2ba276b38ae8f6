// Package report writes the results of checking a set of rules: for people, for scripts (JSON), for
// code scanning (SARIF 2.1.0) and for continuous integration (JUnit XML).
//
// It finds no faults itself: [Judge] only summarizes diagnostics. The flow: one [Result] per rule
// file, all of them in a [Report], written by [Report.Write].
package report
