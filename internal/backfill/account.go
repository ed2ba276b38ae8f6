package backfill

import (
	"time"

	"tocsin/internal/pipeline"
)

// Account is what became of a rule in one run of a job.
type Account struct {
	RuleID, Name string
	// Slots are those of the rule in the job. Before were covered when this run began, Covered are
	// those that it has covered.
	Slots, Before, Covered int64
	// Unsettled are slots that it has run before all that was there at them was visible: they are not covered.
	Unsettled int64
	// Runs is how often the rule was run.
	Runs int64
	// Read documents were looked at, Hits found in them. Events that lie in the windows of several
	// runs count in each.
	Read, Hits int64
	// Created, Duplicates and Suppressed are what became of the hits.
	Created, Duplicates, Suppressed int64
	// Stopped says why the rest of the rule's slots was not tried; "" when all were.
	Stopped string
	// Problem is the last that there was with a slot that is left.
	Problem string
	// Warnings are those of the last run that had any.
	Warnings []string
}

// Left is the number of slots that are not covered.
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

// Progress is how far a run of a job is.
type Progress struct {
	// Slots are those of the job; Before were covered when the run began, as far as it has got; Covered
	// are those that it has covered, Passed those that it has given up.
	Slots, Before, Covered, Passed int64
	// At is the stretch of time that is being worked on.
	At time.Time
	// Created is the number of alerts made, Rounds that of the reads for all rules.
	Created, Rounds int64
}

// Pace tells how fast a run is that has taken so long, in slots a second, and how long the rest will
// take; remaining is negative where nothing can be said yet.
func (p Progress) Pace(took time.Duration) (rate float64, remaining time.Duration) {
	done := p.Covered + p.Passed
	if done <= 0 || took <= 0 {
		return 0, -1
	}
	rate = float64(done) / took.Seconds()
	return rate, time.Duration(float64(p.Left()) / rate * float64(time.Second))
}

// Left is the number of slots that the run has not come to.
func (p Progress) Left() int64 { return max(0, p.Slots-p.Before-p.Covered-p.Passed) }

// Result is the account of a run of a job.
type Result struct {
	// Accounts are in the order of the rules.
	Accounts []Account
	Progress Progress
}

// Unsettled is the number of slots that were run too early to be covered.
func (r Result) Unsettled() int64 {
	n := int64(0)
	for _, a := range r.Accounts {
		n += a.Unsettled
	}
	return n
}

// Left is the number of slots that are not covered.
func (r Result) Left() int64 {
	n := int64(0)
	for _, a := range r.Accounts {
		n += a.Left()
	}
	return n
}
