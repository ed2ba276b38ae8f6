package splrule

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/search"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/splunk/pushdown"
)

// rowHits makes hits of rows and passes them on in batches.
type rowHits struct {
	plan    *splPlan
	history query.History
	window  splunk.Window
	visit   query.Visit

	rows []splunk.Row
	seen int64
	// throttled are the instances that this run has passed on or held back.
	throttled map[string]bool
	held      int
	// missing counts, by field, the messages whose row lacks a field that they name.
	missing map[string]int
	// unscored counts rows without a risk event, free the rows that are not throttled because they lack a throttling
	// field, unread the rows whose score is not a number; unreadScore is an example.
	unscored, free, unread int
	unreadScore            string
	// collected are risk events and events of other indices that the search wrote itself; alike counts equal rows.
	collected []query.RiskEvent
	alike     map[string]int
}

func newRowHits(p *splPlan, src query.Source, w splunk.Window, visit query.Visit) *rowHits {
	h := src.History
	if !p.Detection.CreatesFinding() {
		h = src.Risk.History
	}
	return &rowHits{plan: p, history: h, window: w, visit: visit, throttled: map[string]bool{}, missing: map[string]int{}, alike: map[string]int{}}
}

func (o *rowHits) add(ctx context.Context, row splunk.Row) error {
	o.rows = append(o.rows, row)
	if len(o.rows) < rowsAtOnce {
		return nil
	}
	return o.flush(ctx)
}

// flush passes on the hits of the rows in the batch.
func (o *rowHits) flush(ctx context.Context) error {
	rows, err := o.unthrottled(ctx, o.rows)
	o.seen += int64(len(o.rows))
	o.rows = nil
	if err != nil {
		return err
	}
	hits := o.collectedHits()
	for _, row := range rows {
		hit, err := o.hit(row)
		if err != nil {
			return err
		}
		hits = append(hits, hit)
	}
	if len(hits) == 0 {
		return nil
	}
	more, err := o.visit(hits)
	if err == nil && !more {
		return errEnough
	}
	return err
}

// hit makes a hit of a row.
func (o *rowHits) hit(row splunk.Row) (query.Hit, error) {
	d := o.plan.Detection
	source := row[pushdown.SourceField]
	delete(row, pushdown.SourceField)
	h := query.Hit{Silent: !d.CreatesFinding(), Instance: o.instance(row)}
	events := escu.RiskEvents(d, row, o.window)
	if d.CreatesRisk() && len(events) == 0 {
		o.unscored++
	}
	if text := d.Said(row).Unread; text != "" && d.CreatesRisk() {
		o.unread++
		o.unreadScore = text
	}
	for _, e := range events {
		for _, name := range e.Missing {
			o.missing[name]++
		}
		h.Risk = append(h.Risk, o.riskEvent(e, h.Instance))
	}
	if h.Silent {
		return h, nil
	}
	h.Facts = o.facts(row)
	id, index := row["_id"].String(), row["_index"].String()
	if o.plan.keeps && id != "" && index != "" && !source.IsNull() {
		h.Event = event.Event{Index: index, ID: id, Source: json.RawMessage(source.String())}
		return h, nil
	}
	w := o.window
	h.Key = []string{"spl", strconv.FormatInt(w.Earliest.UnixMilli(), 10), strconv.FormatInt(w.Latest.UnixMilli(), 10), escu.RowKey(row)}
	h.Parents = []event.Event{}
	about, err := json.Marshal(o.about(row))
	if err != nil {
		return h, fmt.Errorf("encode a row: %w", err)
	}
	h.Event, h.Types = event.Event{Source: about}, mapping.Untyped()
	return h, nil
}

// about returns what is known of all events of a row, under names of ECS: the time, and the users and hosts.
func (o *rowHits) about(row splunk.Row) map[string]any {
	out := map[string]any{"@timestamp": search.FormatTime(o.window.Latest)}
	objects := slices.Clone(o.plan.Detection.Risk.Objects)
	if f := o.plan.Detection.Risk.Finding; f != nil && f.Entity.Field != "" {
		objects = append(objects, f.Entity)
	}
	for _, x := range objects {
		values, kind := row.Get(x.Field), x.Type
		if kind == "other" { // a search over risk events has the type in the row
			kind = row.Get("risk_object_type").String()
		}
		switch {
		case values.IsNull():
		case kind == "system":
			out["host"] = map[string]any{"name": values.Native()}
		case kind == "user":
			out["user"] = map[string]any{"name": values.Native()}
		}
	}
	return out
}

// instance returns the identity of rows that are throttled together; "" without throttling, and for a row that lacks a
// throttling field: rows without a value have nothing in common.
func (o *rowHits) instance(row splunk.Row) string {
	t := o.plan.Detection.Throttle
	if t == nil {
		return ""
	}
	key := splunk.Row{}
	for _, name := range t.Fields {
		v := row.Get(name)
		if v.IsNull() {
			return ""
		}
		key[name] = v
	}
	return escu.InstanceID(o.plan.Detection, key)
}

// unthrottled leaves out the rows whose instance was found before, within the throttling period: by an earlier window, or
// by an earlier row of this one.
func (o *rowHits) unthrottled(ctx context.Context, rows []splunk.Row) ([]splunk.Row, error) {
	t := o.plan.Detection.Throttle
	if t == nil || len(rows) == 0 {
		return rows, nil
	}
	instances := make([]string, len(rows))
	var known []string
	for i, row := range rows {
		if instances[i] = o.instance(row); instances[i] != "" {
			known = append(known, instances[i])
		}
	}
	if o.history != nil && len(known) > 0 {
		past, err := o.history.Past(ctx, o.plan.Detection.ID, known, o.window.Latest.Add(-t.Period))
		if err != nil {
			return nil, fmt.Errorf("find what throttles rule %s: %w", o.plan.Detection.ID, err)
		}
		// Findings of an earlier run of this window do not throttle it. The time of a finding about one event is the
		// event's time; other findings have the end of their window.
		before := o.window.Latest.Truncate(time.Millisecond)
		if o.plan.keeps && o.plan.Detection.CreatesFinding() {
			before = o.window.Earliest
		}
		for _, p := range past {
			if p.To.Before(before) {
				o.throttled[p.Instance] = true
			}
		}
	}
	var out []splunk.Row
	for i, row := range rows {
		if instances[i] == "" {
			o.free++
			out = append(out, row)
			continue
		}
		if o.throttled[instances[i]] {
			o.held++
			continue
		}
		o.throttled[instances[i]] = true
		out = append(out, row)
	}
	return out, nil
}

// warnings returns warnings about rows that made no hit or lack fields.
func (o *rowHits) warnings() []string {
	var out []string
	if o.held > 0 {
		out = append(out, fmt.Sprintf("throttling kept back %s with values that were found within %s before", rowCount(o.held), o.plan.Detection.Throttle.Text))
	}
	d := o.plan.Detection
	if o.free > 0 {
		out = append(out, fmt.Sprintf("throttling by %s does not throttle %s without such a field", strings.Join(d.Throttle.Fields, ", "), rowCount(o.free)))
	}
	if o.unscored > 0 {
		var fields []string
		for _, x := range d.Scored() {
			fields = append(fields, x.Field)
		}
		if len(fields) == 0 { // written by collect
			fields = []string{"risk_object"}
		}
		out = append(out, fmt.Sprintf("nobody is scored for %s without the field %s", rowCount(o.unscored), strings.Join(fields, ", ")))
	}
	if o.unread > 0 {
		out = append(out, fmt.Sprintf("the risk_score of %s is no number, such as %q: the score of the detection counts", rowCount(o.unread), o.unreadScore))
	}
	if len(o.missing) > 0 {
		total := 0
		names := slices.Sorted(maps.Keys(o.missing))
		for i, name := range names {
			total = max(total, o.missing[name])
			names[i] = "$" + name + "$"
		}
		out = append(out, fmt.Sprintf("%d messages name fields that their rows do not have, and show them as they are: %s", total, strings.Join(names, ", ")))
	}
	return out
}
