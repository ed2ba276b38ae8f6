package indexgen

import (
	"fmt"
	"strings"
)

// Rule is a candidate rule in the form of a Kibana export.
type Rule struct {
	ID, Type string
	Body     Object
	// Asked are the queries, in Query DSL, that count the documents that match the conditions of the rule. For an
	// event rule, the first query finds the documents that alert.
	Asked []Object
	// Exact reports that the rule makes exactly one alert for each document that Asked finds.
	Exact bool
}

// Types are the rule types, with the kinds of suppression.
var Types = []string{
	"kql", "lucene", "eql", "sequence", "sample", "threshold", "cardinality", "new_terms", "threat_match",
	"kql suppressed", "eql suppressed", "threshold suppressed", "new_terms suppressed", "threat_match suppressed", "sequence suppressed",
}

// IsEQL reports whether a rule type is written in EQL.
func IsEQL(typ string) bool {
	switch typ {
	case "eql", "sequence", "sample", "eql suppressed", "sequence suppressed":
		return true
	}
	return false
}

// ReadsEach reports whether rules of a type group events by the values of each event. If _source has no values,
// there are no groups, except over files, which have complete documents.
func ReadsEach(typ string) bool {
	return typ == "sequence" || typ == "sample" || strings.HasSuffix(typ, " suppressed") && typ != "threshold suppressed"
}

func rules(g *gen, kind Kind, w *World, o Options) []Rule {
	var out []Rule
	for _, typ := range Types {
		candidates := o.Candidates
		if base, _, _ := strings.Cut(typ, " "); base == "sequence" || base == "sample" {
			candidates *= 4 // one of several conditions rarely matches
		}
		for i := range candidates {
			r := Rule{ID: fmt.Sprintf("%s %d %s %d", kind.Name, w.Seed, typ, i), Type: typ}
			r.Body = Object{
				"rule_id": r.ID, "name": r.ID, "description": "made up", "risk_score": 21, "severity": "low", "index": []string{w.Pattern},
				"from": fmt.Sprintf("now-%dm", int(window.Minutes())), "to": "now", "interval": "5m", "max_signals": 10000, "enabled": true,
			}
			makers[typ](&maker{g, kind, w}, &r)
			out = append(out, r)
		}
	}
	return out
}

// maker generates the rules of one world.
type maker struct {
	*gen
	kind  Kind
	world *World
}

var makers = map[string]func(*maker, *Rule){
	"kql":            func(m *maker, r *Rule) { m.kql(r); r.Exact = true },
	"lucene":         func(m *maker, r *Rule) { r.Exact = m.lucene(r) },
	"eql":            func(m *maker, r *Rule) { m.eql(r); r.Exact = true },
	"sequence":       (*maker).sequence,
	"sample":         (*maker).sample,
	"threshold":      (*maker).threshold,
	"cardinality":    (*maker).cardinality,
	"new_terms":      (*maker).newTerms,
	"threat_match":   (*maker).threatMatch,
	"kql suppressed": func(m *maker, r *Rule) { m.either(r); m.suppress(r) },
	"eql suppressed": func(m *maker, r *Rule) { m.eql(r); m.suppress(r) },
	"threshold suppressed": func(m *maker, r *Rule) {
		m.threshold(r)
		r.Body["alert_suppression"] = Object{"duration": Object{"value": 1, "unit": "h"}}
	},
	"new_terms suppressed":    func(m *maker, r *Rule) { m.newTerms(r); m.suppress(r) },
	"threat_match suppressed": func(m *maker, r *Rule) { m.threatMatch(r); m.suppress(r) },
	"sequence suppressed":     func(m *maker, r *Rule) { m.sequence(r); m.suppress(r) },
}

func (m *maker) set(r *Rule, pairs ...any) { put(r.Body, pairs) }

// put adds pairs of names and values to an object.
func put(into Object, pairs []any) {
	for i := 0; i < len(pairs); i += 2 {
		into[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
}

func (m *maker) kql(r *Rule) {
	t := m.test(m.kind, m.world)
	m.set(r, "type", "query", "language", "kuery", "query", t.KQL)
	r.Asked = []Object{t.Kibana}
	m.filter(r)
}

// lucene reports whether query_string has the meaning of the language. It reads a one-sided range on a key of a
// flattened field as a range without results, where other queries are refused.
func (m *maker) lucene(r *Rule) bool {
	t := m.test(m.kind, m.world)
	m.set(r, "type", "query", "language", "lucene", "query", t.Lucene)
	r.Asked = []Object{{"query_string": Object{"query": t.Lucene, "analyze_wildcard": true}}}
	m.filter(r)
	open := strings.Contains(t.Lucene, "[* TO ") || strings.Contains(t.Lucene, " TO *]")
	return m.kind.Name != "flattened" || !open
}

func (m *maker) either(r *Rule) {
	if m.IntN(2) == 0 {
		m.kql(r)
	} else {
		m.lucene(r)
	}
}

func (m *maker) eql(r *Rule) {
	t := m.test(m.kind, m.world)
	m.set(r, "type", "eql", "language", "eql", "query", "any where "+t.EQL)
	r.Asked = []Object{t.DSL}
	m.filter(r)
}

// filter adds a Query DSL filter to some rules.
func (m *maker) filter(r *Rule) {
	if m.IntN(4) != 0 {
		return
	}
	t := m.leaf(pick(m.gen, m.kind.probes), m.world)
	negate := m.IntN(2) == 0
	r.Body["filters"] = []any{Object{"meta": Object{"negate": negate, "disabled": false}, "query": t.DSL}}
	key := "filter"
	if negate {
		key = "must_not"
	}
	r.Asked = []Object{{"bool": Object{"must": []any{r.Asked[0]}, key: []any{t.DSL}}}}
}

// by returns a field to group events by: a field of the kind, or one that all indices have.
func (m *maker) by(other string) string {
	p := pick(m.gen, m.kind.probes)
	if p.grouped && m.IntN(2) == 0 {
		return p.field
	}
	return other
}

// byEach is by for rules that group events one by one: values that are not in _source are in no answer of
// Elasticsearch.
func (m *maker) byEach(other string) string {
	if m.kind.Unsourced {
		return other
	}
	return m.by(other)
}

func (m *maker) steps(r *Rule, n int) []string {
	var steps []string
	for range n {
		t := m.test(m.kind, m.world)
		steps = append(steps, "[any where "+t.EQL+"]")
		r.Asked = append(r.Asked, t.DSL)
	}
	return steps
}

func (m *maker) sequence(r *Rule) {
	text := "sequence by " + m.byEach("host.id") + " with maxspan=5m " + strings.Join(m.steps(r, 2), " ")
	m.set(r, "type", "eql", "language", "eql", "query", text)
}

func (m *maker) sample(r *Rule) {
	text := "sample by " + m.byEach("v") + " " + strings.Join(m.steps(r, 2), " ")
	m.set(r, "type", "eql", "language", "eql", "query", text)
}

func (m *maker) threshold(r *Rule) { m.counting(r) }

// counting makes a threshold rule, and returns its threshold and its first group-by field.
func (m *maker) counting(r *Rule) (threshold Object, by string) {
	m.either(r)
	fields := []string{m.by("host.id")}
	if m.IntN(3) == 0 && fields[0] != "n" {
		fields = append(fields, "event.category")
	}
	threshold = Object{"field": fields, "value": 2 + m.IntN(3)}
	m.set(r, "type", "threshold", "threshold", threshold)
	return threshold, fields[0]
}

func (m *maker) cardinality(r *Rule) {
	threshold, by := m.counting(r)
	field := "n"
	if by == "host.id" {
		field = m.by("n")
	}
	threshold["cardinality"] = []any{Object{"field": field, "value": 2}}
}

func (m *maker) newTerms(r *Rule) {
	m.either(r)
	fields := []string{m.by("u")}
	if fields[0] != "u" && m.IntN(3) > 0 {
		fields = append(fields, "u")
	}
	m.set(r, "type", "new_terms", "new_terms_fields", fields, "history_window_start", "now-3h")
}

func (m *maker) threatMatch(r *Rule) {
	m.either(r)
	p := pick(m.gen, m.kind.probes)
	entries := []any{Object{"field": p.field, "type": "mapping", "value": "ioc"}}
	var sets []string
	some := 1 + m.IntN(3) // of three: if few events have the field, all sets are needed to match enough
	for i := range indicatorSets {
		if m.IntN(3) < some {
			sets = append(sets, fmt.Sprintf("set: %q", indicatorSet(i, p)))
		}
	}
	if len(sets) == 0 {
		sets = []string{fmt.Sprintf("set: %q", indicatorSet(0, p))}
	}
	m.set(r, "type", "threat_match", "threat_index", []string{m.world.Indicators}, "threat_query", strings.Join(sets, " or "), "threat_language", "kuery",
		"threat_indicator_path", "threat.indicator", "threat_mapping", []any{Object{"entries": entries}})
}

func (m *maker) suppress(r *Rule) {
	strategy := pick(m.gen, []string{"suppress", "doNotSuppress"})
	fields := []string{m.byEach("host.id")}
	if m.IntN(3) == 0 {
		fields = append(fields, "event.category")
	}
	body := Object{"group_by": fields, "missing_fields_strategy": strategy}
	if m.IntN(2) == 0 {
		body["duration"] = Object{"value": 30, "unit": "m"}
	}
	r.Body["alert_suppression"] = body
}
