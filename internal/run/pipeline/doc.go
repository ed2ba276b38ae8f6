// Package pipeline runs one rule over one window: prepare, search, build alerts, write them.
//
// It decides nothing about when (package scheduler) and nothing about how to find hits (package
// query). Service, one-shot run, rule test and embedded store all come through [Pipeline.Run]; its
// [Execution] says what happened, and nothing is left out of it: what could not be searched,
// written or looked at is named and counted.
//
//	Plan ─► Prepare ─► Execute ─► hits ─► alert.Build ─► Indexer.Create ─► Execution
package pipeline
