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

// Plan is how a rule will be executed, as far as that follows from its text alone.
type Plan interface {
	// Rule returns the rule.
	Rule() *rule.Rule
	// Strategy names how hits are found.
	Strategy() Strategy
	// Prepare resolves patterns and fields in the backend. Prepared is nil when a diagnostic is an error: the rule
	// cannot run on these mappings. The error is operational.
	Prepare(ctx context.Context, src Source) (Prepared, diag.List, error)
	// Assume prepares for a slot without a backend: fields have their ECS types, and unknown fields may have any.
	// Without a slot, date math with now is not resolved.
	Assume(slot time.Time) (Prepared, diag.List)
}

// Prepared is a plan bound to the mappings of one moment.
type Prepared interface {
	// Target returns the indices that the rule's patterns match.
	Target() search.Target
	// Execute finds the hits of a window, in order of time, until visit returns false.
	Execute(ctx context.Context, src Source, w window.Window, visit Visit) (Result, error)
	// Explain shows the stages for a window.
	Explain(w window.Window) Explanation
	// Trace evaluates the condition on one document, part by part, regardless of window and indices.
	Trace(ctx context.Context, d condition.Document) (condition.Trace, error)
}

// Reader is a Prepared whose execution begins with searches that are known beforehand. They can be answered together with
// the searches of other rules; the execution then finds the answers in its [Source.Events].
type Reader interface {
	// Reads returns the searches of a window.
	Reads(w window.Window) []Read
}

// Direct is a Prepared whose hits may be those of one search.
type Direct interface {
	// Direct returns the search whose hits, matched in memory, are the hits of a window; false if there is none.
	Direct(w window.Window) (search.Request, bool)
}

// Keeper is a Prepared that keeps what its execution has read, for later ones.
type Keeper interface {
	// Keep is called after the execution has succeeded, and nothing that it read was lost meanwhile.
	Keep()
}

// Read is a search that an execution will make.
type Read struct {
	search.Request
	// ScanOnly: the search is made only by a scan; without one, the execution finds its hits in a cheaper way.
	ScanOnly bool
	// SearchOnly keeps the search out of scans: its documents are not events, and events may have the same fields with
	// other types.
	SearchOnly bool
}

// Answer is what an ad hoc query finds. Beside an error it is what was found until then.
type Answer struct {
	Hits []Hit
	// Columns are the names of the columns, in their order, when hits are rows; nil when the query has no order.
	Columns []string
	// Whole reports whether Columns has all columns, those without any value among them.
	Whole bool
}

// AdHoc is a Prepared that can also answer a query that no rule holds.
type AdHoc interface {
	// AdHoc is [RunAdHoc] of this Prepared.
	AdHoc(ctx context.Context, src Source, w window.Window, size int) (Answer, error)
}

// RunAdHoc returns the results of an ad hoc query in order; size is the maximum number of results before the first pipe.
// A zero bound of the window does not limit it.
func RunAdHoc(ctx context.Context, p Prepared, src Source, w window.Window, size int) (Answer, error) {
	h, ok := p.(AdHoc)
	if !ok {
		return Answer{}, fmt.Errorf("run an ad hoc query: a %T answers rules only", p)
	}
	return h.AdHoc(ctx, src, w, size)
}

// Source is what an execution reads from.
type Source struct {
	Events search.Events
	// History has the alerts that were made before; nil: there are none.
	History History
	// At is the slot of the execution; zero if it has none. Whatever depends on the time, such as an exception that
	// expires, is evaluated as of At.
	At time.Time
	// Window is the range of time of the execution. Date math in index names is resolved for At and for the whole
	// window.
	Window window.Window
	// Late, if not nil, restricts the execution to late events; see [Late].
	Late []Late
	// Risk is where earlier risk events are.
	Risk RiskSource
	// Room is the memory for events that executions keep; nil: the execution has its own.
	Room *search.Room
	// Tables has the tables that searches write for other searches; nil: there are none, and none is written.
	Tables tables.Store
}

// RiskSource is where risk events are.
type RiskSource struct {
	// Events searches risk events; nil: they are among the source's events.
	Events search.Events
	// History has the risk events that were made before; nil: there are none.
	History History
}

// Late selects late events: events of a window that were ingested at or after a moment, so that an earlier execution
// cannot have seen them.
type Late struct {
	Window window.Window
	Since  time.Time
}

// History has the alerts that rules have made before. Rule types whose alerts are about many events need it, so that no
// event is counted twice.
type History interface {
	// Past returns a rule's alerts about the given instances (kibana.alert.instance.id) whose last event is not older
	// than since.
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
	// Event is the event that was found. If the hit has Parents, it holds only the fields that are known of all of them,
	// and has neither index nor id.
	Event event.Event
	// Group is set for sequences and samples; Event is not used then.
	Group *Group
	// Key is the alert's identity within its rule, beginning with its kind, if that is not the event's own identity.
	// ByEvent: the event is part of the identity too.
	Key     []string
	ByEvent bool
	// Instance, if not "", becomes kibana.alert.instance.id: what alerts about the same subject at different times have
	// in common.
	Instance string
	// Counted, if not "", identifies the hit in a suppressed alert, so that the same hit in another event is not
	// counted again.
	Counted string
	// Types are the types of the fields of Event; nil: its index's mapping has them.
	Types mapping.Fields
	// Facts are alert fields by flat name (kibana.alert.new_terms) that the rule type adds.
	Facts map[string]any
	// Parents are the events behind a hit that is not an event itself, as far as they are known.
	Parents []event.Event
	// Risk are the risk events of the hit. Silent: the hit makes no alert.
	Risk   []RiskEvent
	Silent bool
}

// Size returns the total size of the sources of the hit's events.
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
	// ID is the same whenever the same result is found again.
	ID     string
	Source map[string]any
}

// Group is a sequence or a sample.
type Group struct {
	// JoinKeys are the common values, as text; nil for null.
	JoinKeys []any
	// Events has one entry per step, nil for events that must be missing.
	Events []*event.Event
	// At, if not zero, is the time of the group: else it is that of its first event. Values, by field, are what all of its events
	// have in common besides what their sources show.
	At     time.Time
	Values map[string]string
}

// Present returns the events that are not nil.
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

// Result is the outcome of an execution as a whole.
type Result struct {
	search.Result
	// Exact is false if Total counts candidates, some of which may have turned out not to be hits.
	Exact bool
	// Seen is the number of candidates, of Total, that were examined.
	Seen int64
	// Read is the number of events that were read, if hits are made of many events; else 0.
	Read int64
	// Undecided is the number of sequences that an event after the window could still invalidate.
	Undecided int
	// Warnings are for the owner of the rule. The hits are correct, but may not be all there are.
	Warnings []string
}

// Strategy names a way to find hits, as check and explain print it.
type Strategy string

// The strategies.
const (
	// Scan is one read of the new events, matched in memory for all rules that are due. If searches are cheaper, the
	// rule is searched.
	Scan Strategy = "scan"
	// Search is Query DSL, evaluated by the backend.
	Search Strategy = "search"
	// Aggregation counts groups of events.
	Aggregation Strategy = "aggregation"
	// ESQL is a query that only Elasticsearch can run.
	ESQL Strategy = "esql"
	// Anomaly reads the results of machine learning jobs.
	Anomaly Strategy = "anomaly"
)

// The codes of diagnostics that several rule types report.
const (
	// CodeUnsupported marks a rule whose type or language cannot run yet.
	CodeUnsupported = "rule/unsupported"
	// CodeNotApplied marks a setting of a rule that has no effect.
	CodeNotApplied = "rule/not-applied"
	// CodeIndexName marks an index name whose date math is not valid.
	CodeIndexName = "rule/index-name"
	// CodeUnmappedField marks a field of a rule that no index maps.
	CodeUnmappedField = "rule/unmapped-field"
)

// TableWriter is a plan that may write tables for others.
type TableWriter interface {
	Plan
	WritesTables() bool
}

// Reacher is a plan that may read more than the index patterns of its rule: in searches within its search, and tables
// that other searches write.
type Reacher interface {
	Plan
	// Reaches returns the index patterns of all searches, known before they run.
	Reaches() []string
	ReadsTables() bool
}

// Enricher is a plan whose search may use policies of the cluster that add fields to its rows.
type Enricher interface {
	Plan
	Enriches() bool
}

// Rereader is a plan whose runs may read what earlier runs have written: see [Source.History].
type Rereader interface {
	Plan
	// Rereads reports whether they read alerts, and risk events.
	Rereads() (alerts, risk bool)
}
