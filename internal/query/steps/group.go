package steps

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/match/sequence"
	"tocsin/internal/query"
	"tocsin/internal/query/binding"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
	"tocsin/internal/translate"
)

// Plan finds sequences and samples. It reads all events that match any step, in order of time, and assigns them to steps
// in memory.
type Plan struct {
	binding.Query
	// orderBy is the field of the events' own time.
	orderBy string
	// perKey is the number of samples wanted per key.
	perKey int
}

// New plans a sequence or a sample. A sequence is ordered by the events' own time, in the field orderBy, even if its
// windows refer to another time.
func New(base binding.Query, orderBy string) *Plan {
	return &Plan{Query: base, orderBy: orderBy, perKey: 1}
}

// WantPerKey sets the number of samples per key, which is 1 by default.
func (p *Plan) WantPerKey(n int) { p.perKey = n }

// Prepare binds the plan to the mappings of its indices.
func (p *Plan) Prepare(ctx context.Context, src query.Source) (query.Prepared, diag.List, error) {
	g, diags, err := p.prepare(ctx, src, src.Window)
	if g == nil || g.steps.MaxSpan == 0 || !indexname.HasDateMath(p.Rule().Index) {
		return prepared(g), diags, err
	}
	// Now it is known how far back the sequence is read, and thus which indices the date math stands for.
	g, diags, err = p.prepare(ctx, src, g.reach(src.Window))
	return prepared(g), diags, err
}

// prepared returns a search as the interface, or a nil interface for nil.
func prepared(g *groupSearch) query.Prepared {
	if g == nil {
		return nil
	}
	return g
}

func (p *Plan) prepare(ctx context.Context, src query.Source, w window.Window) (*groupSearch, diag.List, error) {
	target, partialErr, err := p.Resolve(ctx, src, w, p.orderBy)
	if err != nil {
		return nil, nil, err
	}
	g, diags := p.bind(target, src.At)
	if g == nil {
		return nil, diags, partialErr
	}
	g.partialErr = partialErr
	return g, diags, nil
}

// Assume binds the plan to the types of ECS.
func (p *Plan) Assume(at time.Time) (query.Prepared, diag.List) {
	g, diags := binding.Assume(p.Rule(), at, p.bind)
	if g == nil {
		return nil, diags
	}
	return g, diags
}

func (p *Plan) bind(target search.Target, at time.Time) (*groupSearch, diag.List) {
	steps, diags := translate.Moment{Fields: target.Fields, Now: at}.Steps(p.Parsed, p.Rule())
	if steps == nil {
		return nil, diags
	}
	g := &groupSearch{plan: p, target: target, at: at, steps: steps, names: p.Names(at), computed: p.Computed(target.Fields)}
	var all condition.Or
	for _, t := range steps.Terms {
		pushed, err := g.addTerm(t)
		if err != nil {
			return nil, append(diags, p.Rule().Report(diag.Error, "rule/condition", "rule.query", "%v", err))
		}
		all = append(all, pushed)
	}
	if steps.Until != nil {
		until, pushed, err := g.bindStep(*steps.Until, sequence.Until)
		if err != nil {
			return nil, append(diags, p.Rule().Report(diag.Error, "rule/condition", "rule.query", "%v", err))
		}
		g.bound = append(g.bound, until)
		all = append(all, pushed)
	}
	g.where = condition.Simplify(all)
	g.orderField, _ = target.Fields.Field(p.orderBy)
	g.tiebreaker, _ = target.Fields.Field(p.Tiebreaker)
	return g, append(diags, binding.LongValues(p.Rule(), "rule.query", target.Fields, g.fieldNames()...)...)
}

// groupSearch is a Plan bound to mappings.
type groupSearch struct {
	plan   *Plan
	target search.Target
	at     time.Time // the slot whose date math the steps have
	steps  *translate.Steps
	names  query.Names
	// bound are the steps to match every event with. missing has an entry for every step, with each run of a step
	// counted.
	bound   []boundStep
	missing []bool
	where   condition.Expr

	orderField, tiebreaker mapping.Field
	// computed are the fields that must be requested for alerts.
	computed []string
	// partialErr is the failure to read the mapping of some indices.
	partialErr error
}

// boundStep matches events with a term of the sequence.
type boundStep struct {
	step    translate.Step
	matcher *condition.Bound
	// first is the number of the term's first step, runs the number of its steps.
	first, runs int
	optional    []bool
}

func (g *groupSearch) addTerm(t translate.Step) (condition.Expr, error) {
	b, pushed, err := g.bindStep(t, len(g.missing))
	if err != nil {
		return nil, err
	}
	g.bound = append(g.bound, b)
	for range t.Runs {
		g.missing = append(g.missing, t.Missing)
	}
	return pushed, nil
}

func (g *groupSearch) bindStep(t translate.Step, first int) (boundStep, condition.Expr, error) {
	matcher, err := condition.Bind(t.Where, mapping.Retrieved(g.target.Fields))
	if err != nil {
		return boundStep{}, nil, err //nolint:wrapcheck // it names the field
	}
	b := boundStep{step: t, matcher: matcher, first: first, runs: t.Runs}
	for _, k := range t.Keys {
		b.optional = append(b.optional, k.Optional)
	}
	pushed, _ := condition.Pushdown(t.Where, g.target.Fields)
	return b, pushed, nil
}

func (g *groupSearch) Target() search.Target { return g.target }

// request returns the search for the events of every step.
func (g *groupSearch) request(w window.Window) search.Request {
	time := g.plan.Time
	time.Window = w
	r := search.Request{
		Patterns: g.names.Of(w), Where: g.where, Time: time, FieldTypes: g.target.Fields,
		OrderBy: g.plan.orderBy, Tiebreaker: g.plan.Tiebreaker, Fields: binding.Joined(g.fieldNames(), g.computed),
	}
	if g.steps.Sample {
		r.OrderBy, r.Tiebreaker = "", ""
		if w.From.IsZero() && w.To.IsZero() {
			r.Time = search.TimeRange{} // a sample needs no time
		}
	}
	return r
}

// fieldNames returns the fields whose indexed values are needed to match events in memory.
func (g *groupSearch) fieldNames() []string {
	names := []string{g.plan.orderBy}
	if g.plan.Tiebreaker != "" {
		names = append(names, g.plan.Tiebreaker)
	}
	for _, b := range g.bound {
		names = append(names, condition.Fields(b.step.Where)...)
		for _, k := range b.step.Keys {
			if k.Mapped {
				names = append(names, k.Field.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fits returns the steps that an event matches, with its keys.
func (g *groupSearch) fits(d *event.Document) []sequence.Fit {
	var fits []sequence.Fit
	for _, b := range g.bound {
		if !b.matcher.Match(d.Index(), d) {
			continue
		}
		keys := b.keys(d, g.steps.Sample)
		for run := range b.runs {
			fits = append(fits, sequence.Fit{Step: b.first + run, Keys: keys})
		}
	}
	return fits
}

// keys returns the combinations of an event's key values. The keys of samples come from
// aggregations in Elasticsearch, which show a date as milliseconds.
func (b boundStep) keys(d *event.Document, sample bool) []sequence.Key {
	columns := make([][]sequence.Value, len(b.step.Keys))
	for i, k := range b.step.Keys {
		if !k.Mapped {
			continue
		}
		own, _ := d.Own(k.Field)
		for _, v := range d.Values(k.Field) {
			if sample && own.Type.Family() == mapping.FamilyDate {
				columns[i] = append(columns[i], sequence.Whole(v.Time.UnixMilli()))
				continue
			}
			columns[i] = append(columns[i], keyValue(own, v))
		}
	}
	return sequence.Product(columns, b.optional)
}

// keyValue keeps the type of a value: the number 1 and the text 1 are different keys.
func keyValue(f mapping.Field, v mapping.Value) sequence.Value {
	switch f.Type.Family() {
	case mapping.FamilyBoolean:
		return sequence.Bool(v.Bool)
	case mapping.FamilyInteger:
		return sequence.Whole(v.Whole)
	case mapping.FamilyFloat:
		return sequence.Float(v.Number)
	case mapping.FamilyDate:
		return sequence.Text(v.Time.UTC().Format("2006-01-02T15:04:05.000Z"))
	case mapping.FamilyIP:
		return sequence.Text(v.IP.String())
	default:
		return sequence.Text(v.String)
	}
}

// ordinal returns an event's position in the order of time; false if it has no time.
func (g *groupSearch) ordinal(d *event.Document) (sequence.Ordinal, bool) {
	times := d.Values(g.orderField)
	if len(times) == 0 {
		return sequence.Ordinal{}, false
	}
	o := sequence.Ordinal{Time: nanos(times[0].Time)}
	if g.plan.Tiebreaker != "" {
		if values := d.Values(g.tiebreaker); len(values) > 0 {
			own, _ := d.Own(g.tiebreaker)
			o.Tiebreaker = keyValue(own, values[0])
		}
	}
	return o, true
}

// oneOrder returns an error if an event has several times or tiebreakers: Elasticsearch refuses such sequences.
func (g *groupSearch) oneOrder(d *event.Document) error {
	if n := len(d.Values(g.orderField)); n > 1 {
		return severalValues(g.plan.orderBy, n)
	}
	if n := len(d.Values(g.tiebreaker)); g.plan.Tiebreaker != "" && n > 1 {
		return severalValues(g.plan.Tiebreaker, n)
	}
	return nil
}

func severalValues(field string, n int) error {
	return fmt.Errorf("arrays (here of [%s], with %d values) are not supported in the order of a sequence", field, n)
}

// nanos returns a time in nanoseconds, limited to the range of an int64.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero() || t.Year() < 1678:
		return math.MinInt64
	case t.Year() > 2261:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// hit makes a hit of a completed group.
func hit(m sequence.Match[*event.Event]) query.Hit {
	group := &query.Group{JoinKeys: []any{}}
	for _, v := range m.Key {
		group.JoinKeys = append(group.JoinKeys, joinKey(v))
	}
	for _, e := range m.Events {
		if e == nil {
			group.Events = append(group.Events, nil)
			continue
		}
		group.Events = append(group.Events, e.Ref)
	}
	return query.Hit{Group: group}
}

// joinKey shows a key's value as Elasticsearch does: as text, null as null.
func joinKey(v sequence.Value) any {
	if v.IsNull() {
		return nil
	}
	return v.String()
}

// tooMany turns the error about too many partial sequences into a partial failure.
func (g *groupSearch) tooMany(err error) error {
	if !errors.Is(err, sequence.ErrTooMany) {
		return err
	}
	return &failure.Error{Kind: failure.Partial, Op: "match the sequences of " + g.plan.Label(), Err: err}
}

// stepName names a bound step as an explanation does.
func (g *groupSearch) stepName(i int) string {
	switch b := g.bound[i]; {
	case b.first == sequence.Until:
		return "until"
	case b.step.Missing:
		return fmt.Sprintf("step %d (no such event)", i+1)
	}
	return fmt.Sprintf("step %d", i+1)
}

// Trace evaluates every step on one document.
func (g *groupSearch) Trace(_ context.Context, d condition.Document) (condition.Trace, error) {
	whole := condition.Trace{Text: "a step of the sequence", Op: condition.OpOr}
	parts := translate.Moment{Fields: g.target.Fields, Now: g.at}.StepParts(g.plan.Parsed, g.plan.Rule())
	for i, b := range g.bound {
		t, err := condition.TraceParts(b.step.Where, parts[i], binding.FieldsOf(g.target.Fields, d), d)
		if err != nil {
			return whole, err //nolint:wrapcheck // it names the field
		}
		t.Of = g.stepName(i)
		whole.Holds = whole.Holds || t.Holds
		whole.Parts = append(whole.Parts, t)
	}
	return whole, nil
}
