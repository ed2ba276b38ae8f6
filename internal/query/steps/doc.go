// Package steps plans sequences and samples, the queries with several steps. One search finds the events of all steps, and
// each event is assigned in memory to the steps that it matches.
package steps
