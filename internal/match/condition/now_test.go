package condition_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

func TestAsOf(t *testing.T) {
	fields := mapping.Table{
		"d": {Name: "d", Type: mapping.Date}, "e": {Name: "e", Type: mapping.Date, Format: "epoch_second"},
		"k": {Name: "k", Type: mapping.Keyword}, "odd": {Name: "odd", Type: mapping.Date, Format: "YYYY 'week' w"}, "r": {Name: "r", Type: "date_range"},
	}
	now := time.Date(2024, 2, 29, 13, 14, 15, 678e6, time.UTC)
	at := func(e condition.Expr) string {
		lowered, ofNow := condition.AsOf(e, fields, now)
		if ofNow && !condition.OfNow(e) {
			t.Errorf("%s: OfNow does not say that it depends on now", e)
		}
		if ofNow {
			return "now: " + lowered.String()
		}
		return lowered.String()
	}
	for _, tt := range []struct{ got, want string }{
		{at(condition.Range{Field: "d", Gte: "now-30d/d"}), `now: (range d gte "2024-01-30T00:00:00.000000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Gt: "now/d"}), `now: (range d gt "2024-02-29T23:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Lte: "now/d"}), `now: (range d lte "2024-02-29T23:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Lt: "now/d"}), `now: (range d lt "2024-02-29T00:00:00.000000000Z" format "strict_date_optional_time")`},
		{
			at(condition.Range{Field: "d", Gte: "2024-01-01", Lt: "now"}),
			`now: (range d gte "2024-01-01T00:00:00.000000000Z" lt "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time")`,
		},
		{
			at(condition.Range{Field: "e", Gte: "1700000000", Lt: "now"}),
			`now: (range e gte "2023-11-14T22:13:20.000000000Z" lt "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time")`,
		},
		{at(condition.Range{Field: "d", Gte: "2024-01-01"}), `(range d gte "2024-01-01")`},
		{at(condition.Range{Field: "d", Gte: "now-1"}), `(range d gte "now-1")`},
		{at(condition.Range{Field: "d", Gte: "now", TimeZone: "+01:00"}), `now: (range d gte "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Gte: "now/d", Lt: "2024-03-01", TimeZone: "+12:00"}), `now: (range d gte "2024-02-29T12:00:00.000000000Z" lt "2024-02-29T12:00:00.000000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Lte: "now/d", TimeZone: "Europe/Berlin"}), `now: (range d lte "2024-02-29T22:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Gte: "now", TimeZone: "Nowhere/Town"}), `(range d gte "now" time-zone "Nowhere/Town")`},
		{at(condition.Range{Field: "odd", Gte: "2024 week 1", Lt: "now"}), `now: (range odd gte "2024 week 1" lt "2024-02-29T13:14:15.678000000Z" format "YYYY 'week' w||strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Gte: "2024-01-31||+1M", Lte: "2024-02-01||/M"}), `(range d gte "2024-02-29T00:00:00.000000000Z" lte "2024-02-29T23:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Lte: "2024-02||"}), `(range d lte "2024-02-01T00:00:00.000000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "e", Gt: "1700000000||/h"}), `(range e gt "2023-11-14T22:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Gte: "||/d"}), `(range d gte "||/d")`},
		{at(condition.Term{Field: "d", Value: "now/d"}), `now: (range d gte "2024-02-29T00:00:00.000000000Z" lte "2024-02-29T23:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Match{Field: "d", Value: "2024-02-29||/d", Phrase: true}), `(range d gte "2024-02-29T00:00:00.000000000Z" lte "2024-02-29T23:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Terms{Field: "d", Values: []any{"now", "2024"}}), `now: (or (range d gte "2024-02-29T13:14:15.678000000Z" lte "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time") (terms d "2024"))`},
		{at(condition.Term{Field: "k", Value: "now"}), `(term k "now")`},
		{at(condition.Range{Field: "r", Gte: "now"}), `now: (range r gte "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "k", Gte: "now"}), `(range k gte "now")`},
		{at(condition.Range{Field: "none", Gte: "now"}), `(range none gte "now")`},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	inner := condition.Range{Field: "d", Gte: "now"}
	tree := condition.And{condition.Or{inner, condition.Not{X: condition.Nested{Path: "n", X: inner}}}, condition.Exists{Field: "k"}}
	const lowered = `(range d gte "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time")`
	want := "(and (or " + lowered + " (not (nested n " + lowered + "))) (exists k))"
	if diff := cmp.Diff("now: "+want, at(tree)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, _ := condition.AsOf(tree, fields, time.Time{}); got.String() != tree.String() {
		t.Errorf("without a moment: %s", got)
	}
}

func TestOfNow(t *testing.T) {
	raw := func(text string) condition.Expr {
		r, err := condition.NewRaw(condition.Query{"query_string": condition.Query{"query": text}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tt := range []struct {
		e    condition.Expr
		want bool
	}{
		{condition.Term{Field: "x", Value: "now"}, true},
		{condition.Not{X: condition.Nested{Path: "n", X: condition.Terms{Field: "n.x", Values: []any{"a", "now-1d/d"}}}}, true},
		{condition.Match{Value: "now/d"}, true},
		{condition.Range{Field: "x", Lt: "now+1h"}, true},
		{condition.Range{Field: "x", Lt: "nowhere", Gte: int64(1)}, false},
		{condition.Range{Field: "x", Lt: "2026-01-01||/d"}, false},
		{condition.Wildcard{Field: "x", Pattern: "now*"}, false},
		{raw(`d:[now-1d TO *] AND m:a~`), true},
		{raw(`d:>now\/d`), true},
		{raw(`d:now`), true},
		{raw(`d:{* TO now}`), true},
		{raw(`d:("now" OR 2026)`), true},
		{raw(`m:"do it now"`), false},
		{raw(`nowhere knows.now now_`), false},
	} {
		if got := condition.OfNow(tt.e); got != tt.want {
			t.Errorf("%s: %v", tt.e, got)
		}
	}
}

// Unresolved anchored date math is read in memory, with the same result as when resolved.
func TestAnchoredDateMath(t *testing.T) {
	fields := mapping.Table{"d": {Name: "d", Type: mapping.Date}, "n": {Name: "n", Type: mapping.DateNanos}}
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	texts := []string{
		"2026-01-01||", "2026-01-01||/d", "2026-01-01||/M", "2026-01-01||+1d", "2026-01-01T12:34:56.789Z||/h", "2025-12-31||+1d/d-1s", "2026-01-01", "2026-01",
		"2026-01-01T05:00:00+07:00||/w", "1767225600000||+12h",
	}
	zones := []string{"", "Z", "+12:00", "Europe/Berlin", "America/New_York"}
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.SampledFrom([]string{"d", "n"}).Draw(t, "field")
		text := rapid.SampledFrom(texts).Draw(t, "text")
		var e condition.Expr
		switch rapid.IntRange(0, 6).Draw(t, "form") {
		case 0:
			e = condition.Term{Field: field, Value: text}
		case 1:
			e = condition.Match{Field: field, Value: text}
		case 2:
			e = condition.Terms{Field: field, Values: []any{text, rapid.SampledFrom(texts).Draw(t, "other")}}
		default:
			r := condition.Range{Field: field, TimeZone: rapid.SampledFrom(zones).Draw(t, "zone")}
			rapid.SampledFrom([]func(){
				func() { r.Gt = text }, func() { r.Gte = text }, func() { r.Lt = text },
				func() { r.Lte, r.Gt = text, rapid.SampledFrom(texts).Draw(t, "low") },
			}).Draw(t, "bound")()
			e = r
		}
		written, ofNow := condition.AsOf(e, fields, now)
		if ofNow {
			t.Fatalf("%s is about now", e)
		}
		a, err := condition.Compile(e, fields)
		if err != nil {
			t.Fatal(err)
		}
		b, err := condition.Compile(written, fields)
		if err != nil {
			t.Fatal(err)
		}
		near := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(-40*24, 40*24).Draw(t, "hours")) * time.Hour)
		at := near.Add(rapid.SampledFrom([]time.Duration{-time.Millisecond, 0, time.Millisecond, time.Nanosecond}).Draw(t, "edge"))
		doc := event.NewDocument(map[string]any{field: at.Format(time.RFC3339Nano)})
		if a.Match(doc) != b.Match(doc) {
			t.Fatalf("%s: %v, written out as %s: %v, of %s", e, a.Match(doc), written, b.Match(doc), at)
		}
	})
}
