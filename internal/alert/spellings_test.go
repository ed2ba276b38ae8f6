package alert_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
)

// spelled is a field and its values, each with its spellings in documents. Spellings under "" are
// not values of the field.
type spelled struct {
	field mapping.Field
	// at is where documents contain the values.
	at     string
	values map[string][]string
}

// spellings returns fields of all kinds. Which spellings are the same value is stated here, not
// derived from the mapping.
func spellings() []spelled {
	field := func(name string, typ mapping.Type, change func(*mapping.Field)) mapping.Field {
		f := mapping.Field{Name: name, Type: typ}
		if change != nil {
			change(&f)
		}
		return f
	}
	return []spelled{
		{field("k", mapping.Keyword, nil), "k", map[string][]string{"a": {`"a"`}, "A": {`"A"`}, "1": {`1`, `"1"`}, "1.0": {`1.0`}, "true": {`true`, `"true"`}, "": {`null`}}},
		{
			field("low", mapping.Keyword, func(f *mapping.Field) { f.Normalizer = "lowercase" }), "low",
			map[string][]string{"a": {`"a"`, `"A"`}, "ä": {`"Ä"`, `"ä"`}, "": {`null`, `[]`}},
		},
		{
			field("short", mapping.Keyword, func(f *mapping.Field) { f.IgnoreAbove = 3 }), "short",
			map[string][]string{"abc": {`"abc"`}, "": {`"abcd"`, `"äöüß"`, `null`}},
		},
		{
			field("alias", mapping.Keyword, func(f *mapping.Field) { f.Path = "target" }), "target",
			map[string][]string{"x": {`"x"`}, "y": {`"y"`}, "": {`null`}},
		},
		{
			field("text.keyword", mapping.Keyword, func(f *mapping.Field) { f.Path = "text" }), "text",
			map[string][]string{"two words": {`"two words"`}, "Two words": {`"Two words"`}},
		},
		{
			field("null", mapping.Keyword, func(f *mapping.Field) { f.NullValue = "none" }), "null",
			map[string][]string{"none": {`null`, `"none"`}, "z": {`"z"`}},
		},
		{field("ip", mapping.IP, nil), "ip", map[string][]string{
			"2001:db8::1": {`"2001:DB8::1"`, `"2001:db8:0:0::1"`, `"2001:0db8::0001"`}, "10.0.0.1": {`"10.0.0.1"`, `"::ffff:10.0.0.1"`, `"::ffff:a00:1"`}, "": {`null`},
		}},
		{field("long", mapping.Long, nil), "long", map[string][]string{"1": {`1`, `"1"`, `1.0`, `1.7`}, "9007199254740993": {`9007199254740993`, `"9007199254740993"`}, "9007199254740992": {`9007199254740992`}, "": {`""`}}},
		{field("double", mapping.Double, nil), "double", map[string][]string{"1": {`1`, `1.0`, `"1.00"`, `1e0`}, "0.5": {`0.5`, `5e-1`}, "0": {`0`, `-0.0`}}},
		{field("bool", mapping.Boolean, nil), "bool", map[string][]string{"true": {`true`, `"true"`}, "false": {`false`, `"false"`, `""`}, "": {`null`}}},
		{field("date", mapping.Date, nil), "date", map[string][]string{
			"2026-03-01T10:13:15.000Z": {`"2026-03-01T10:13:15Z"`, `"2026-03-01T11:13:15+01:00"`, `1772359995000`, `"1772359995000"`}, "2026-03-01T00:00:00.000Z": {`"2026-03-01"`, `"2026-03-01T00:00:00.000Z"`},
		}},
		{
			field("seconds", mapping.Date, func(f *mapping.Field) { f.Format = "epoch_second||strict_date_optional_time" }), "seconds",
			map[string][]string{"2026-03-01T10:13:15.000Z": {`1772359995`, `"1772359995"`, `"2026-03-01T10:13:15Z"`}, "": {`null`}},
		},
		{
			field("swapped", mapping.Date, func(f *mapping.Field) { f.Format = "dd/MM/yyyy||MM-dd-yyyy" }), "swapped",
			map[string][]string{"2026-03-01T00:00:00.000Z": {`"01/03/2026"`, `"03-01-2026"`}, "2026-01-03T00:00:00.000Z": {`"03/01/2026"`}},
		},
		{
			field("constant", mapping.ConstantKeyword, func(f *mapping.Field) { c := "always"; f.Constant = &c }), "constant",
			map[string][]string{"always": {`null`, `"always"`, `[]`}},
		},
		{field("nested.k", mapping.Keyword, func(f *mapping.Field) { f.Nested = "nested" }), "nested.k", map[string][]string{"": {`"a"`, `null`}}},
		{field("object", mapping.Object, nil), "object", map[string][]string{"": {`{"k":"a"}`, `null`}}},
	}
}

// drawn is an event's values of a field, its distinct values, and their spellings.
type drawn struct {
	values, different []string
	json              string
}

func (s spelled) draw(rt *rapid.T) drawn {
	names := make([]string, 0, len(s.values))
	for name := range s.values {
		names = append(names, name)
	}
	slices.Sort(names)
	var d drawn
	var written []string
	for range rapid.IntRange(1, 3).Draw(rt, "how many") {
		name := rapid.SampledFrom(names).Draw(rt, "value of "+s.field.Name)
		written = append(written, rapid.SampledFrom(s.values[name]).Draw(rt, "spelling"))
		if name != "" {
			d.values = append(d.values, name)
		}
	}
	if s.field.Constant != nil { // however often a document contains it
		d.values = []string{*s.field.Constant}
	}
	if d.json = "[" + strings.Join(written, ",") + "]"; len(written) == 1 {
		d.json = written[0]
	}
	slices.Sort(d.values)
	d.different = slices.Compact(slices.Clone(d.values))
	return d
}

// TestGroupsAgainstDefinition compares the groups of generated events with their definition: by
// each choice of a value of every field, or by all values of each.
func TestGroupsAgainstDefinition(t *testing.T) {
	all := spellings()
	table := mapping.Table{}
	for _, s := range all {
		table[s.field.Name] = s.field
	}
	several := 0
	rapid.Check(t, func(rt *rapid.T) {
		fields := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 1, 3, func(s spelled) string { return s.field.Name }).Draw(rt, "fields")
		r := folding()
		for _, s := range fields {
			r.AlertSuppression.GroupBy = append(r.AlertSuppression.GroupBy, s.field.Name)
		}
		r.Type = rapid.SampledFrom([]rule.Type{rule.TypeQuery, rule.TypeSavedQuery, rule.TypeEQL, rule.TypeThreatMatch, rule.TypeNewTerms}).Draw(rt, "type")
		if rapid.Bool().Draw(rt, "apart") {
			r.AlertSuppression.MissingFieldsStrategy = rule.DoNotSuppress
		}
		model := map[string]string{} // instance to group
		instances := map[string]string{}
		for n := range rapid.IntRange(1, 6).Draw(rt, "events") {
			var members []string
			groups := []string{""}
			lacks := false
			for _, s := range fields {
				d := s.draw(rt)
				members = append(members, fmt.Sprintf("%q:%s", s.at, d.json))
				lacks = lacks || len(d.values) == 0
				choices := d.different
				if !r.GroupsEachValue() || len(choices) == 0 {
					choices = []string{strings.Join(d.values, "\x00")}
				}
				var longer []string
				for _, g := range groups {
					for _, c := range choices {
						longer = append(longer, fmt.Sprintf("%s|%d %s", g, min(len(d.values), 1), c))
					}
				}
				groups = longer
			}
			f := alert.Finding{Event: event.Event{Index: "i", ID: strconv.Itoa(n), Source: json.RawMessage("{" + strings.Join(members, ",") + "}")}}
			got := subjectsOf(t, r, f, table)
			if alone := lacks && r.AlertSuppression.MissingFieldsStrategy == rule.DoNotSuppress; alone {
				if len(got) != 1 || !got[0].Alone || got[0].ID != got[0].Own {
					rt.Fatalf("%s lacks a field: %+v", f.Event.Source, got)
				}
				continue
			}
			if len(got) > 1 {
				several++
			}
			var found, wanted []string
			for _, s := range got {
				if s.Alone {
					rt.Fatalf("%s is alone", f.Event.Source)
				}
				found = append(found, s.Instance)
			}
			if len(found) != len(groups) {
				rt.Fatalf("%s is in %d groups, not in %q", f.Event.Source, len(found), groups)
			}
			// Each group of the definition is one instance, and each instance one group.
			for _, g := range groups {
				if known, ok := instances[g]; ok {
					wanted = append(wanted, known)
				}
			}
			for _, w := range wanted {
				if !slices.Contains(found, w) {
					rt.Fatalf("%s is not in a group that it shares with others: %q", f.Event.Source, groups)
				}
			}
			for _, instance := range found {
				if g, ok := model[instance]; ok && !slices.Contains(groups, g) {
					rt.Fatalf("%s is in the group %q, not only in %q", f.Event.Source, g, groups)
				}
			}
			if len(groups) == 1 {
				if other, ok := model[found[0]]; ok && other != groups[0] {
					rt.Fatalf("%s: %q and %q are one group", f.Event.Source, other, groups[0])
				}
				model[found[0]], instances[groups[0]] = groups[0], found[0]
			}
		}
	})
	if several == 0 {
		t.Error("no event was in several groups")
	}
}

// TestTerms pins how groups are shown.
func TestTerms(t *testing.T) {
	table := mapping.Table{}
	for _, s := range spellings() {
		table[s.field.Name] = s.field
	}
	source := `{"k":"K","low":"LOW","target":"t","text":"Some text","ip":"2001:DB8::1","long":"7","double":1.50,"bool":"true",
		"seconds":1772359995,"swapped":"01/03/2026","unknown":["b",7],"object":{"k":1},"short":"too long"}`
	want := map[string]string{
		"k": `"K"`, "low": `"low"`, "alias": `"t"`, "text.keyword": `"Some text"`, "ip": `"2001:db8::1"`, "long": `7`, "double": `1.5`, "bool": `true`,
		"seconds": `"2026-03-01T10:13:15.000Z"`, "swapped": `"2026-03-01T00:00:00.000Z"`, "constant": `"always"`, "object": `null`, "short": `null`, "null": `null`,
	}
	for _, typ := range []rule.Type{rule.TypeQuery, rule.TypeEQL} {
		want["unknown"] = `[7,"b"]`
		if typ == rule.TypeQuery { // In an aggregation, an unmapped field has no values.
			want["unknown"] = `null`
		}
		got := map[string]string{}
		for name := range want {
			r := folding(name)
			r.Type = typ
			for _, s := range subjectsOf(t, r, alert.Finding{Event: anEvent(source)}, table) {
				text, err := json.Marshal(s.Terms[0].Value)
				if err != nil {
					t.Fatal(err)
				}
				got[name] += string(text)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", typ, diff)
		}
	}
}
