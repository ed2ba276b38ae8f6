// Package benchdecode compares the ways to get some fields out of an event's JSON: what the choice of
// tokenizer for [tocsin/internal/match/event.View] rests on. It is a module of its own, so that what lost
// does not become a dependency of the program.
//
// Every contestant reads the same events and returns the texts of the same fields; a test holds them
// together. Run with
//
//	GOEXPERIMENT=jsonv2 go test -bench . -benchtime 20x
package benchdecode
