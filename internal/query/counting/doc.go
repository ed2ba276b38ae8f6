// Package counting plans the rule types that count groups of events: threshold ([Threshold]) and new terms ([NewTerms]).
// Groups are counted by aggregation, or in memory if a scan has read the events for other rules.
package counting
