package reach

import (
	"context"
	"slices"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Presence is which fields the events of a window have. It is asked once for all rules over the same indices.
type Presence struct {
	// Window is the range of time; zero bounds do not limit it.
	Window window.Window

	places []*place
	byKey  map[string]*place
	asked  []*asked
}

// place are indices and a time field, with the fields that rules test there.
type place struct {
	request search.Request
	fields  []string
	wanted  map[string]bool
	found   map[string]bool
	whole   bool
}

// asked is a rule, with the places of its needs.
type asked struct {
	need    query.Need
	places  map[*query.Need]*place
	verdict *Verdict
}

// Add adds a rule that can match. The verdict gets its silent fields by [Presence.Decide].
func (p *Presence) Add(prepared query.Prepared, v *Verdict) {
	needy, ok := prepared.(query.Needy)
	if !ok || !v.CanMatch {
		return
	}
	a := &asked{need: needy.Needs(), places: map[*query.Need]*place{}, verdict: v}
	for _, leaf := range a.need.Leaves() {
		if len(leaf.Target.Indices) == 0 {
			continue
		}
		at := p.at(leaf)
		a.places[leaf] = at
		where, _ := effective(leaf)
		for _, name := range condition.Fields(where) {
			f, mapped := leaf.Target.Fields.Field(name)
			if !mapped || f.Nested != "" || internal(name) || at.wanted[name] {
				continue // the fields of nested objects are not those of the event
			}
			at.wanted[name] = true
			at.fields = append(at.fields, name)
		}
	}
	p.asked = append(p.asked, a)
}

func (p *Presence) at(leaf *query.Need) *place {
	if p.byKey == nil {
		p.byKey = map[string]*place{}
	}
	key := strings.Join(append([]string{leaf.Time.Field, leaf.Time.Fallback}, leaf.Target.Indices...), ",")
	if known := p.byKey[key]; known != nil {
		return known
	}
	time := leaf.Time
	time.Window = p.Window
	if time.Field == "" {
		time.Window = window.Window{}
	}
	made := &place{
		request: search.Request{Patterns: leaf.Target.Indices, Where: condition.Const(true), Time: time, FieldTypes: leaf.Target.Fields},
		wanted:  map[string]bool{},
	}
	p.byKey[key] = made
	p.places = append(p.places, made)
	return made
}

// Ask asks for the fields of each place. Beside an error, fields of places that could not be read are not known, and no
// rule is said to lack them.
func (p *Presence) Ask(ctx context.Context, events search.Events) error {
	var first error
	for _, at := range p.places {
		if len(at.fields) == 0 {
			continue
		}
		slices.Sort(at.fields)
		found, err := search.Present(ctx, events, at.request, at.fields)
		at.found, at.whole = found, err == nil
		if err != nil && first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return first //nolint:wrapcheck // it names the indices
}

// Places is the number of places, Fields that of their fields.
func (p *Presence) Places() (places, fields int) {
	for _, at := range p.places {
		fields += len(at.fields)
	}
	return len(p.places), fields
}

// Decide adds to the verdicts the fields that the rules need and no event has. within names the window.
func (p *Presence) Decide(within string) {
	for _, a := range p.asked {
		found := map[*query.Need][]Cause{}
		for _, leaf := range a.need.Leaves() {
			if at := a.places[leaf]; at != nil && at.whole {
				where, _ := effective(leaf)
				found[leaf] = about(leaf.Of, at.silent(where, within))
			}
		}
		if a.need.Possible(func(leaf *query.Need) bool { return len(found[leaf]) == 0 }) {
			continue
		}
		for _, leaf := range a.need.Leaves() {
			a.verdict.Silent = append(a.verdict.Silent, found[leaf]...)
		}
		a.verdict.Silent = unrepeated(a.verdict.Silent)
	}
}

// silent are the fields without which a condition is false and that no event has.
func (p *place) silent(where condition.Expr, within string) []Cause {
	var lacking []string
	for _, name := range condition.Fields(where) {
		if p.wanted[name] && !p.found[name] {
			lacking = append(lacking, name)
		}
	}
	out := needing(where, lacking)
	for i := range out {
		out[i].Kind = Silent
		out[i].Text = "no event" + within + " has " + out[i].What
	}
	return out
}
