// Package report writes what checking a set of rules found: for people, for scripts (JSON), for
// code scanning (SARIF 2.1.0) and for continuous integration (JUnit XML).
//
// It judges nothing: [Judge] only sums up diagnostics. The flow: one [Result] per rule file, all of
// them in a [Report], written by [Report.Write].
package report
