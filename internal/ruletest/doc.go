// Package ruletest runs the tests that stand beside rules: events, and which of them must alert.
//
// A test goes through the same pipeline as every run, over an embedded store in memory; it proves
// nothing about a cluster's mappings. The flow: [Load] finds NAME.test.toml beside NAME.toml and
// reads it into [File]s, [Run] runs one file's tests and returns a [Result] for each.
package ruletest
