package query

import (
	"context"
	"fmt"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/tables"
)

// Plan is how a rule will be executed, as far as its text alone tells.
type Plan interface {
	// Rule returns the rule.
	Rule() *rule.Rule
	// Strategy names how hits are found.
	Strategy() Strategy
	// Prepare resolves patterns and fields where the events are. Prepared is nil when a diagnostic is
	// an error: the rule cannot run on these mappings. The error is operational.
	Prepare(ctx context.Context, src Source) (Prepared, diag.List, error)
	// Assume prepares for a slot without asking anybody: fields have their ECS types, unknown ones any.
	// Without a slot what is said of now stays as it is written.
	Assume(slot time.Time) (Prepared, diag.List)
}

// Prepared is a plan bound to the mappings of one moment.
type Prepared interface {
	// Target says what the rule's patterns mean.
	Target() search.Target
	// Execute finds the hits of a window, in order of time, until visit returns false.
	Execute(ctx context.Context, src Source, w window.Window, visit Visit) (Result, error)
	// Explain shows the stages for a window.
	Explain(w window.Window) Explanation
	// Trace judges one document, part by part, leaving window and indices aside.
	Trace(ctx context.Context, d condition.Document) (condition.Trace, error)
}

// Reader is a Prepared whose execution begins with searches that are known beforehand. They can be
// answered together with those of other rules; the execution then finds the answers in its
// [Source.Events].
type Reader interface {
	// Reads returns the searches of a window.
	Reads(w window.Window) []Read
}

// Read is a search that an execution will make.
type Read struct {
	search.Request
	// ScanOnly: unless a scan has answered it, the execution finds its hits in a cheaper way.
	ScanOnly bool
	// SearchOnly keeps the search out of a scan: it reads documents that are no events, under fields
	// that events may have of other types.
	SearchOnly bool
}

// Hunter is a Prepared that can also answer a query that no rule holds.
type Hunter interface {
	// Hunt is [Hunt] of this Prepared.
	Hunt(ctx context.Context, src Source, w window.Window, size int) ([]Hit, error)
}

// Hunt returns the results of an ad hoc query in order, at most size of them below its first pipe;
// a zero bound of the window is none.
func Hunt(ctx context.Context, p Prepared, src Source, w window.Window, size int) ([]Hit, error) {
	h, ok := p.(Hunter)
	if !ok {
		return nil, fmt.Errorf("hunt: a %T answers rules only", p)
	}
	return h.Hunt(ctx, src, w, size)
}

// Source is what an execution draws on.
type Source struct {
	Events search.Events
	// History knows the alerts that were made before; nil: none were.
	History History
	// At is the moment that the execution stands for, its slot; zero where there is none. What a
	// rule says for a time, such as an exception that expires, is judged by it.
	At time.Time
	// Window is the range of time that the execution is about. Dates in the names of indices are those
	// of At and of all of it.
	Window window.Window
	// Late, when it is not nil, narrows an execution to events that came late; see [Late].
	Late []Late
	// Risk is where risk events are that were made before.
	Risk RiskSource
	// Room is the memory for events that executions keep; nil: this one has its own.
	Room *search.Room
	// Tables are those that searches write for others; nil: there are none, and none is written.
	Tables tables.Store
}

// RiskSource is where risk events are.
type RiskSource struct {
	// Events searches them; nil: they are among the source's events.
	Events search.Events
	// History knows them as it knows alerts; nil: none were made.
	History History
}

// Late are events of a time that were ingested since a moment, which an execution before cannot have
// seen.
type Late struct {
	Window window.Window
	Since  time.Time
}

// History tells of the alerts that rules have made before. Rule types whose alerts stand for many
// events need it, so as not to count an event twice.
type History interface {
	// Past returns a rule's alerts about the given instances (kibana.alert.instance.id) whose events
	// are of a time since the given one, or later.
	Past(ctx context.Context, ruleID string, instances []string, since time.Time) ([]Past, error)
}

// Past is an alert made before: the instance it is about, and the time of its first and last event,
// both included.
type Past struct {
	Instance string
	From, To time.Time
}

// Hit is what becomes an alert: an event, a sequence or sample of several, or what a rule type
// makes of many.
type Hit struct {
	// Event is the event found. Of a hit with Parents it holds no more than the fields that are known
	// of all of them, and has neither index nor id.
	Event event.Event
	// Group is set for sequences and samples; Event is not used then.
	Group *Group
	// Key is the alert's identity within its rule, its kind first, where that is not the event's own. ByEvent tells
	// that the event is part of it besides.
	Key     []string
	ByEvent bool
	// Instance, where it is not "", becomes kibana.alert.instance.id: what alerts of the same thing at
	// different times have in common.
	Instance string
	// Counted, where it is not "", is what a suppressed alert remembers the hit by: whoever finds the same
	// in another event finds nothing more.
	Counted string
	// Types says what the fields of Event are, where that is not what its index maps; nil: it is.
	Types mapping.Fields
	// Facts are alert fields by flat name (kibana.alert.new_terms) that the rule type adds.
	Facts map[string]any
	// Parents are the events behind a hit that is no event itself, as far as they are known.
	Parents []event.Event
	// Risk is what the hit adds to the risk of users and systems; Silent tells that it makes no alert.
	Risk   []RiskEvent
	Silent bool
}

// Size is how many bytes of events the hit holds.
func (h *Hit) Size() int {
	size := len(h.Event.Source)
	for i := range h.Parents {
		size += len(h.Parents[i].Source)
	}
	if h.Group != nil {
		for _, e := range h.Group.Events {
			if e != nil {
				size += len(e.Source)
			}
		}
	}
	return size
}

// RiskEvent is one document for the risk index.
type RiskEvent struct {
	// ID is the same whenever the same is found again.
	ID     string
	Source map[string]any
}

// Group is a sequence or a sample.
type Group struct {
	// JoinKeys are the common values, as text; nil for null.
	JoinKeys []any
	// Events has one slot per step, nil for events that must not be there.
	Events []*event.Event
}

// Present returns the events of the slots that have one.
func (g *Group) Present() []event.Event {
	var out []event.Event
	for _, e := range g.Events {
		if e != nil {
			out = append(out, *e)
		}
	}
	return out
}

// Visit receives hits in order; returning false ends the execution. The slice is the visitor's, to keep and to change;
// the sources of the events are as [search.Visit] has them.
type Visit func(hits []Hit) (more bool, err error)

// Result is what an execution as a whole has to say.
type Result struct {
	search.Result
	// Exact is false when Total counts candidates of which some were no hits in memory.
	Exact bool
	// Seen is the number of candidates that were looked at, of Total.
	Seen int64
	// Read is the number of events that were looked at, where hits are made of many; else 0.
	Read int64
	// Undecided is the number of sequences that an event after the window could still spoil.
	Undecided int
	// Warnings are for whoever looks after the rule: what was found is right, and not all there is to
	// be known.
	Warnings []string
}

// Strategy names a way to find hits, as check and explain print it.
type Strategy string

// The strategies.
const (
	// Scan is one read of the new events, matched in memory for all rules that are due; where that is
	// dearer than searches, such a rule is searched.
	Scan Strategy = "scan"
	// Search is Query DSL, evaluated by the events' place.
	Search Strategy = "search"
	// Aggregation counts groups of events.
	Aggregation Strategy = "aggregation"
	// ESQL is a query that only Elasticsearch can run.
	ESQL Strategy = "esql"
	// Anomaly reads the results of machine learning jobs.
	Anomaly Strategy = "anomaly"
)

// The kinds of remarks on rules that several rule types make.
const (
	// CodeUnsupported marks a rule whose type or language cannot run yet.
	CodeUnsupported = "rule/unsupported"
	// CodeNotApplied marks what a rule says and the plan leaves aside.
	CodeNotApplied = "rule/not-applied"
	// CodeIndexName marks date math in the name of an index that is none.
	CodeIndexName = "rule/index-name"
	// CodeUnmappedField marks a field of a rule that no index maps.
	CodeUnmappedField = "rule/unmapped-field"
)

// TableWriter is a plan that may write tables for others.
type TableWriter interface {
	Plan
	WritesTables() bool
}

// Columns returns the names of a plan's rows in their order, as far as its query has one.
func Columns(p Plan) []string {
	if rows, ok := p.(interface{ Columns() []string }); ok {
		return rows.Columns()
	}
	return nil
}
