package store_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// drawLine draws a line of any form: a document, one with metadata among its fields, metadata
// around one; with duplicate names, escapes, blanks, and sometimes damaged.
func drawLine(rt *rapid.T) string {
	name := rapid.SampledFrom([]string{"_index", "_id", "_source", "_score", "a", "data_stream", "data_stream", "data_stream", "data_stream.type", "data_stream.type", `\u005fid`, `_inde\u0078`, "_", "", "é"})
	text := rapid.SampledFrom([]string{`"logs-a"`, `"logs-b"`, `"x"`, `""`, `"\u0078"`, `"_id"`, `"\"_index\":"`, `"é"`, `"a\\"`})
	blank := rapid.SampledFrom([]string{"", "", "", "", "", "", " ", "\t \r", "\v", "\u00a0"})
	var members []string
	for range rapid.IntRange(0, 6).Draw(rt, "members") {
		n := name.Draw(rt, "name")
		var v string
		switch kind := rapid.IntRange(0, 9).Draw(rt, "kind"); {
		case n == "_source" && kind < 7:
			v = `{"a":` + value(rt, 2) + `,"_id":"inner"}`
		case n == "data_stream" && kind < 8:
			dataset := rapid.SampledFrom([]string{`"d"`, `["d","e"]`, `["e",["d"]]`, `[]`}).Draw(rt, "dataset")
			v = `{"type":` + text.Draw(rt, "type") + `,"dataset":` + dataset + `,"namespace":"n"}`
		case kind < 8:
			v = text.Draw(rt, "text")
		default:
			v = value(rt, 2)
		}
		members = append(members, blank.Draw(rt, "blank")+`"`+n+`"`+blank.Draw(rt, "blank")+`:`+blank.Draw(rt, "blank")+v+blank.Draw(rt, "blank"))
	}
	line := blank.Draw(rt, "blank") + "{" + strings.Join(members, ",") + "}" + blank.Draw(rt, "blank")
	if rapid.IntRange(0, 9).Draw(rt, "broken") == 0 {
		at := rapid.IntRange(0, len(line)-1).Draw(rt, "at")
		line = line[:at] + rapid.SampledFrom([]string{"", ",", "\xff", "}", "\\"}).Draw(rt, "instead") + line[at+1:]
	}
	return line
}

// TestCut: a split line agrees with the decoded line, whatever its form.
func TestCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) { checkLine(rt, drawLine(rt)) })
}

// TestSlicesAreASearch: the parts of a read have the same events as a search, once events without
// an id get theirs; both agree with the decoded lines.
func TestSlicesAreASearch(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		lines := rapid.SliceOfN(rapid.Custom(drawLine), 0, 40).Draw(rt, "lines")
		events, _, err := store.OpenEvents(t.Context(), store.EventsOptions{
			Files: []string{"-"}, Stdin: strings.NewReader(strings.Join(lines, "\n")), Index: rapid.SampledFrom([]string{"", "logs-x"}).Draw(rt, "index"),
		})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = events.Close() }()
		r := search.Request{Patterns: []string{rapid.SampledFrom([]string{"*", "logs-*", "logs-a"}).Draw(rt, "pattern")}, Time: search.TimeRange{Field: search.DefaultTimestamp}}
		var searched, sliced []event.Event
		if _, err := events.Search(t.Context(), r, func(page []event.Event) (bool, error) {
			searched = append(searched, page...)
			return true, nil
		}); err != nil {
			rt.Fatal(err)
		}
		if _, err := events.SearchSlices(t.Context(), r, []search.Visit{func(page []event.Event) (bool, error) {
			for _, e := range page {
				e.Source = slices.Clone(e.Source)
				if err := events.Identify(&e); err != nil {
					return false, err
				}
				sliced = append(sliced, e)
			}
			return true, nil
		}}); err != nil {
			rt.Fatal(err)
		}
		seen := &sight{events: events, view: event.NewSelection(nil, nil).NewView()}
		if rapid.Bool().Draw(rt, "streams are selected") {
			seen.view = event.NewSelection(search.StreamFields(), nil).NewView()
		}
		if _, err := events.ViewSlices(t.Context(), r, []search.Sight{seen}); err != nil {
			rt.Fatal(err)
		}
		if d := cmp.Diff(searched, seen.found, byContent, cmpopts.EquateEmpty()); d != "" {
			rt.Fatalf("(-search +views):\n%s", d)
		}
		if d := cmp.Diff(searched, sliced, byContent); d != "" {
			rt.Fatalf("(-search +slices):\n%s", d)
		}
		if want := countGood(lines); r.Patterns[0] == "*" && len(searched) != want {
			rt.Fatalf("%d events of %d", len(searched), want)
		}
	})
}

// sight collects the hits that it is shown.
type sight struct {
	events *store.Events
	view   *event.View
	found  []event.Event
}

func (s *sight) View() *event.View { return s.view }

func (s *sight) See(hits iter.Seq[*event.Event]) error {
	for e := range hits {
		own := *e
		own.Source = slices.Clone(e.Source)
		if err := s.events.Identify(&own); err != nil {
			return err
		}
		s.found = append(s.found, own)
	}
	return nil
}

// countGood counts the lines that are events when they are decoded.
func countGood(lines []string) int {
	n := 0
	for _, l := range lines {
		if _, at := store.ParseLine([]byte(l)); at < 0 {
			n++
		}
	}
	return n
}
