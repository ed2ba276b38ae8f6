// Package pipeline runs one rule over one window: prepare, search, build alerts, write them.
//
// It does not decide when to run (package scheduler) or how to find hits (package query). The service,
// one-shot runs, rule tests and the embedded store all use [Pipeline.Run]. The returned [Execution] is
// complete: everything that could not be searched, written or checked is named and counted.
//
//	Plan ─► Prepare ─► Execute ─► hits ─► alert.Build ─► Indexer.Create ─► Execution
package pipeline
