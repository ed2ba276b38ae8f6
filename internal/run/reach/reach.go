package reach

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// Bound is a plan with what [query.Plan.Prepare] returned for a slot.
type Bound struct {
	Plan     query.Plan
	Prepared query.Prepared
	Diags    diag.List
	Err      error
	At       time.Time
}

// Decide decides whether the rule can match. A rule about which nothing is known can.
func (b *Bound) Decide() Verdict {
	if b.Prepared == nil {
		return impossible(b.refusal())
	}
	need := b.need()
	missing := map[string]bool{}
	for _, d := range b.Diags {
		if d.Field != "" {
			missing[d.Field] = true
		}
	}
	ideal := b.ideal(&need)
	found := map[*query.Need][]Cause{}
	for i, leaf := range need.Leaves() {
		var under *query.Need
		if ideal != nil {
			under = ideal[i]
		}
		found[leaf] = causes(b.Plan.Rule().Index, leaf, under, missing)
	}
	if !need.Possible(func(leaf *query.Need) bool { return len(found[leaf]) == 0 }) {
		var all []Cause
		for _, leaf := range need.Leaves() {
			all = append(all, found[leaf]...)
		}
		return impossible(all...)
	}
	return Verdict{CanMatch: true, Partly: b.partly(&need, found)}
}

// need returns what the plan needs. One that does not say so needs an index.
func (b *Bound) need() query.Need {
	if needy, ok := b.Prepared.(query.Needy); ok {
		return needy.Needs()
	}
	if len(b.Plan.Rule().Index) == 0 { // a query that makes its own rows
		return query.Need{All: []query.Need{}}
	}
	return query.Need{Where: condition.Const(true), Target: b.Prepared.Target()}
}

// ideal returns the needs of events under the types of ECS, in the order of the real ones; nil if they are not known.
func (b *Bound) ideal(need *query.Need) []*query.Need {
	assumed, _ := b.Plan.Assume(b.At)
	needy, ok := assumed.(query.Needy)
	if !ok {
		return nil
	}
	other := needy.Needs()
	leaves := other.Leaves()
	if len(leaves) != len(need.Leaves()) {
		return nil
	}
	return leaves
}

// refusal is why a rule could not be prepared.
func (b *Bound) refusal() Cause {
	text := ""
	if b.Err != nil {
		text = b.Err.Error()
	}
	for _, d := range b.Diags {
		if d.Severity == diag.Error {
			text = d.Message
			break
		}
	}
	kind := Type
	switch {
	case failure.UnreadOf(b.Err) == failure.Forbidden:
		kind = Privileges
	case b.Err != nil || b.Plan.Strategy() == query.ESQL:
		kind = Refused
	}
	return Cause{Kind: kind, What: text, Text: text}
}

// causes are why no event can meet a need; nil if one can.
func causes(patterns []string, leaf, ideal *query.Need, missing map[string]bool) []Cause {
	if len(leaf.Target.Indices) == 0 {
		return about(leaf.Of, vacant(patterns, leaf.Target))
	}
	where, found := effective(leaf)
	switch {
	case where != condition.Expr(condition.Const(false)):
		return about(leaf.Of, apart(leaf.Target.Fields, where))
	case len(found) > 0 && without(leaf) != condition.Expr(condition.Const(false)):
		return about(leaf.Of, found)
	}
	if ideal == nil {
		return about(leaf.Of, []Cause{unknown})
	}
	return about(leaf.Of, why(leaf.Target.Fields, ideal.Where, missing))
}

// effective is the condition as it is of the documents of the indices, and why tests in it are false for their values. Several
// indices may differ in limits and constants: what each can have is decided apart.
func effective(leaf *query.Need) (condition.Expr, []Cause) {
	tables := mapping.Own(leaf.Target.Fields)
	if len(tables) != 1 {
		return without(leaf), nil
	}
	return reduced(leaf.Target.Fields, tables[0], leaf.Where)
}

// without is the condition of a need where only fields that no index has are missing.
func without(leaf *query.Need) condition.Expr {
	return condition.Without(leaf.Where, func(name string) bool {
		_, mapped := leaf.Target.Fields.Field(name)
		return !mapped && !internal(name)
	})
}

// internal reports whether a name is of a field that every document has, whatever its mapping.
func internal(name string) bool { return strings.HasPrefix(name, "_") }

// unknown is the cause of a condition of which it is not known why it is false.
var unknown = Cause{Kind: Type, Text: "under these mappings its condition is true of no event"}

func about(of string, causes []Cause) []Cause {
	for i := range causes {
		causes[i].Of = of
	}
	return causes
}

// vacant says why there is nothing to search.
func vacant(patterns []string, t search.Target) []Cause {
	var out []Cause
	for _, u := range t.Unread {
		out = append(out, unread(u))
	}
	if len(out) == 0 {
		for _, name := range t.Closed {
			out = append(out, Cause{Kind: Closed, What: name, Text: "the index " + name + " is closed"})
		}
	}
	if len(out) > 0 {
		return out
	}
	if len(t.Missing) > 0 {
		patterns = t.Missing
	}
	for _, p := range patterns {
		out = append(out, noIndex(p))
	}
	if out == nil {
		out = []Cause{{Kind: NoIndex, Text: "the rule names no index"}}
	}
	return out
}

func noIndex(pattern string) Cause {
	return Cause{Kind: NoIndex, What: pattern, Text: "no open index matches " + pattern}
}

func unread(u search.Unread) Cause {
	kind := Unread
	switch u.Why {
	case failure.Forbidden:
		kind = Privileges
	case failure.Closed:
		kind = Closed
	case failure.Remote, failure.Shards:
	}
	return Cause{Kind: kind, What: u.Name, Text: u.Name + " is not read: " + u.Reason}
}

// why says which fields keep a condition from being met, from the condition under the types of ECS. missing are the fields
// that lowering found unmapped.
func why(fields mapping.Fields, ideal condition.Expr, missing map[string]bool) []Cause {
	if ideal == condition.Expr(condition.Const(false)) {
		return []Cause{{Kind: Contradiction, Text: "its condition is true of no event, whatever the mapping"}}
	}
	var lacking, others []string
	for _, name := range condition.Fields(ideal) {
		_, mapped := fields.Field(name)
		switch {
		case internal(name):
		case mapped:
			others = append(others, name)
		default:
			lacking = append(lacking, name)
		}
	}
	// What is left of fields that may stand for each other is the last: a field of ECS or a module, and one that is reported.
	slices.SortStableFunc(lacking, func(a, b string) int { return cmp.Compare(rank(a, missing), rank(b, missing)) })
	if out := needing(ideal, lacking); out != nil {
		return out
	}
	if out := typed(fields, others); out != nil {
		return out
	}
	slices.Reverse(lacking)
	switch {
	case len(lacking) > 0:
		return []Cause{{Kind: Missing, What: listed(lacking, ", "), Text: unknown.Text + "; no index has " + strings.Join(lacking, ", ")}}
	case len(others) > 0:
		return []Cause{{Kind: Type, What: listed(others, ", "), Text: unknown.Text + ": what it asks of " + strings.Join(others, ", ") + " no value can be"}}
	}
	return []Cause{unknown}
}

// rank orders fields by how well people know them.
func rank(name string, reported map[string]bool) int {
	n := 0
	if strings.Contains(name, ".") {
		n += 2
	}
	if reported[name] {
		n++
	}
	return n
}

// maxCuts is the number of causes of one condition.
const maxCuts = 5

// needing are the reasons for which a condition is false without some fields: least sets of them without which it is. The
// sets have no fields in common; of several fields that may stand for each other, the later are named first.
func needing(ideal condition.Expr, names []string) []Cause {
	left := slices.Clone(names)
	var out []Cause
	for len(out) < maxCuts && len(left) > 0 && never(ideal, left) {
		cut := slices.Clone(left)
		for i := 0; i < len(cut) && len(cut) > 1; {
			if fewer := slices.Delete(slices.Clone(cut), i, i+1); never(ideal, fewer) {
				cut = fewer
			} else {
				i++
			}
		}
		left = slices.DeleteFunc(left, func(name string) bool { return slices.Contains(cut, name) })
		slices.Reverse(cut)
		shown := slices.DeleteFunc(slices.Clone(cut), func(name string) bool { return !strings.Contains(name, ".") })
		if len(shown) == 0 {
			shown = cut
		}
		out = append(out, Cause{Kind: Missing, What: listed(shown, " or "), Text: "no index has " + strings.Join(cut, " or ")})
	}
	slices.SortStableFunc(out, func(a, b Cause) int { return cmp.Compare(a.What, b.What) })
	return out
}

// never reports whether a condition is false of every document without some fields.
func never(e condition.Expr, names []string) bool {
	return condition.Without(e, func(name string) bool { return slices.Contains(names, name) }) == condition.Expr(condition.Const(false))
}

// maxNames is the number of fields that a text names.
const maxNames = 3

func listed(names []string, between string) string {
	if len(names) > maxNames {
		return strings.Join(names[:maxNames], between) + " …"
	}
	return strings.Join(names, between)
}

// typed are the fields whose type is another than in ECS.
func typed(fields mapping.Fields, names []string) []Cause {
	var out []Cause
	ecs := mapping.ECS()
	for _, name := range names {
		f, _ := fields.Field(name)
		if usual, known := ecs.Field(name); known && f.Type.Family() != usual.Type.Family() {
			out = append(out, Cause{Kind: Type, What: name, Text: "the type of " + name + " is " + string(f.Type) + ", not " + string(usual.Type) + ": no value is what the rule asks for"})
		}
	}
	return out
}

// apart says why no single index can have an event that meets a condition, although all of them together have its fields.
func apart(fields mapping.Fields, where condition.Expr) []Cause {
	tables := mapping.Own(fields)
	if len(tables) < 2 {
		return nil
	}
	lacking := true // in each index a field is missing
	var found []Cause
	for _, own := range tables {
		lacks := func(name string) bool { _, here := own.Field(name); return !here && !internal(name) }
		lacking = lacking && condition.Without(where, lacks) == condition.Expr(condition.Const(false))
		rest, more := reduced(own, own, where)
		if rest != condition.Expr(condition.Const(false)) {
			return nil
		}
		found = append(found, more...)
	}
	if !lacking && len(found) > 0 {
		return unrepeated(found)
	}
	names := slices.DeleteFunc(condition.Needed(where), func(name string) bool {
		return internal(name) || !slices.ContainsFunc(tables, func(own mapping.Fields) bool { _, here := own.Field(name); return !here })
	})
	if len(names) == 0 {
		return []Cause{{Kind: Missing, What: "all fields of one alternative in one index", Text: "no single index has all fields of one alternative"}}
	}
	return []Cause{{Kind: Missing, What: listed(names, " and ") + " in one index", Text: "no single index has " + listed(names, " and ")}}
}
