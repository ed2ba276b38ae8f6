// Package pipeline runs one rule over one window: prepare, search, build alerts, write them.
//
// When a rule runs is decided by package scheduler, and how hits are found by package query. The service, single runs, rule
// tests and the embedded store all use [Pipeline.Run]. Its [Execution] is a complete record: whatever could not be
// searched, written or examined is in it.
//
//	Plan ─► Prepare ─► Execute ─► hits ─► alert.Build ─► Indexer.Create ─► Execution
package pipeline
