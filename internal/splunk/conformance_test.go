package splunk_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/testkit/conformance"
	"tocsin/internal/translate/spl"
)

// sharedCase is one case of a search, as a line of the shared ones has it.
type sharedCase struct {
	ID, Search     string
	Rows, Expected []map[string]any
	Authority      string
	Sure           bool
	Now            int64
	Order          *bool
	Lookups        map[string]struct {
		Columns        []string
		Rows           [][]string
		Wildcard, CIDR []string
		IgnoreCase     bool
		Default        string
		MinMatches     int
		MaxMatches     int
	}
	Macros map[string]spl.Macro
}

func (c sharedCase) String() string { return c.ID + ": " + c.Search }

// TestConformance runs the cases of searches: those of the repository, and the shared ones that are
// sure.
func TestConformance(t *testing.T) {
	var own []sharedCase
	texts, err := conformance.Written("spl", "gives")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range texts {
		own = append(own, writtenCase(t, x))
	}
	lines, err := conformance.Shared[json.RawMessage]("spl_cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var shared []sharedCase
	for _, line := range lines {
		if c := decodedCase(t, line); c.Sure {
			shared = append(shared, c)
		}
	}
	conformance.Run(t, own, shared, func(c sharedCase) error { return checkCase(t, c) })
}

func decodedCase(t *testing.T, line []byte) sharedCase {
	t.Helper()
	var c sharedCase
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&c); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return c
}

// writtenCase is a case of the repository in the form of the shared ones.
func writtenCase(t *testing.T, x conformance.Text) sharedCase {
	t.Helper()
	list := func(key string) string { return "[" + strings.Join(x.Said[key], ",") + "]" }
	var lookups []string
	for _, text := range x.Said["lookup"] {
		name, table, _ := strings.Cut(text, " ")
		lookups = append(lookups, fmt.Sprintf("%q:%s", name, table))
	}
	c := decodedCase(t, fmt.Appendf(nil, `{"rows":%s,"expected":%s,"lookups":{%s},"now":%s}`,
		list("row"), list("gives"), strings.Join(lookups, ","), cmp.Or(x.Value("now"), "0")))
	c.ID, c.Search = x.Name, x.Text
	return c
}

func checkCase(t *testing.T, c sharedCase) error {
	t.Helper()
	got, err := c.run(t)
	if err != nil {
		return err
	}
	want := make([]map[string]any, len(c.Expected))
	for i, row := range c.Expected {
		want[i] = plainRow(row)
	}
	if c.Order != nil && !*c.Order {
		byText := func(a, b map[string]any) int { return bytes.Compare(encode(a), encode(b)) }
		slices.SortFunc(got, byText)
		slices.SortFunc(want, byText)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		return fmt.Errorf("(-want +got):\n%s", diff)
	}
	return nil
}

func (c sharedCase) run(t *testing.T) ([]map[string]any, error) {
	t.Helper()
	scheduled := time.Unix(1772712000, 0).UTC()
	if c.Now != 0 {
		scheduled = time.Unix(c.Now, 0).UTC()
	}
	var rows splunk.Events
	for i, object := range c.Rows {
		row := splunk.Flatten(object)
		at, timed := row["_time"]
		if x, ok := at.Float(); timed && ok {
			row["_time"] = splunk.Number(x)
		} else {
			row["_time"] = splunk.Number(splunk.Epoch(scheduled) - 1 - float64(i))
		}
		rows = append(rows, row)
	}
	env := splunk.Env{Macros: testMacros(c.Macros), Table: func(name string) *splunk.Table {
		l, ok := c.Lookups[name]
		if !ok {
			return nil
		}
		table := &splunk.Table{
			Name: name, Columns: l.Columns, Rows: l.Rows, Matching: map[string]splunk.Matching{},
			IgnoreCase: l.IgnoreCase, Default: l.Default, MinMatches: l.MinMatches, MaxMatches: l.MaxMatches,
		}
		for _, name := range l.Wildcard {
			table.Matching[name] = splunk.Wildcard
		}
		for _, name := range l.CIDR {
			table.Matching[name] = splunk.CIDR
		}
		if l.Default != "" && l.MinMatches == 0 {
			table.MinMatches = 1
		}
		return table
	}}
	s, diags := spl.ParseText(diag.NewText("search", c.Search), testMacros(c.Macros))
	if s == nil {
		return nil, diags.Err()
	}
	if diags := splunk.Check(s, env); diags.HasErrors() {
		return nil, diags.Err()
	}
	out := []map[string]any{}
	err := splunk.Run(t.Context(), s, env, rows, splunk.Window{Latest: scheduled, Now: scheduled}, func(row splunk.Row) error {
		out = append(out, plainRow(row.Native()))
		return nil
	})
	return out, err
}

// plainRow is a row of texts, as values are compared.
func plainRow(row map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range row {
		list, several := v.([]any)
		if !several {
			list = []any{v}
		}
		var texts []any
		for _, x := range list {
			if x != nil {
				texts = append(texts, plainText(x))
			}
		}
		switch {
		case len(texts) == 0:
		case len(texts) == 1:
			out[name] = texts[0]
		default:
			out[name] = texts
		}
	}
	return out
}

// plainText is the text of a value as it is in JSON.
func plainText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, _ := json.Marshal(v)
	return string(data)
}

func encode(row map[string]any) []byte {
	data, _ := json.Marshal(row)
	return data
}
