package indicator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/indicator"
	"tocsin/internal/match/mapping"
)

func field(name string, typ mapping.Type) mapping.Field { return mapping.Field{Name: name, Type: typ} }

func document(tb testing.TB, source string) *event.Document {
	tb.Helper()
	d, err := (&event.Event{Index: "i", ID: "1", Source: json.RawMessage(source)}).Document()
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func ref(id string) event.Ref { return event.Ref{Index: "ti", ID: id} }

// For each pair the row says whether a term query for the indicator's value matches the event's
// value; the rows were tried on Elasticsearch 8.19.
func TestValues(t *testing.T) {
	keyword := field("e", mapping.Keyword)
	lower := mapping.Field{Name: "e", Type: mapping.Keyword, Normalizer: "lowercase"}
	for _, tt := range []struct {
		event, indicator mapping.Field
		carried, wanted  string
		want             bool
	}{
		{keyword, field("i", mapping.Keyword), `"a"`, `"a"`, true},
		{keyword, field("i", mapping.Keyword), `"a"`, `"A"`, false},
		{keyword, field("i", mapping.Keyword), `""`, `""`, true},
		{lower, field("i", mapping.Keyword), `"Evil.Example"`, `"evil.EXAMPLE"`, true},
		{keyword, field("i", mapping.Keyword), `["x","b"]`, `["a","b"]`, true},
		{keyword, field("i", mapping.Keyword), `["x","y"]`, `["a","b"]`, false},
		{keyword, field("i", mapping.Text), `"a b"`, `"a b"`, true},
		{keyword, field("i", mapping.IP), `"10.0.0.1"`, `"10.0.0.1"`, true},
		{keyword, field("i", mapping.IP), `"2001:db8::1"`, `"2001:DB8:0::1"`, true},
		{keyword, field("i", mapping.Long), `"80"`, `80`, true},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"10.0.0.1"`, `"10.0.0.1"`, true},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"10.0.0.1"`, `"::ffff:10.0.0.1"`, true},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"10.0.3.1"`, `"10.0.0.0/16"`, true},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"10.1.3.1"`, `"10.0.0.0/16"`, false},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"10.1.3.1"`, `["10.0.0.0/16","10.1.3.0/24","10.0.0.1"]`, true},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"10.1.3.1"`, `"::/0"`, true},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"2001:db8::5"`, `"2001:db8::/32"`, true},
		{field("e", mapping.IP), field("i", mapping.Keyword), `"10.0.0.1"`, `"evil.example"`, false},
		{field("e", mapping.Long), field("i", mapping.Keyword), `80`, `"80"`, true},
		{field("e", mapping.Long), field("i", mapping.Keyword), `80`, `"80.0"`, true},
		{field("e", mapping.Long), field("i", mapping.Double), `80`, `80.5`, false},
		{field("e", mapping.Long), field("i", mapping.Keyword), `9007199254740993`, `"9007199254740993"`, true},
		{field("e", mapping.Long), field("i", mapping.Keyword), `9007199254740993`, `"9007199254740992"`, false},
		{field("e", mapping.Float), field("i", mapping.Keyword), `0.1`, `"0.1"`, true},
		{field("e", mapping.Double), field("i", mapping.Long), `7`, `7`, true},
		{field("e", mapping.Boolean), field("i", mapping.Keyword), `true`, `"true"`, true},
		{field("e", mapping.Boolean), field("i", mapping.Boolean), `true`, `false`, false},
		{field("e", mapping.Date), field("i", mapping.Date), `"2026-01-01T00:00:00.500Z"`, `1767225600500`, true},
		{field("e", mapping.Date), field("i", mapping.Date), `"2026-01-01T00:00:00.501Z"`, `1767225600500`, false},
		{field("e", mapping.Date), field("i", mapping.Keyword), `"2026-01-01T13:00:00Z"`, `"2026-01-01"`, true},
		{field("e", mapping.Date), field("i", mapping.Keyword), `"2026-01-02T00:00:00Z"`, `"2026-01-01"`, false},
		{field("e", mapping.Date), field("i", mapping.Keyword), `"2026-01-01T00:00:00.7Z"`, `"2026-01-01T01:00:00+01:00"`, true},
		{field("e", mapping.Version), field("i", mapping.Keyword), `"1.2.3"`, `"1.2.3"`, true},
		{keyword, field("i", mapping.Keyword), `null`, `null`, false},
	} {
		s := indicator.New([]indicator.Group{{{Event: tt.event, Indicator: tt.indicator}}}, indicator.Options{})
		if err := s.Add(ref("1"), document(t, `{"i":`+tt.wanted+`}`)); err != nil {
			t.Fatal(err)
		}
		if got := s.Match(document(t, `{"e":`+tt.carried+`}`)).Total == 1; got != tt.want {
			t.Errorf("%s %s, %s %s: %t, want %t", tt.event.Type, tt.carried, tt.indicator.Type, tt.wanted, got, tt.want)
		}
	}
}

func TestGroups(t *testing.T) {
	keyword := func(event, value string, negate bool) indicator.Entry {
		return indicator.Entry{Event: field(event, mapping.Keyword), Indicator: field(value, mapping.Keyword), Negate: negate}
	}
	indicators := map[string]string{
		"1": `{"h":"host","u":"user"}`, "2": `{"h":"host"}`, "3": `{"h":["host","other"],"u":["root","user"]}`, "4": `{"u":"user"}`,
	}
	and := []indicator.Group{{keyword("host", "h", false), keyword("user", "u", false)}}
	or := []indicator.Group{{keyword("host", "h", false)}, {keyword("user", "u", false)}}
	not := []indicator.Group{{keyword("host", "h", false), keyword("user", "u", true)}}
	for _, tt := range []struct {
		name   string
		groups []indicator.Group
		event  string
		want   string
	}{
		{"both of one indicator", and, `{"host":"host","user":"user"}`, "0/1 0/3"},
		{"any value of each", and, `{"host":["x","other"],"user":["y","root"]}`, "0/3"},
		{"one of two", and, `{"host":"host"}`, ""},
		{"either", or, `{"host":"host","user":"user"}`, "0/1 0/2 0/3 1/1 1/3 1/4"},
		{"either, one there", or, `{"user":"root"}`, "1/3"},
		{"not the indicator's", not, `{"host":"host","user":"root"}`, "0/1 0/2"},
		{"none of the indicator's", not, `{"host":"host","user":["guest","user"]}`, "0/2"},
		{"one must be there where the indicator has none", not, `{"host":"host"}`, "0/1 0/3"},
		{"none", or, `{"host":"else"}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := indicator.New(tt.groups, indicator.Options{})
			for _, id := range []string{"4", "2", "3", "1"} {
				if err := s.Add(ref(id), document(t, indicators[id])); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, m := range s.Match(document(t, tt.event)).Matches {
				got = append(got, fmt.Sprintf("%d/%s", m.Group, m.Ref.ID))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Match returns the event's own values.
func TestMatchValues(t *testing.T) {
	s := indicator.New([]indicator.Group{{
		{Event: field("ip", mapping.IP), Indicator: field("net", mapping.Keyword)},
		{Event: field("port", mapping.Long), Indicator: field("p", mapping.Keyword)},
	}}, indicator.Options{})
	if err := s.Add(ref("1"), document(t, `{"net":["10.0.0.0/8","1.1.1.1"],"p":["1","443"]}`)); err != nil {
		t.Fatal(err)
	}
	found := s.Match(document(t, `{"ip":["192.168.0.1","10.9.8.7"],"port":[80,443]}`))
	if len(found.Matches) != 1 {
		t.Fatalf("%+v", found)
	}
	values := found.Matches[0].Values
	if got := values[0].IP.String() + " " + strconv.FormatInt(values[1].Whole, 10); got != "10.9.8.7 443" {
		t.Errorf("found by %s", got)
	}
}

func TestBounds(t *testing.T) {
	group := []indicator.Group{{{Event: field("e", mapping.Keyword), Indicator: field("i", mapping.Keyword)}}}
	s := indicator.New(group, indicator.Options{Keys: 3, Matches: 2})
	for i, want := range []error{nil, nil, nil, indicator.ErrFull} {
		if err := s.Add(ref(strconv.Itoa(i)), document(t, `{"i":"a"}`)); !errors.Is(err, want) {
			t.Errorf("indicator %d: %v, want %v", i, err, want)
		}
	}
	found := s.Match(document(t, `{"e":"a"}`))
	if len(found.Matches) != 2 || found.Total != 3 || found.More || s.Len() != 3 || s.Indicators() != 3 {
		t.Errorf("%+v, %d keys of %d indicators", found, s.Len(), s.Indicators())
	}
	many := indicator.New(group, indicator.Options{})
	for i := range 10_001 {
		if err := many.Add(ref(strconv.Itoa(i)), document(t, `{"i":"a"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if found := many.Match(document(t, `{"e":"a"}`)); found.Total != 10_000 || !found.More || len(found.Matches) != indicator.DefaultMatches {
		t.Errorf("%d of %d, more %t", len(found.Matches), found.Total, found.More)
	}
}

func TestLost(t *testing.T) {
	s := indicator.New([]indicator.Group{
		{{Event: field("e", mapping.Keyword), Indicator: field("none", mapping.Keyword)}},
		{
			{Event: field("e", mapping.Keyword), Indicator: field("a", mapping.Keyword)},
			{Event: field("e", mapping.IP), Indicator: field("i", mapping.Keyword)},
		},
	}, indicator.Options{})
	many := func(n int) string { return `["10.0.0.1` + strings.Repeat(`","x`, n) + `"]` }
	for i, source := range []string{`{"a":"x","i":"evil"}`, `{"a":"x","i":["bad","10.0.0.1"]}`, `{"a":` + many(1) + `,"i":` + many(2) + `}`} {
		if err := s.Add(ref(strconv.Itoa(i)), document(t, source)); err != nil {
			t.Fatal(err)
		}
	}
	var list []string
	for i := range 1025 {
		list = append(list, fmt.Sprintf(`"%d"`, i))
	}
	if err := s.Add(ref("many"), document(t, `{"a":[`+strings.Join(list, ",")+`],"i":"10.0.0.1"}`)); err != nil {
		t.Fatal(err)
	}
	want := []indicator.Lost{{Group: 1, Entry: 1, Count: 4, Example: "evil"}, {Group: 1, Entry: -1, Count: 1}}
	if diff := cmp.Diff(want, s.Lost()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A Set finds exactly the indicators for whose values a term query on the event's field is true.
func TestSetIsTermQueries(t *testing.T) {
	types := []mapping.Type{mapping.Keyword, mapping.IP, mapping.Long, mapping.Double, mapping.Boolean, mapping.Date}
	values := []any{
		"a", "b", "A", "true", "10.0.0.1", "10.0.0.2", "10.0.0.0/24", "10.0.0.0/8", "::ffff:10.0.0.1", "2001:db8::1", "2001:db8::/64",
		"1", "1.0", "2", json.Number("1"), json.Number("2"), json.Number("1.5"), true, false, "2026-01-01", "2026-01-01T00:00:00Z",
		"2026-01-01T00:00:00.001Z", "2026-01-01T05", "2026-01-01T05:06:07.123Z",
	}
	source := func(t *rapid.T, label string) map[string]any {
		out := map[string]any{}
		for _, name := range []string{"a", "b"} {
			out[name] = rapid.SliceOfN(rapid.SampledFrom(values), 0, 3).Draw(t, label+name)
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		entry := rapid.Custom(func(t *rapid.T) indicator.Entry {
			return indicator.Entry{
				Event:     field(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "event"), rapid.SampledFrom(types).Draw(t, "type")),
				Indicator: field(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "indicator"), mapping.Keyword),
			}
		})
		groups := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) indicator.Group {
			g := rapid.SliceOfN(entry, 1, 3).Draw(t, "entries")
			for i := range g[1:] {
				g[i+1].Negate = rapid.Bool().Draw(t, "negate")
			}
			return g
		}), 1, 3).Draw(t, "groups")
		s := indicator.New(groups, indicator.Options{})
		var indicators []*event.Document
		for i := range rapid.IntRange(1, 6).Draw(t, "indicators") {
			d := event.NewDocument(source(t, "indicator "))
			indicators = append(indicators, d)
			if err := s.Add(ref(strconv.Itoa(i)), d); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			e := event.NewDocument(source(t, "event "))
			var want, got []string
			for g, group := range groups {
				for i, d := range indicators {
					if naive(group, d, e) {
						want = append(want, fmt.Sprintf("%d/%d", g, i))
					}
				}
			}
			for _, m := range s.Match(e).Matches {
				got = append(got, fmt.Sprintf("%d/%s", m.Group, m.Ref.ID))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%v\n(-want +got):\n%s", groups, diff)
			}
		}
	})
}

// naive runs a term query for every value of an indicator.
func naive(group indicator.Group, d, e *event.Document) bool {
	for _, entry := range group {
		fields := mapping.Table{entry.Event.Name: entry.Event}
		values, equal := d.Values(entry.Indicator), false
		for _, v := range values {
			m, err := condition.Compile(condition.Term{Field: entry.Event.Name, Value: v.String}, fields)
			equal = equal || err == nil && m.Match(e)
		}
		switch {
		case !entry.Negate && !equal, entry.Negate && equal:
			return false
		case entry.Negate && len(values) == 0 && len(e.Values(entry.Event)) == 0:
			return false
		}
	}
	return true
}

func BenchmarkSet(b *testing.B) {
	group := []indicator.Group{{{Event: field("e", mapping.Keyword), Indicator: field("i", mapping.Keyword)}}}
	s := indicator.New(group, indicator.Options{})
	n := 0
	for b.Loop() {
		n++
		d := event.NewDocument(map[string]any{"i": fmt.Sprintf("%032x", n)})
		if err := s.Add(ref(fmt.Sprintf("%020d", n)), d); err != nil {
			b.Fatal(err)
		}
	}
}
