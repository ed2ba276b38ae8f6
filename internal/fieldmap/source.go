package fieldmap

import (
	"context"
	"fmt"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
	"tocsin/internal/window"
)

// Events hands the events of a cluster or of files to a search: what the map can say of its
// condition is searched for, and rows are made of the hits as they come.
type Events struct {
	Search search.Events
	Map    Map
	// Index are the index patterns of events that are written as Splunk has them.
	Index []string
	// TimeField is the field of events that _time is; "" is @timestamp.
	TimeField string
}

var _ splunk.Source = (*Events)(nil)

// Plan is what a scan searches for.
type Plan struct {
	View    View
	Request search.Request
	// Exact tells that no event is found which the scan's condition does not hold of.
	Exact bool
	// Nothing tells that no index is there.
	Nothing bool

	rows *Rows
}

// Plan resolves what a scan means now. The plan is nil when a diagnostic is an error.
func (e *Events) Plan(ctx context.Context, s splunk.Scan) (*Plan, diag.List, error) {
	field := e.TimeField
	if field == "" {
		field = search.DefaultTimestamp
	}
	view := e.Map.Scan(s)
	patterns := view.Index(e.Index)
	if len(patterns) == 0 {
		return &Plan{View: view, Nothing: true}, nil, nil
	}
	target, err := e.Search.Resolve(ctx, patterns, append(view.Names(s.Where), field))
	if err != nil {
		return nil, nil, fmt.Errorf("find the events of a search: %w", err)
	}
	where, exact, diags := view.Lower(s.Where, target.Fields)
	if where == nil {
		return nil, diags, nil
	}
	rows, more := view.Rows(target.Fields)
	if diags = append(diags, more...); rows == nil {
		return nil, diags, nil
	}
	pushed, whole := condition.Pushdown(where, target.Fields)
	return &Plan{
		View: view, Exact: exact && whole, rows: rows,
		Nothing: len(target.Indices) == 0 || pushed == condition.Expr(condition.Const(false)),
		Request: search.Request{
			Patterns: patterns, Where: pushed, Descending: true, FieldTypes: target.Fields,
			Time: search.TimeRange{Field: field, Window: window.Window{From: s.Window.Earliest, To: s.Window.Latest}},
		},
	}, diags, nil
}

// Events searches for the events of a scan and hands out their rows, the newest first.
func (e *Events) Events(ctx context.Context, s splunk.Scan, visit func(splunk.Row) error) error {
	plan, diags, err := e.Plan(ctx, s)
	switch {
	case err != nil:
		return err
	case plan == nil:
		return diags.Err()
	case plan.Nothing:
		return nil
	}
	// What the visitor says goes back as it is: it may only mean that there are rows enough.
	var stopped error
	_, err = e.Search.Search(ctx, plan.Request, func(page []event.Event) (bool, error) {
		for i := range page {
			row, err := plan.row(&page[i])
			if err != nil {
				return false, err
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
	return err //nolint:wrapcheck // The searcher names what it searched.
}

// row makes the row of one hit.
func (p *Plan) row(hit *event.Event) (splunk.Row, error) {
	d, err := hit.Document()
	if err != nil {
		return nil, fmt.Errorf("read a hit: %w", err)
	}
	formats := ""
	if f, ok := p.Request.FieldTypes.Field(p.Request.Time.Field); ok {
		formats = f.DateFormat()
	}
	text := event.First(d.Source, p.Request.Time.Field)
	at, _, err := mapping.ParseDate(text, formats)
	if err != nil {
		return nil, fmt.Errorf("read the time of %s/%s: %w", hit.Index, hit.ID, err)
	}
	row := p.rows.Row(d, splunk.Epoch(at))
	row["_id"], row["_index"] = splunk.Text(hit.ID), splunk.Text(hit.Index)
	return row, nil
}
