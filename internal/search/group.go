package search

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
)

// Grouper is an [Events] that can count groups of events without returning them.
type Grouper interface {
	// Groups passes the groups of matching events to visit page by page: in the order of their keys, or of
	// r.Only. It ends early without an error when visit returns false. A failure of kind Partial is returned
	// after the groups of the readable part, whose counts may be too low. An error that wraps
	// [ErrUngroupable] comes before any group: the caller must count in memory then.
	Groups(ctx context.Context, r GroupRequest, visit GroupVisit) (Result, error)
}

// ErrUngroupable is the error of a Grouper that cannot count the groups of a request, although it can search for the events.
var ErrUngroupable = errors.New("cannot be aggregated")

// GroupVisit receives one page of groups; returning false ends the counting, an error fails it. The visitor
// owns the page and its contents, except for the sources of samples, as in [Visit].
type GroupVisit func(page []Group) (more bool, err error)

// GroupRequest counts groups of the events of a Request, whose order and pages have no effect.
type GroupRequest struct {
	Request
	// By are the fields whose values make a group. An event without a value of one of them is in no group; an
	// event with several values is in several groups. Without fields there is one group of all events.
	By []mapping.Field
	// Missing makes the absence of a field of By a value of its own, so that every event is in a group. It
	// cannot be combined with Only.
	Missing bool
	// Distinct are fields whose distinct values are counted in each group.
	Distinct []mapping.Field
	// Only, if not nil, restricts the answer to these groups; groups without events are left out.
	Only []Selection
	// MinCount leaves out groups with fewer events.
	MinCount int64
	// Samples is the number of events to return of each group, earliest first.
	Samples int
	// NoTimes leaves out First and Last, which need a further pass over the events.
	NoTimes bool
}

// Selection is one group to count, without the events of some times.
type Selection struct {
	Key    []string
	Except []window.Window
}

// Group is the counts of one group.
type Group struct {
	// Key has a value for each field of By, in the form of [mapping.Field.Key].
	Key []string
	// Absent says of each field of Key whether it is missing, if the request has Missing; nil otherwise.
	Absent []bool
	// Count is the number of events. A backend that counts the keys of an object rather than its events may
	// return too much, unless the group was requested by Only.
	Count int64
	// First and Last are the times of the first and last event, in milliseconds.
	First, Last time.Time
	// Distinct is the number of distinct values of each field of the request's Distinct. Elasticsearch
	// estimates it above some 40,000.
	Distinct []int64
	Samples  []event.Event
}

// Wants reports whether a group has enough events for the request.
func (r GroupRequest) Wants(g Group) bool { return g.Count >= max(1, r.MinCount) }
