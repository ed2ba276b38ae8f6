//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/search/batch"
)

// nearSample is the default sample of the rules; TOCSIN_NEAR_ALL compares all of them.
const nearSample = 6

// TestNearEveryCondition: for events that match the condition of a rule, and for events that differ from them in
// one test, scan, search and a matcher in memory give the same result. All rules read the events of all rules.
func TestNearEveryCondition(t *testing.T) {
	rules := roundRuleSet(t)
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	index := node.Name("near")
	properties := corpusProperties(rules)
	for name, p := range properties { // Otherwise the first event would decide the types of all others.
		if p, ok := p.(map[string]any); ok && fmt.Sprint(p["type"]) == string(mapping.ConstantKeyword) {
			properties[name] = object{"type": "keyword", "ignore_above": 1024}
		}
	}
	node.Must(t, "PUT", "/"+index, object{
		"settings": object{"number_of_replicas": 0, "index.mapping.total_fields.limit": 20000},
		"mappings": object{"dynamic": false, "properties": properties},
	})
	slot := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	frame := window.Window{From: slot.Add(-time.Hour), To: slot}
	var prepared []query.Prepared
	var requests []search.Request
	var sources []object
	for i, r := range rules {
		if os.Getenv("TOCSIN_NEAR_ALL") == "" && i%nearSample != 0 {
			continue
		}
		here := *r
		here.Index = []string{index}
		plan, diags := plans.For(&here)
		if plan == nil {
			t.Fatalf("%s: %v", r.Path, diags)
		}
		p, diags, err := plan.Prepare(t.Context(), query.Source{Events: client, At: slot})
		if err != nil || p == nil {
			t.Errorf("%s: %v %v", r.Path, diags, err)
			continue
		}
		reader, ok := p.(query.Reader)
		if !ok {
			continue
		}
		for _, read := range reader.Reads(frame) {
			prepared, requests = append(prepared, p), append(requests, read.Request)
			sources = append(sources, nearEvents(read.Where, read.FieldTypes)...)
		}
	}
	kept := putNear(t, node, index, slot, sources)
	compareNear(t, client, index, prepared, requests, kept)
}

// putNear indexes the sources and returns the accepted ones by id.
func putNear(t *testing.T, node *Node, index string, slot time.Time, sources []object) map[string]json.RawMessage {
	t.Helper()
	kept := map[string]json.RawMessage{}
	for n, chunk := range slices.Collect(slices.Chunk(sources, 1000)) {
		var bulk strings.Builder
		for i, source := range chunk {
			id := strconv.Itoa(n*1000 + i)
			source["@timestamp"] = stamp(slot, time.Second)
			text, err := json.Marshal(source)
			if err != nil {
				t.Fatal(err)
			}
			kept[id] = text
			fmt.Fprintf(&bulk, "{\"index\":{\"_index\":%q,\"_id\":%q}}\n%s\n", index, id, text)
		}
		for _, item := range node.Lines(t, "/_bulk", bulk.String()).At("items").List() {
			if !item.At("index", "error").Missing() {
				delete(kept, item.At("index", "_id").String())
			}
		}
	}
	node.Refresh(t, index)
	return kept
}

func compareNear(
	t *testing.T, client *elastic.Client, index string, prepared []query.Prepared, requests []search.Request, kept map[string]json.RawMessage,
) {
	t.Helper()
	answers, stats, err := batch.Scan(t.Context(), client, requests, batch.ScanOptions{MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	documents := make(map[string]*event.Document, len(kept))
	for id, text := range kept {
		e := event.Event{Index: index, ID: id, Source: text}
		if documents[id], err = e.Document(); err != nil {
			t.Fatal(err)
		}
	}
	ids := func(events search.Events, r search.Request) []string {
		found := []string{}
		if _, err := events.Search(t.Context(), r, func(page []event.Event) (bool, error) {
			for _, e := range page {
				found = append(found, e.ID)
			}
			return true, nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(found)
		return found
	}
	hits, compared, left, disagree := 0, 0, 0, 0
	for i, r := range requests {
		r.Fields = nil
		searched := ids(client, r)
		hits += len(searched)
		if why := answers.Why(requests[i]); why != "" {
			left++
			continue
		}
		matcher, err := condition.Compile(r.Filter(), r.FieldTypes)
		if err != nil {
			t.Fatal(err)
		}
		matched := []string{}
		for id, d := range documents {
			if matcher.Match(d) {
				matched = append(matched, id)
			}
		}
		slices.Sort(matched)
		compared += len(documents)
		for way, got := range map[string][]string{"scan": ids(answers, requests[i]), "match": matched} {
			if diff := cmp.Diff(searched, got); diff != "" {
				if disagree++; disagree < 10 {
					t.Errorf("%s (-search +%s): %s\n%s", r.Where, way, diff, firstDifferent(searched, got, kept))
				}
			}
		}
	}
	t.Logf("%d rules, %d events, %d pairs, %d hits, %d rules left to search, %d disagreements; scan: %+v", len(requests), len(kept), compared, hits, left, disagree, stats)
	if hits < len(requests) || left > len(requests)/10 || len(prepared) == 0 {
		t.Errorf("too little was compared")
	}
}

// firstDifferent returns an event that is in only one of two results.
func firstDifferent(a, b []string, kept map[string]json.RawMessage) string {
	for _, lists := range [][2][]string{{a, b}, {b, a}} {
		for _, id := range lists[0] {
			if !slices.Contains(lists[1], id) {
				return id + ": " + string(kept[id])
			}
		}
	}
	return ""
}

// near holds the values of fields by name.
type near map[string][]any

// nearEvents returns events that match a condition, and for each of its tests some events that may not match: the
// field is missing, or has another value, several values, another case, or a value that is too long.
func nearEvents(e condition.Expr, fields mapping.Fields) []object {
	met := near{}
	meet(e, fields, met, 0)
	events := []object{met.source(false), met.source(true)}
	for n := 1; n < 3; n++ { // Other members of each Or.
		other := near{}
		meet(e, fields, other, n)
		events = append(events, other.source(n%2 == 0))
	}
	seen := map[string]bool{}
	condition.Walk(e, func(leaf condition.Expr) {
		for _, name := range condition.Fields(leaf) {
			f, mapped := fields.Field(name)
			text := leaf.String()
			if !mapped || seen[text] {
				continue
			}
			seen[text] = true
			good, bad := leafValues(leaf, f)
			variants := [][]any{nil, bad, good, append(slices.Clone(bad), good...)}
			if len(good) > 0 {
				if s, ok := good[0].(string); ok && f.Type.Family() == mapping.FamilyString {
					variants = append(variants, []any{strings.ToUpper(s)}, []any{strings.ToLower(s)}, []any{s + strings.Repeat("y", 1100)}, []any{[]any{s}, nil})
				}
			}
			for i, values := range variants {
				one := maps.Clone(met)
				if one[name] = values; values == nil {
					delete(one, name)
				}
				events = append(events, one.source(i%2 == 0))
			}
		}
	})
	return events
}

// meet adds values that make a condition true; n selects the member of an Or.
func meet(e condition.Expr, fields mapping.Fields, into near, n int) {
	switch e := e.(type) {
	case condition.And:
		for _, x := range e {
			meet(x, fields, into, n)
		}
	case condition.Or:
		if len(e) > 0 {
			meet(e[n%len(e)], fields, into, n)
		}
	case condition.Not, condition.Const, condition.Nested:
		// A missing field matches a negation.
	default:
		for _, name := range condition.Fields(e) {
			if f, mapped := fields.Field(name); mapped {
				good, _ := leafValues(e, f)
				into[name] = append(into[name], good...)
			}
		}
	}
}

// leafValues returns values that match a test, and some that probably do not.
func leafValues(leaf condition.Expr, f mapping.Field) (good, bad []any) {
	bad = otherValues(f)
	switch l := leaf.(type) {
	case condition.Term:
		good = []any{l.Value}
	case condition.Match:
		good = []any{l.Value}
	case condition.Terms:
		good = l.Values[:min(len(l.Values), 1)]
	case condition.Wildcard:
		good = []any{unstarred(l.Pattern)}
		bad = append(bad, unstarred(l.Pattern)[1:])
	case condition.QueryString:
		good = []any{unstarred(l.Pattern)}
	case condition.Prefix:
		good = []any{l.Value + "x"}
	case condition.Regexp:
		good = []any{l.Pattern}
	case condition.CIDR:
		for _, n := range l.Networks[:min(len(l.Networks), 1)] {
			if p, err := netip.ParsePrefix(n); err == nil {
				good, bad = []any{p.Addr().String()}, append(bad, p.Addr().Prev().String())
			}
		}
	case condition.Range:
		for _, bound := range []any{l.Gt, l.Gte, l.Lt, l.Lte} {
			if bound != nil {
				good, bad = append(good, bound), append(bad, bound)
			}
		}
	default:
		good = bad
	}
	return good, bad
}

// otherValues returns values of a field's type.
func otherValues(f mapping.Field) []any {
	switch f.Type.Family() {
	case mapping.FamilyIP:
		return []any{"203.0.113.77"}
	case mapping.FamilyBoolean:
		return []any{false}
	case mapping.FamilyString, mapping.FamilyUnknown, mapping.FamilyVersion:
		return []any{"zzother"}
	default:
		return []any{7}
	}
}

// unstarred returns a non-empty text that matches a wildcard pattern.
func unstarred(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte(pattern[i])
		case c == '*':
			b.WriteString("xY")
		case c == '?':
			b.WriteByte('q')
		default:
			b.WriteByte(c)
		}
	}
	if b.Len() == 0 {
		return "x"
	}
	return b.String()
}

// source returns the values under dotted names, or in objects.
func (n near) source(objects bool) object {
	out := object{}
	for _, name := range slices.Sorted(maps.Keys(n)) {
		values := n[name]
		var value any = values
		if len(values) == 1 {
			value = values[0]
		}
		parts := []string{name}
		if objects {
			parts = strings.Split(name, ".")
		}
		at := out
		for _, part := range parts[:len(parts)-1] {
			inner, ok := at[part].(object)
			if _, taken := at[part]; taken && !ok {
				at = nil
				break
			}
			if !ok {
				inner = object{}
				at[part] = inner
			}
			at = inner
		}
		if at != nil {
			at[parts[len(parts)-1]] = value
		}
	}
	return out
}
