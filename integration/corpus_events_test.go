//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// anomalyPattern matches the indices of machine learning results.
const anomalyPattern = ".ml-anomalies-*"

// prepare creates the indices and the events of all rules.
func (c *corpus) prepare(t *testing.T, rules []*rule.Rule) {
	t.Helper()
	c.types = corpusTypes{}
	fields := map[string][]string{}
	for _, r := range rules {
		c.types.add(r)
		patterns := r.Index
		if r.ThreatMatch != nil {
			patterns = slices.Concat(patterns, r.ThreatMatch.Index)
		}
		for _, p := range patterns {
			fields[p] = append(fields[p], fieldsOfRule(r)...)
		}
	}
	for pattern, names := range fields {
		names = slices.DeleteFunc(names, func(n string) bool { return c.types[n] == "" })
		c.create(t, c.indexOf(pattern), c.types.properties(withParents(names, c.types)))
	}
	c.create(t, c.indexOf(anomalyPattern), anomalyProperties())
	var lines strings.Builder
	encoder := json.NewEncoder(&lines)
	table := c.types.table()
	for _, r := range rules {
		for i, d := range c.events(r, table) {
			must(t, encoder.Encode(object{"create": object{"_index": d.index, "_id": fmt.Sprintf("%s-%d", r.ID, i)}}))
			must(t, encoder.Encode(d.source))
		}
	}
	reply := c.node.Lines(t, "/_bulk?refresh=true", lines.String())
	items, refused := reply.At("items").List(), 0
	for _, item := range items {
		if failure := item.At("create", "error"); !failure.Missing() {
			if refused++; refused <= 5 {
				t.Logf("an event was refused: %.300s", failure)
			}
		}
	}
	t.Logf("%d indices, %d fields, %d events, %d of them refused", len(fields)+1, len(c.types), len(items), refused)
}

// withParents adds the nested objects that contain fields.
func withParents(names []string, types corpusTypes) []string {
	out := slices.Clone(names)
	for _, name := range names {
		for i, char := range name {
			if char == '.' && types[name[:i]] == mapping.Nested {
				out = append(out, name[:i])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *corpus) create(t *testing.T, index string, properties object) {
	t.Helper()
	c.node.Must(t, http.MethodPut, "/"+index, object{
		"settings": object{
			"number_of_replicas": 0, "index.mapping.total_fields.limit": 20000, "index.mapping.ignore_malformed": true, "index.refresh_interval": -1,
		},
		"mappings": object{"dynamic": false, "properties": properties},
	})
}

// events makes events that a rule should find: one for each step, or as many as a threshold needs.
func (c *corpus) events(r *rule.Rule, table mapping.Table) []doc {
	if r.Type == rule.TypeMachineLearning {
		return []doc{record(c.indexOf(anomalyPattern), "", r.MachineLearning.JobIDs[0], corpusSlot.Add(-30*time.Second), 100)}
	}
	if len(r.Index) == 0 {
		return nil
	}
	var docs []doc
	index := c.indexOf(r.Index[0])
	copies := 1
	if r.Threshold != nil {
		copies = r.Threshold.Value
		for _, card := range r.Threshold.Cardinality {
			copies = max(copies, card.Value)
		}
	}
	for i, e := range conditionsOfRule(r, table) {
		for n := range copies {
			m := maker{types: c.types, source: object{}, n: n}
			m.satisfy(e)
			m.keys(r, i, table)
			at := stamp(corpusSlot, 30*time.Second-time.Duration(i)*time.Second)
			m.source["@timestamp"], m.source["event.ingested"] = []any{at}, []any{at}
			docs = append(docs, doc{index, "", m.source})
		}
	}
	if r.ThreatMatch != nil && len(docs) > 0 {
		docs = append(docs, c.indicator(r, docs[0].source))
	}
	return docs
}

// indicator makes an indicator that matches an event.
func (c *corpus) indicator(r *rule.Rule, event object) doc {
	m := maker{types: c.types, source: object{"@timestamp": stamp(corpusSlot, time.Hour)}}
	t := r.ThreatMatch
	if q, _ := translate.Parse(t.Language, t.Query, translate.Options{}); q != nil {
		if e, _ := q.Lower(c.types.table()); e != nil {
			m.satisfy(e)
		}
	}
	if e, _ := translate.Filters(r, "rule.threat_filters", t.Filters, c.types.table()); e != nil {
		m.satisfy(e)
	}
	for _, group := range t.Mapping {
		for _, e := range group.Entries {
			m.source[e.Value] = event[e.Field]
		}
	}
	m.source["@timestamp"] = stamp(corpusSlot, time.Hour)
	return doc{c.indexOf(t.Index[0]), "", m.source}
}

// maker makes an event that matches the positive tests of a condition: all members of an And, the first of an Or.
// Negative tests may fail by chance.
type maker struct {
	types  corpusTypes
	source object
	// n distinguishes copies of an event that must differ.
	n int
}

func (m *maker) satisfy(e condition.Expr) {
	switch e := e.(type) {
	case condition.And:
		for _, member := range e {
			m.satisfy(member)
		}
	case condition.Or:
		if len(e) > 0 {
			m.satisfy(e[0])
		}
	case condition.Nested:
		m.satisfy(e.X)
	case condition.Exists:
		m.set(e.Field, m.sample(e.Field))
	case condition.Term:
		m.set(e.Field, e.Value)
	case condition.Terms:
		m.set(e.Field, e.Values[0])
	case condition.Match:
		m.set(e.Field, e.Value)
	case condition.Wildcard:
		m.set(e.Field, anExample(e.Pattern))
	case condition.QueryString:
		m.set(e.Field, anExample(e.Pattern))
	case condition.Prefix:
		m.set(e.Field, e.Value+"x")
	case condition.CIDR:
		if p, err := netip.ParsePrefix(e.Networks[0]); err == nil {
			m.set(e.Field, p.Addr().Next().String())
		}
	case condition.Range:
		m.within(e)
	}
}

// within sets a value within the bounds of a range.
func (m *maker) within(r condition.Range) {
	for _, bound := range []struct {
		value any
		off   float64
	}{{r.Gte, 0}, {r.Lte, 0}, {r.Gt, 1}, {r.Lt, -1}} {
		if bound.value == nil {
			continue
		}
		if x, err := strconv.ParseFloat(fmt.Sprint(bound.value), 64); err == nil {
			m.set(r.Field, x+bound.off)
		} else if m.types[r.Field].Family() == mapping.FamilyDate {
			m.set(r.Field, stamp(corpusSlot, 30*time.Second))
		}
		return
	}
}

// set adds a value to a field, since another test may need another value of the same field.
func (m *maker) set(field string, value any) {
	if field == "" || value == nil {
		return
	}
	if i := strings.LastIndexByte(field, '.'); i > 0 {
		if above := m.types[field[:i]]; above != "" && above.Family() != mapping.FamilyObject && above != mapping.Flattened {
			field = field[:i] // Documents have no multi-fields.
		}
	}
	values, _ := m.source[field].([]any)
	if !slices.Contains(values, value) {
		m.source[field] = append(values, value)
	}
}

// keys sets the values by which events of a rule belong together, or differ.
func (m *maker) keys(r *rule.Rule, step int, table mapping.Table) {
	fill := func(field string) {
		if m.source[field] == nil {
			m.set(field, m.sample(field))
		}
	}
	if q := parsedQuery(r); q != nil && q.Shape() != translate.Events {
		if steps, _ := q.LowerSteps(table); steps != nil {
			for _, k := range steps.Terms[step].Keys {
				m.source[k.Name] = []any{m.sample(k.Name)}
			}
		}
	}
	if r.NewTerms != nil {
		for _, f := range r.NewTerms.Fields {
			fill(f)
		}
	}
	if t := r.Threshold; t != nil {
		for _, f := range t.Fields {
			fill(f)
		}
		for _, card := range t.Cardinality {
			m.source[card.Field] = []any{fmt.Sprintf("value %d", m.n)}
		}
	}
	if t := r.ThreatMatch; t != nil {
		for _, group := range t.Mapping {
			for _, e := range group.Entries {
				fill(e.Field)
			}
		}
	}
}

// sample returns a fixed value of a field's type.
func (m *maker) sample(field string) any {
	switch m.types[field].Family() {
	case mapping.FamilyInteger, mapping.FamilyFloat:
		return 7
	case mapping.FamilyBoolean:
		return true
	case mapping.FamilyDate:
		return stamp(corpusSlot, 30*time.Second)
	case mapping.FamilyIP:
		return "203.0.113.7"
	case mapping.FamilyVersion:
		return "1.2.3"
	default:
		return "a value"
	}
}

// anExample returns a text that matches a pattern.
func anExample(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte(pattern[i])
		case c == '?':
			b.WriteByte('x')
		case c != '*':
			b.WriteByte(c)
		}
	}
	return b.String()
}

// anomalyProperties are the properties of machine learning results.
func anomalyProperties() object {
	keyword := object{"type": "keyword"}
	return object{
		"job_id": keyword, "result_type": keyword, "timestamp": object{"type": "date"}, "is_interim": object{"type": "boolean"},
		"record_score": object{"type": "double"},
	}
}
