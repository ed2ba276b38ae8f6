package backfill

import (
	"time"

	"tocsin/internal/run/pipeline"
)

// Account is the outcome of a rule in one run of a job.
type Account struct {
	RuleID, Name string
	// Slots is the number of the rule's slots in the job. Before is how many were covered when this
	// run began, Covered how many this run has covered.
	Slots, Before, Covered int64
	// Unsettled is the number of slots that ran before all of their events were visible: they are
	// not covered.
	Unsettled int64
	// Runs is the number of runs of the rule.
	Runs int64
	// Read is the number of documents searched, Hits the number of hits. Events in the windows of
	// several runs count in each.
	Read, Hits int64
	// Created, Duplicates and Suppressed count the outcomes of the hits.
	Created, Duplicates, Suppressed int64
	// Stopped is why the rest of the rule's slots was not tried; "" when all were.
	Stopped string
	// Problem is the latest problem of a slot that is not covered.
	Problem string
	// Warnings are the warnings of the latest run that had any.
	Warnings []string
}

// Left returns the number of slots that are not covered.
func (a Account) Left() int64 { return a.Slots - a.Before - a.Covered }

// add counts an execution.
func (a *Account) add(x pipeline.Execution) {
	a.Runs++
	a.Read += x.Read
	a.Hits += x.Hits
	a.Created += int64(x.Created)
	a.Duplicates += int64(x.Duplicates)
	a.Suppressed += int64(x.Suppressed)
	if len(x.Warnings) > 0 {
		a.Warnings = x.Warnings
	}
}

// Progress is the progress of a run of a job.
type Progress struct {
	// Slots is the number of the job's slots. Before is how many were covered when the run began. Covered is how many the run has
	// covered, Passed how many it has given up.
	Slots, Before, Covered, Passed int64
	// At is the start of the time range that is being worked on.
	At time.Time
	// Created is the number of alerts created, Rounds the number of rounds, in each of which all
	// rules share a read.
	Created, Rounds int64
	// Told is when this was reported, Remaining how long the rest takes from then on: negative while that cannot be estimated.
	Told      time.Time
	Remaining time.Duration
}

// Rate returns how many slots a second a run has ended, given its duration so far.
func (p Progress) Rate(took time.Duration) float64 {
	if took <= 0 {
		return 0
	}
	return float64(p.Covered+p.Passed) / took.Seconds()
}

// RemainingAt returns how long the rest takes at a time after the report; negative while that cannot be estimated.
func (p Progress) RemainingAt(now time.Time) time.Duration {
	if p.Remaining < 0 {
		return p.Remaining
	}
	return max(0, p.Remaining-max(0, now.Sub(p.Told)))
}

// Left returns the number of slots that the run has not reached.
func (p Progress) Left() int64 { return max(0, p.Slots-p.Before-p.Covered-p.Passed) }

// Result is the outcome of a run of a job.
type Result struct {
	// Accounts are in the order of the rules.
	Accounts []Account
	Progress Progress
}

// Unsettled returns the number of slots that ran too early to be covered.
func (r Result) Unsettled() int64 {
	n := int64(0)
	for _, a := range r.Accounts {
		n += a.Unsettled
	}
	return n
}

// Left returns the number of slots that are not covered.
func (r Result) Left() int64 {
	n := int64(0)
	for _, a := range r.Accounts {
		n += a.Left()
	}
	return n
}
