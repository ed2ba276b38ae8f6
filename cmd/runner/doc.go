// Command runner is Tocsin: it runs detection rules against Elasticsearch, or against files.
//
// This package has the flags, the wiring and the exit codes, and no logic of its own: one file per
// subcommand, wire.go as the only place where all packages meet.
//
// Exit codes: 0 done; 1 rules or tests failed; 2 usage or configuration; 3 Elasticsearch could not
// be reached or refused.
package main
