// Package planner chooses how the searches that are due at one time are answered: by a scan (one
// read of the new events, matched in memory) or by batches of searches.
//
// It knows neither rules nor windows as such, only requests and what similar requests cost before.
// A scan costs what its documents cost, however many requests share it. Searches cost what they
// took the last time. Requests with long windows are left out of a scan that they would make
// expensive. [Planner.Answer] executes the choice, updates the costs, and falls back to the other
// way when it fails.
package planner
