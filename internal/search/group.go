package search

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
)

// Grouper is an [Events] that counts groups of events itself, without returning the events.
type Grouper interface {
	// Groups passes the groups of the matching events to visit page by page: in the order of their keys, or in the order
	// of r.Only. It ends early without an error when visit returns false. A partial failure is returned after the groups
	// of the events that could be read, whose counts may be too low. An error that wraps [ErrUngroupable] comes before
	// any group: then count in memory.
	Groups(ctx context.Context, r GroupRequest, visit GroupVisit) (Result, error)
}

// ErrUngroupable means that a Grouper cannot count the groups of a request, although it can search for the events.
var ErrUngroupable = errors.New("cannot be aggregated")

// GroupVisit receives one page of groups; returning false ends the counting, an error fails it. The page and what is in
// it are the visitor's, to keep and to change, but for the sources of samples, as in [Visit].
type GroupVisit func(page []Group) (more bool, err error)

// GroupRequest counts groups of the events of a Request, whose order and pages do not matter.
type GroupRequest struct {
	Request
	// By are the fields of a group. An event that lacks one is in no group, and an event with several values is in
	// several groups. Without fields there is one group of all events.
	By []mapping.Field
	// Missing treats the lack of a field of By as a value, so that every event is in a group. It cannot be combined with
	// Only.
	Missing bool
	// Distinct are fields whose different values are counted in each group.
	Distinct []mapping.Field
	// Only, when it is not nil, asks for these groups alone; those without an event are left out.
	Only []Selection
	// MinCount leaves out groups of fewer events.
	MinCount int64
	// Samples is how many events of each group are wanted, the earliest first.
	Samples int
	// NoTimes leaves out First and Last, which cost another look at the events.
	NoTimes bool
}

// Selection is one group to be counted, less the events of some times.
type Selection struct {
	Key    []string
	Except []window.Window
}

// Group is what was counted of one group.
type Group struct {
	// Key has a value for each field of By, as [mapping.Field.Key] writes it.
	Key []string
	// Absent tells of each field of Key whether it is missing, where the request asks for Missing; nil
	// otherwise.
	Absent []bool
	// Count is the number of events. A search engine that counts the keys of an object rather than
	// its events may say too much, unless the group was asked for by Only.
	Count int64
	// First and Last are the times of the first and last event, in milliseconds.
	First, Last time.Time
	// Distinct is the number of different values of each field of the request's Distinct.
	// Elasticsearch estimates it above some 40,000.
	Distinct []int64
	Samples  []event.Event
}

// Wants reports whether a group has the events that the request asks for.
func (r GroupRequest) Wants(g Group) bool { return g.Count >= max(1, r.MinCount) }
