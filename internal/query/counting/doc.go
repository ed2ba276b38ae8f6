// Package counting plans the rule types that count groups of events: threshold ([Threshold]) and new terms ([NewTerms]).
// Groups are counted where the events are, or in memory over events that were read for other rules too.
package counting
