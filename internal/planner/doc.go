// Package planner chooses how the searches that are due at one time are answered: by one read of
// the new events matched in memory (scan), or in batches of searches.
//
// It knows neither rules nor windows as such, only requests and what their like has cost before.
// The choice: a scan costs what its documents cost, however many requests ride on it; searches cost
// what they took the last time. Requests of long windows are left out of a scan that they would
// make dear. [Planner.Answer] does what was chosen, learns from it, and gives way to the other when
// it fails.
package planner
