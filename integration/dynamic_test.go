//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// TestDynamicMappingAgrees generates mappings with dynamic templates and dynamic settings of objects, and
// documents. After indexing, the mapping of the node is the same as the mapping that is inferred in memory.
func TestDynamicMappingAgrees(t *testing.T) {
	n := newNode(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 4))
	const rounds = 40
	taken, refused, fields := 0, 0, 0
	for i := range rounds {
		g := dynamicGenerator{r}
		body := g.mapping()
		given, err := mapping.ParseIndices(mustJSON(t, object{"mappings": body}))
		index := n.Name(fmt.Sprintf("dynamic-%d", i))
		status, answer := n.Do(t, "PUT", "/"+index, object{"settings": object{"number_of_replicas": 0}, "mappings": body})
		if status >= 300 {
			if err == nil {
				t.Logf("the node refuses %s: %s", mustJSON(t, body), answer.At("error", "reason"))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", mustJSON(t, body), err)
			continue
		}
		inferred := mapping.NewInferred(given.Merged())
		var sources []string
		mapped := false // by a document that was refused
		for range 1 + r.IntN(4) {
			source := g.source()
			text := mustJSON(t, source)
			before := n.Must(t, "GET", "/"+index+"/_mapping", nil)
			if status, _ := n.Do(t, "POST", "/"+index+"/_doc", source); status >= 300 {
				if refused++; !cmp.Equal(before.Any(), n.Must(t, "GET", "/"+index+"/_mapping", nil).Any()) {
					mapped = true
					break
				}
				continue // the mapping does not change there, and only a part may be ignored here
			}
			taken++
			sources = append(sources, string(text))
			decoded, err := event.DecodeObject(text)
			must(t, err)
			inferred.Add(decoded)
		}
		if mapped {
			continue
		}
		answer = n.Must(t, "GET", "/"+index+"/_mapping", nil)
		want, err := mapping.Parse(mustJSON(t, answer.Any()))
		must(t, err)
		got := mapping.Table{}
		for _, name := range inferred.Names() {
			got[name], _ = inferred.Field(name)
		}
		fields += len(want)
		if diff := cmp.Diff(sortedMembers(want), sortedMembers(got)); diff != "" {
			t.Errorf("%s\nafter %s (-node +inferred):\n%s", mustJSON(t, body), sources, diff)
		}
		n.Must(t, "DELETE", "/"+index, nil)
	}
	t.Logf("%d documents taken, %d refused, %d fields", taken, refused, fields)
	if taken < 30 || fields < 80 {
		t.Error("too little was compared")
	}
}

// sortedMembers sorts the members of objects.
func sortedMembers(t mapping.Table) map[string]mapping.Field {
	out := map[string]mapping.Field{}
	for name, f := range t {
		f.Longest = 0
		f.Members = slices.Sorted(slices.Values(f.Members))
		out[name] = f
	}
	return out
}

type dynamicGenerator struct{ *rand.Rand }

var (
	dynamicNames  = []string{"a", "b", "ab", "raw_a", "n1", "o", "p"}
	dynamicModes  = []any{true, false, "false", "runtime", "strict"}
	dynamicValues = []any{
		"x", "5", "5.5", "1e3", "2026-01-01", "2026/01/01", "2026/01", "01.02.2026", "", "true", "10.0.0.1", 5, -1, 5.5, 1e20, true, false, nil, json.Number("9223372036854775807"),
	}
)

func one[T any](g dynamicGenerator, of []T) T { return of[g.IntN(len(of))] }

// some returns one value, or a list.
func some(g dynamicGenerator, of []string) any {
	if g.IntN(3) > 0 {
		return one(g, of)
	}
	return []any{one(g, of), one(g, of)}
}

func (g dynamicGenerator) mapping() object {
	m := object{"properties": g.properties(2)}
	if g.IntN(3) == 0 {
		m["dynamic"] = one(g, dynamicModes[:4])
	}
	if g.IntN(4) == 0 {
		m["date_detection"] = g.IntN(2) == 0
	}
	if g.IntN(3) == 0 {
		m["numeric_detection"] = true
	}
	if g.IntN(4) == 0 {
		m["dynamic_date_formats"] = []any{one(g, []string{"yyyy/MM", "dd.MM.yyyy||yyyy/MM/dd", "strict_date_optional_time"})}
	}
	if g.IntN(8) == 0 {
		m["subobjects"] = false
		delete(m, "properties")
		delete(m, "dynamic") // dynamic or a template for objects would map objects where they are not allowed
	}
	var templates []any
	for i := range g.IntN(4) {
		t := g.template()
		if m["subobjects"] == false {
			delete(t, "unmatch_mapping_type")
			t["match_mapping_type"] = one(g, []string{"string", "long", "date"})
		}
		templates = append(templates, object{fmt.Sprintf("t%d", i): t})
	}
	if templates != nil {
		m["dynamic_templates"] = templates
	}
	return m
}

func (g dynamicGenerator) properties(depth int) object {
	out := object{}
	for range g.IntN(3) {
		name := one(g, dynamicNames)
		switch kind := g.IntN(5); {
		case kind == 0:
			out[name] = object{"type": one(g, []string{"keyword", "long", "date", "flattened"})}
		case depth > 0:
			o := object{}
			if g.IntN(2) == 0 {
				o["dynamic"] = one(g, dynamicModes)
			}
			switch g.IntN(8) {
			case 0:
				o["type"] = "nested"
			case 1:
				o["enabled"], o["type"] = false, "object"
			default:
				o["properties"] = g.properties(depth - 1)
			}
			out[name] = o
		}
	}
	return out
}

func (g dynamicGenerator) template() object {
	t := object{}
	if g.IntN(2) == 0 {
		t["match"] = some(g, []string{"a", "a*", "raw_*", "*b", "*", "o"})
	}
	if g.IntN(3) == 0 {
		t["path_match"] = some(g, []string{"o.*", "*.a", "*.p.*", "a", "o.p*"})
	}
	if g.IntN(4) == 0 {
		t["unmatch"] = some(g, []string{"ab", "n*", "*w_a"})
	}
	if g.IntN(5) == 0 {
		t["path_unmatch"] = some(g, []string{"o.a", "*.n1", "p.*"})
	}
	if g.IntN(2) == 0 || len(t) == 0 {
		t["match_mapping_type"] = some(g, []string{"string", "long", "double", "boolean", "date", "object", "*"})
	}
	if g.IntN(5) == 0 {
		t["unmatch_mapping_type"] = some(g, []string{"object", "string", "date"})
	}
	if g.IntN(8) == 0 {
		for _, key := range []string{"match", "unmatch", "path_match", "path_unmatch"} {
			if t[key] != nil {
				t[key] = one(g, []string{`^a.*$`, `[ab]+`, `.*\.(a|p)`, `raw_\w`})
			}
		}
		t["match_pattern"] = "regex"
	}
	if g.IntN(6) == 0 {
		t["runtime"] = one(g, []object{{}, {"type": "keyword"}, {"type": "{dynamic_type}"}})
		return t
	}
	t["mapping"] = one(g, []object{
		{},
		{"type": "keyword", "ignore_above": 10},
		{"type": "{dynamic_type}"},
		{"type": "text", "fields": object{"raw": object{"type": "keyword", "normalizer": "lowercase"}}},
		{"type": "keyword", "fields": object{"{name}_t": object{"type": "text"}}},
		{"type": "ip"},
		{"type": "long"},
		{"type": "object", "enabled": false},
		{"type": "object", "dynamic": "false"},
		{"type": "nested"},
		{"type": "flattened"},
		{"dynamic": "runtime", "type": "object"},
		{"type": "date", "format": "yyyy-MM-dd"},
		{"type": "date"},
		{"index": false},
	})
	if t["mapping"].(object)["enabled"] == false {
		// A value in the place of an object is useless, and hides the fields below it.
		t["match_mapping_type"] = "object"
	}
	return t
}

func (g dynamicGenerator) source() object {
	out := object{}
	for range 1 + g.IntN(3) {
		out[g.key()] = g.value(2)
	}
	return out
}

// key returns a name or a dotted name.
func (g dynamicGenerator) key() string {
	key := one(g, dynamicNames)
	if g.IntN(4) == 0 {
		key += "." + one(g, dynamicNames)
	}
	return key
}

func (g dynamicGenerator) value(depth int) any {
	switch kind := g.IntN(6); {
	case kind == 0 && depth > 0:
		return []any{g.value(depth - 1), g.value(depth - 1)}
	case kind <= 2 && depth > 0:
		out := object{}
		for range g.IntN(3) {
			out[g.key()] = g.value(depth - 1)
		}
		return out
	}
	return one(g, dynamicValues)
}
