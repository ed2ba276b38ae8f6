//go:build integration

package integration

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query/esqlrule"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
)

// esqlCorpus runs ES|QL rules of the corpus, each over its own index with one event. The index has the fields that
// Elasticsearch requires, with ECS types or the types that it requires.
type esqlCorpus struct {
	node     *Node
	pipeline *pipeline.Pipeline
	n        int
}

// run returns the final result of a rule; false if it has no plan.
func (c *esqlCorpus) run(t *testing.T, r *rule.Rule) (pipeline.Execution, bool) {
	t.Helper()
	c.n++
	prefix := fmt.Sprintf("%s-%d-", c.node.Prefix, c.n)
	here, aliases := under(t, r, prefix)
	plan, diags := plans.For(here)
	if plan == nil {
		t.Errorf("%s: %v", r.Path, diags)
		return pipeline.Execution{}, false
	}
	types := namedIn(r.Query.Value)
	var x pipeline.Execution
	for range 12 {
		c.index(t, prefix, aliases, types, corpusSlot)
		x = c.pipeline.Run(t.Context(), pipeline.Job{Plan: plan, Slot: corpusSlot, Window: window.At(corpusSlot, r.From.Expr, r.To.Expr)})
		if x.Status == pipeline.Succeeded || !wantTypes(types, x.Diagnostics) {
			break
		}
	}
	c.node.Must(t, "DELETE", "/"+prefix+"index", nil)
	return x, true
}

// esqlCapabilities are features that Elasticsearch has since 9, or with a licence, by the error of 8.19.
var esqlCapabilities = []struct {
	name string
	said *regexp.Regexp
}{
	{"", regexp.MustCompile(`has no command ([A-Z][A-Z ]*[A-Z])`)},
	{"", regexp.MustCompile(`Unknown function \[(\w+)\]`)},
	{"FIRST()", regexp.MustCompile(`extraneous input 'first'`)},
	{"lists of quoted values in KQL()", regexp.MustCompile(`the text of KQL\(\): line 1:.*missing '\)' at 'or'`)},
	{"an inference endpoint for COMPLETION", regexp.MustCompile(`\[` + regexp.QuoteMeta(esqlrule.CodeUnavailable) + `\]`)},
}

// missingCapability returns the feature that a rule needs and the node lacks; false if the rule failed for another
// reason.
func missingCapability(x pipeline.Execution) (string, bool) {
	text := x.Problem()
	for _, c := range esqlCapabilities {
		found := c.said.FindStringSubmatch(text)
		switch {
		case found == nil:
		case c.name != "":
			return c.name, true
		default:
			return strings.ToUpper(found[1]), true
		}
	}
	return "", false
}

// under adds a prefix to the indices of a rule, and returns an index name that matches all of them.
func under(t *testing.T, r *rule.Rule, prefix string) (*rule.Rule, map[string]any) {
	t.Helper()
	plan, diags := plans.For(r)
	if plan == nil {
		t.Fatalf("%s: %v", r.Path, diags)
	}
	text := r.Query.Value
	end := strings.IndexByte(text, '|')
	from, rest := text[:end], text[end:]
	aliases := map[string]any{}
	for _, p := range plan.Rule().Index {
		from = regexp.MustCompile(`(^|[\s,"])`+regexp.QuoteMeta(p)).ReplaceAllString(from, "${1}"+prefix+p)
		aliases[strings.ToLower(prefix+strings.ReplaceAll(p, "*", "x"))] = map[string]any{}
	}
	here := *r
	here.Query = diag.NewText(r.Path, from+rest)
	return &here, aliases
}

func (c *esqlCorpus) index(t *testing.T, prefix string, aliases map[string]any, types map[string]mapping.Type, slot time.Time) {
	t.Helper()
	properties := map[string]any{}
	for name, typ := range types {
		properties[name] = map[string]any{"type": typ}
	}
	for name := range types {
		for i, c := range name {
			if c == '.' {
				delete(properties, name[:i]) // it is an object
			}
		}
	}
	c.node.Do(t, "DELETE", "/"+prefix+"index", nil)
	c.node.Must(t, "PUT", "/"+prefix+"index", map[string]any{
		"settings": map[string]any{"number_of_replicas": 0}, "mappings": map[string]any{"properties": properties}, "aliases": aliases,
	})
	put(t, c.node, []doc{{prefix + "index", "1", object{"@timestamp": stamp(slot, time.Minute)}}})
}

// namedIn returns the names with a dot in a query; most of its fields are among them.
func namedIn(text string) map[string]mapping.Type {
	types := map[string]mapping.Type{"@timestamp": mapping.Date}
	for _, name := range regexp.MustCompile(`[a-zA-Z_@][\w@]*(\.[a-zA-Z_@][\w@]*)+`).FindAllString(text, -1) {
		if !strings.HasPrefix(name, "Esql") {
			types[name] = likelyType(name)
		}
	}
	return types
}

// likelyType returns the ECS type, or a type inferred from the name.
func likelyType(name string) mapping.Type {
	f, ok := mapping.ECS().Field(name)
	switch {
	case ok && f.Type.Family() != mapping.FamilyObject && f.Type != mapping.Flattened:
		return f.Type
	case number.MatchString(name):
		return mapping.Long
	case truth.MatchString(name):
		return mapping.Boolean
	}
	return mapping.Keyword
}

var (
	unknownColumn = regexp.MustCompile(`Unknown column \[([^\]]+)\]`)
	// The two forms in which an error gives a type: for a value, and for one operand by the other.
	wantedType = regexp.MustCompile(`must be \[([^\]]*)\][^,]*, found value \[([^\]]+)\] type`)
	otherType  = regexp.MustCompile("argument of \\[([\\w.@`-]+) .*\\] is \\[\\w+\\] so second argument must also be \\[\\w+\\] but was \\[(\\w+)\\]")
	listType   = regexp.MustCompile(`argument of \[([\w.@]+) in .*\] must be \[keyword\], found value \[[^\]]+\] type \[(\w+)\]`)
	noMatch    = regexp.MustCompile(`No matches found for pattern \[([^\]*]+)\*\]`)
	// The type of these fields follows from the name, as no comparison with a constant shows it.
	number = regexp.MustCompile(`(tokens|[lL]ength|responseStatus\.code|error_code)$`)
	truth  = regexp.MustCompile(`violation_detected$`)
)

// wantTypes adds the fields that Elasticsearch requires; false if there are no new ones.
func wantTypes(types map[string]mapping.Type, diags diag.List) bool {
	changed := false
	set := func(name string, typ mapping.Type) {
		name = strings.ReplaceAll(name, "`", "")
		if types[name] != typ {
			types[name], changed = typ, true
		}
	}
	for _, d := range diags {
		if m := unknownColumn.FindStringSubmatch(d.Message); m != nil {
			set(m[1], likelyType(m[1]))
		}
		if m := noMatch.FindStringSubmatch(d.Message); m != nil {
			set(m[1]+"x", mapping.Keyword)
		}
		if m := listType.FindStringSubmatch(d.Message); len(m) > 1 && types[m[1]] != "" {
			set(m[1], typeNamed(m[2]))
		}
		if m := wantedType.FindStringSubmatch(d.Message); len(m) > 2 && types[m[2]] != "" {
			set(m[2], typeNamed(m[1]))
		}
		if m := otherType.FindStringSubmatch(d.Message); len(m) > 1 && types[strings.ReplaceAll(m[1], "`", "")] != "" {
			set(m[1], typeNamed(m[2]))
		}
	}
	return changed
}

func typeNamed(words string) mapping.Type {
	switch {
	case strings.Contains(words, "string"), strings.Contains(words, "keyword"):
		return mapping.Keyword
	case strings.Contains(words, "ip"):
		return mapping.IP
	case strings.Contains(words, "date"):
		return mapping.Date
	case strings.Contains(words, "boolean"):
		return mapping.Boolean
	case strings.Contains(words, "geo_point"):
		return mapping.GeoPoint
	}
	return mapping.Double
}
