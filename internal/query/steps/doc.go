// Package steps plans queries of several steps, sequences and samples: one search for the events of all steps, each told
// in memory to the steps that it fits.
package steps
