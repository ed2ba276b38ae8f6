// Package ruletest runs the tests beside rules: events, and which of them must alert.
//
// A test goes through the same pipeline as every run, over an embedded store in memory. It proves
// nothing about a cluster's mappings. The flow: [Load] finds NAME.test.toml beside NAME.toml and
// parses it into [File]s; [Run] runs one file's tests and returns a [Result] for each.
package ruletest
