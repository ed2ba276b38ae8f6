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
	// Slots is the number of the job's slots. Before is how many were covered when the run began,
	// as far as it has got. Covered is how many the run has covered, Passed how many it has given
	// up.
	Slots, Before, Covered, Passed int64
	// At is the start of the time range that is being worked on.
	At time.Time
	// Created is the number of alerts created, Rounds the number of rounds, in each of which all
	// rules share a read.
	Created, Rounds int64
}

// Pace returns the rate of a run, in slots a second, given its duration so far, and the remaining
// time, which is negative while it cannot be estimated.
func (p Progress) Pace(took time.Duration) (rate float64, remaining time.Duration) {
	done := p.Covered + p.Passed
	if done <= 0 || took <= 0 {
		return 0, -1
	}
	rate = float64(done) / took.Seconds()
	return rate, time.Duration(float64(p.Left()) / rate * float64(time.Second))
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
