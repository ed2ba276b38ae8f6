package fieldmap_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/fieldmap"
	"tocsin/internal/fieldmap/winlog"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/membership"
)

// corpus holds rules of Sigma and the events that were published with them.
const corpus = "../../../shared/corpus/sigma"

// published is a rule with its events, as they are and with the values by the names of rules.
type published struct {
	Rule    string           `json:"rule"`
	Events  []map[string]any `json:"events"`
	Fields  []map[string]any `json:"fields"`
	Matches []int            `json:"matches"`
}

// TestPublishedEvents brings the events that were published with rules to the Elastic Common Schema as the packages do,
// and looks for every value that a rule tests where the map says that it is.
func TestPublishedEvents(t *testing.T) {
	f, err := os.Open(filepath.Join(corpus, "regression/regression.ndjson"))
	if err != nil {
		t.Skip("the corpus is not here")
	}
	defer func() { _ = f.Close() }()
	rules, fields, found := 0, 0, 0
	for lines := bufio.NewReaderSize(f, 1<<20); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var p published
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(corpus, p.Rule))
		if err != nil {
			t.Fatal(err)
		}
		if p.Events[0]["Event"] == nil {
			continue // A line of a router.
		}
		rules++
		events := fieldmap.Default().Events(logOf(string(text)))
		if len(events) == 0 {
			t.Errorf("%s: no log source of the map covers %s", p.Rule, logOf(string(text)))
			continue
		}
		for i, raw := range p.Events {
			doc, _, err := winlog.Document(raw)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Matches) > 0 && !slices.Contains(p.Matches, i) {
				continue
			}
			if !isOf(t, events, doc) {
				t.Errorf("%s: the map does not find the event %d for %s", p.Rule, i, logOf(string(text)))
			}
			for name, value := range p.Fields[i] {
				name = strings.ReplaceAll(name, " ", "")
				if !tests(string(text), name) {
					continue
				}
				fields++
				if missing, gone := lost(events[0], name, fmt.Sprint(value), doc); gone {
					t.Errorf("%s: %s is %q, and not at %v", p.Rule, name, missing, places(events[0], name))
					continue
				}
				found++
			}
		}
	}
	t.Logf("%d of %d values that %d rules test are where the map says", found, fields, rules)
	if rules < 100 {
		t.Errorf("%d rules have events", rules)
	}
}

// logOf is the log source that a rule names.
func logOf(rule string) fieldmap.Log {
	_, section, _ := strings.Cut(rule, "\nlogsource:")
	section, _, _ = strings.Cut(section, "\ndetection:")
	value := func(key string) string {
		if m := regexp.MustCompile(`(?m)^\s+` + key + `: *(\S+)`).FindStringSubmatch(section); m != nil {
			return m[1]
		}
		return ""
	}
	return fieldmap.Log{Product: value("product"), Category: value("category"), Service: value("service")}
}

// tests reports whether a rule has a test of a field.
func tests(rule, name string) bool {
	return regexp.MustCompile(`(?m)^\s+(- )?'?` + regexp.QuoteMeta(name) + `(\|[\w|]+)?'?:`).MatchString(rule)
}

// lost is the value, or the part of it, that is at no place.
func lost(e fieldmap.Events, name, value string, doc map[string]any) (part string, gone bool) {
	var texts []string
	where, _ := e.Places(name)
	for _, p := range where {
		texts = append(texts, p.Texts(func(field string) []string { return valuesOf(doc, strings.Split(field, ".")) })...)
	}
	if slices.Contains(e.Dropped, value) {
		return value, len(texts) > 0
	}
	parts := []string{value}
	if name == "Hashes" || name == "Hash" {
		parts = strings.Split(value, ",")
	}
	for _, part := range parts {
		if !slices.ContainsFunc(texts, func(x string) bool { return strings.EqualFold(x, part) }) {
			return part, true
		}
	}
	return "", false
}

func places(e fieldmap.Events, name string) []string {
	var out []string
	where, _ := e.Places(name)
	for _, p := range where {
		out = append(out, p.String())
	}
	return out
}

// valuesOf are the values at a path, as texts.
func valuesOf(v any, path []string) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, valuesOf(x, path)...)
		}
		return out
	case map[string]any:
		if len(path) == 0 {
			return nil
		}
		return valuesOf(v[path[0]], path[1:])
	}
	if len(path) > 0 {
		return nil
	}
	return []string{fmt.Sprint(v)}
}

// isOf reports whether a document is one of the events.
func isOf(t *testing.T, events []fieldmap.Events, doc map[string]any) bool {
	t.Helper()
	for _, e := range events {
		where, diags := membership.Of(e, mapping.Assumed())
		if where == nil {
			t.Fatal(diags)
		}
		m, err := condition.Compile(where, mapping.Assumed())
		if err != nil {
			t.Fatal(err)
		}
		if m.Match(event.NewDocument(doc)) {
			return true
		}
	}
	return false
}
