// Package rules holds the detection rules that Tocsin ships, one file each, by platform; the tests
// of a rule stand beside it as NAME.test.toml. Those in splunk are written for Splunk, with the macros
// that they use.
//
// It is data, not code: internal/run/catalog reads the files, from here or from a directory.
package rules

import "embed"

// FS has the shipped rules and their tests, so that the program finds them without a checkout.
//
//go:embed */*.toml splunk/*.yml splunk/macros/*.yml
var FS embed.FS
