package pushdown

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
	"tocsin/internal/splunk"
)

// Events reads events from a cluster or from files for a search in SPL. It searches for events with the lowered condition,
// and makes rows of the hits.
type Events struct {
	Search search.Events
	Map    Map
	// Index are the index patterns of events with Splunk's own field names.
	Index []string
	// TimeField is the field that becomes _time; "" means @timestamp.
	TimeField string
	// Slot and Window are the slot and the window of the search. They resolve date math in index names and in conditions
	// of the map; without a slot it is not resolved.
	Slot   time.Time
	Window window.Window
	// KeepSource puts the JSON of each event into its row, as [SourceField].
	KeepSource bool
	// Also are further names of rows whose fields are resolved.
	Also []string
	// Read, if not nil, is called with the number of events of each page.
	Read func(events int)
}

var _ splunk.Source = (*Events)(nil)

// SourceField is the field of a row with the JSON of its event.
const SourceField = "_source"

// Plan is what a scan searches for.
type Plan struct {
	View View
	// Target has the indices of the patterns, Condition the scan's condition under their mappings.
	Target    search.Target
	Condition condition.Expr
	Request   search.Request
	// Exact: the search finds no event that the scan's condition does not match.
	Exact bool
	// leftOut are the fields that Exact would hold without: events whose values the index leaves out are
	// found, whatever these are.
	leftOut []condition.LeftOut
	// countable is Exact but for those.
	countable bool
	// Nothing: no event can be found.
	Nothing bool
	// PartialErr is the failure to read the mapping of some indices.
	PartialErr error

	rows *Rows
	// asked is the view with all sources that the scan selects.
	asked View
	// absent are the sources that no index can have events of.
	absent []string
	// at are the fields with the time of events.
	at times
	// span is the window of the scan.
	span window.Window
	// names are the index patterns over a range of time.
	names func(window.Window) ([]string, error)
	// guarded: every event that is found belongs to a source of the view.
	guarded bool
	// wholes are the names whose whole numbers rows have in the form of the index.
	wholes []string
}

// At returns the request of a window.
func (p *Plan) At(w window.Window) search.Request {
	r := p.within(p.Request, w)
	if names, err := p.names(w); err == nil { // otherwise the search will reject them
		r.Patterns = names
	}
	return r
}

// names resolves date math in index patterns.
func (e *Events) names(patterns []string, w window.Window) ([]string, error) {
	if e.Slot.IsZero() {
		return patterns, nil
	}
	return indexname.Resolve(patterns, e.Slot, w) //nolint:wrapcheck // it names the pattern
}

// scanned returns the window of a scan, or usual if the scan has none.
func scanned(s splunk.Scan, usual window.Window) window.Window {
	own := window.Window{From: s.Window.Earliest, To: s.Window.Latest}
	if own.From.IsZero() || own.To.IsZero() {
		return usual
	}
	return own
}

func (e *Events) timeField() string {
	if e.TimeField == "" {
		return search.DefaultTimestamp
	}
	return e.TimeField
}

// Wants returns the patterns and fields that [Events.Plan] will resolve.
func (e *Events) Wants(s splunk.Scan) (patterns, fields []string) {
	view := e.Map.Scan(s)
	fields = append(view.Names(s.Where), e.timeField())
	if e.TimeField == "" {
		fields = append(fields, ownTime)
	}
	for _, name := range e.Also {
		for _, f := range view.where(name) {
			fields = append(fields, f.Names...)
		}
	}
	return view.Index(e.Index), fields
}

// Plan plans a scan. The plan is nil when a diagnostic is an error.
func (e *Events) Plan(ctx context.Context, s splunk.Scan) (*Plan, diag.List, error) {
	patterns, fields := e.Wants(s)
	if view := e.Map.Scan(s); s.Model != "" && len(view.Sources) == 0 {
		return nil, diag.List{Unmapped(s.Model, s.Dataset)}, nil
	}
	if len(patterns) == 0 {
		return &Plan{View: e.Map.Scan(s), Condition: condition.Const(false), Nothing: true, Target: search.Target{Fields: mapping.Assumed()}}, nil, nil
	}
	names, err := e.names(patterns, scanned(s, e.Window))
	if err != nil {
		return nil, nil, fmt.Errorf("find the events of a search: %w", err)
	}
	target, err := e.Search.Resolve(ctx, names, fields)
	var partialErr error
	if err != nil {
		err = fmt.Errorf("find the events of a search: %w", err)
		if failure.KindOf(err) != failure.Partial || len(target.Indices) == 0 {
			return nil, nil, err
		}
		partialErr = err
	}
	if len(target.Indices) == 0 {
		target.Fields = mapping.Assumed()
	}
	plan, diags := e.Bind(s, target)
	if plan != nil {
		plan.PartialErr = partialErr
	}
	return plan, diags, nil
}

// Bind is [Events.Plan] for a known target.
func (e *Events) Bind(s splunk.Scan, target search.Target) (*Plan, diag.List) {
	view := e.Map.Scan(s)
	if s.Model != "" && len(view.Sources) == 0 {
		return nil, diag.List{Unmapped(s.Model, s.Dataset)}
	}
	// A cluster rejects events that contradict the mapping; files do not. Only a cluster is a Grouper.
	_, view.enforced = search.As[search.Grouper](e.Search)
	view.slot = e.Slot
	asked := view
	view.Sources = view.possible(target.Fields)
	where, exact, leftOut, diags := view.lower(s.Where, target.Fields)
	if where == nil {
		return nil, diags
	}
	rows, more := view.Rows(target.Fields)
	if diags = append(diags, more...); rows == nil {
		return nil, diags
	}
	pushed, whole := condition.Pushdown(where, target.Fields)
	at := e.times(target.Fields, view.enforced)
	p := &Plan{
		at: at, asked: asked, View: view, Target: target, Condition: where, Exact: exact && whole && len(leftOut) == 0, countable: exact && whole && at.seconds == "" && at.fallback == "", leftOut: leftOut, rows: rows, guarded: view.guards(s.Where),
		Nothing: len(target.Indices) == 0 || pushed == condition.Expr(condition.Const(false)),
		Request: search.Request{
			Patterns: view.Index(e.Index), Where: pushed, Descending: true, FieldTypes: at.types(target.Fields),
			Time: search.TimeRange{Field: at.field, Fallback: at.fallback},
		},
	}
	p.absent = view.absent(target.Fields)
	p.names = func(w window.Window) ([]string, error) { return e.names(view.Index(e.Index), w) }
	if names, err := p.names(scanned(s, e.Window)); err == nil { // otherwise the search will reject them
		p.Request.Patterns = names
	}
	p.span = window.Window{From: s.Window.Earliest, To: s.Window.Latest}
	if at.seconds == "" {
		p.Request.Time.Window = p.span
	}
	p.wholes = p.integers(e.Also)
	return p, diags
}

// Events searches for the events of a scan and passes on their rows, newest first.
func (e *Events) Events(ctx context.Context, s splunk.Scan, visit func(splunk.Row) error) error {
	plan, diags, err := e.Plan(ctx, s)
	switch {
	case err != nil:
		return err
	case plan == nil:
		return diags.Err()
	case plan.Nothing:
		return plan.PartialErr
	}
	// The visitor's error is returned unchanged, as it may only mean that there are enough rows.
	var stopped error
	_, err = e.Search.Search(ctx, plan.within(plan.Request, plan.span), func(page []event.Event) (bool, error) {
		if e.Read != nil {
			e.Read(len(page))
		}
		for i := range page {
			row, member, err := plan.row(&page[i])
			if err != nil {
				return false, err
			}
			if !member && plan.View.Model != "" || plan.beside(&page[i]) {
				continue
			}
			if e.KeepSource {
				row[SourceField] = splunk.Text(string(page[i].Source))
			}
			if err := visit(row); err != nil {
				stopped = err
				return false, err
			}
		}
		return true, nil
	})
	if stopped != nil {
		return stopped
	}
	return errors.Join(err, plan.PartialErr)
}

// beside reports whether a hit is a risk event, and not one of those that are kept beside them.
func (p *Plan) beside(hit *event.Event) bool {
	if !p.View.keeps(hit.Index) {
		return false
	}
	d, err := hit.Document()
	if err != nil {
		return false // reading it said so
	}
	return event.First(d.Source, "event.dataset") != splunk.CollectedDataset
}

// Collected reports whether a scan also asks for events that searches wrote by collect.
func (e *Events) Collected(s splunk.Scan) bool { return len(e.Map.Scan(s).kept) > 0 }

// Row returns the row of a hit.
func (p *Plan) Row(hit *event.Event) (splunk.Row, error) {
	row, _, err := p.row(hit)
	return row, err
}

// row is [Plan.Row]. It also reports whether the event belongs to a source.
func (p *Plan) row(hit *event.Event) (splunk.Row, bool, error) {
	d, err := hit.Document()
	if err != nil {
		return nil, false, fmt.Errorf("read a hit: %w", err)
	}
	row, member, err := p.document(d)
	if err != nil {
		return nil, false, fmt.Errorf("read the time of %s/%s: %w", hit.Index, hit.ID, err)
	}
	row["_id"], row["_index"] = splunk.Text(hit.ID), splunk.Text(hit.Index)
	return row, member, nil
}

// Document returns the row of a document.
func (p *Plan) Document(d *event.Document) (splunk.Row, error) {
	row, _, err := p.document(d)
	return row, err
}

func (p *Plan) document(d *event.Document) (splunk.Row, bool, error) {
	at, err := p.time(d)
	if err != nil {
		if p.span != (window.Window{}) {
			return nil, false, err
		}
		// A search over all time also finds events without a time. Splunk would have set it when it received them.
		at = p.View.slot
	}
	row, member := p.rows.row(d, splunk.Epoch(p.resolved(at)))
	p.settle(row)
	return row, member, nil
}

// resolved returns a time with the precision of its field: milliseconds, or nanoseconds.
func (p *Plan) resolved(at time.Time) time.Time {
	if f, ok := p.Request.FieldTypes.Field(p.Request.Time.Field); ok && f.Type == mapping.DateNanos {
		return at
	}
	return search.Milliseconds(at)
}
