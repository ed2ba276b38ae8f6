package notify_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/notify"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestQuiet(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	night := &notify.Quiet{From: 22 * 60, To: 7 * 60, Zone: berlin, Days: []time.Weekday{time.Friday}}
	whole := &notify.Quiet{Zone: berlin, Days: []time.Weekday{time.Saturday, time.Sunday}} // 00:00 to 00:00
	for _, tt := range []struct {
		quiet    *notify.Quiet
		at, want string
	}{
		{nil, "2026-01-16T23:00:00Z", ""},
		{night, "2026-01-16T20:59:59Z", ""},
		{night, "2026-01-16T21:00:00Z", "2026-01-17T06:00:00Z"},
		{night, "2026-01-17T05:59:59Z", "2026-01-17T06:00:00Z"}, // it began on a Friday
		{night, "2026-01-17T06:00:00Z", ""},
		{night, "2026-01-17T22:00:00Z", ""},                     // a Saturday
		{night, "2026-03-28T00:00:00Z", "2026-03-28T06:00:00Z"}, // clocks change a day later
		{&notify.Quiet{From: 22 * 60, To: 7 * 60, Zone: berlin}, "2026-03-29T00:30:00Z", "2026-03-29T05:00:00Z"},
		{&notify.Quiet{From: 22 * 60, To: 7 * 60, Zone: berlin}, "2026-10-25T00:30:00Z", "2026-10-25T06:00:00Z"},
		{whole, "2026-01-17T12:00:00Z", "2026-01-18T23:00:00Z"}, // both days are one
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if end, quiet := tt.quiet.Ends(at); quiet {
			got = end.UTC().Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.at, got, tt.want)
		}
	}
}

// TestQuietEnds: quiet hours end later than now and within days, and afterwards it is not quiet, unless it is always.
func TestQuietEnds(t *testing.T) {
	zones := []*time.Location{time.UTC, zone(t, "Europe/Berlin"), zone(t, "Asia/Kolkata"), zone(t, "America/Sao_Paulo"), zone(t, "Australia/Lord_Howe")}
	rapid.Check(t, func(r *rapid.T) {
		q := &notify.Quiet{
			From: rapid.IntRange(0, 1439).Draw(r, "from"), To: rapid.IntRange(0, 1439).Draw(r, "to"), Zone: rapid.SampledFrom(zones).Draw(r, "zone"),
			Days: rapid.SliceOfNDistinct(rapid.Map(rapid.IntRange(0, 6), func(i int) time.Weekday { return time.Weekday(i) }), 0, 6, rapid.ID).Draw(r, "days"),
		}
		at := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(r, "at"), 0)
		end, quiet := q.Ends(at)
		if !quiet {
			return
		}
		if !end.After(at) || end.Sub(at) > 10*24*time.Hour {
			r.Fatal(at, end)
		}
		if q.From == q.To && len(q.Days) == 0 { // always
			return
		}
		if again, still := q.Ends(end); still {
			r.Fatal(at, end, again)
		}
		local := at.In(q.Zone)
		minutes := local.Hour()*60 + local.Minute()
		inside := q.From <= minutes && minutes < q.To
		if q.To <= q.From {
			inside = q.From <= minutes || minutes < q.To
		}
		_, before := at.In(q.Zone).Zone()
		_, then := at.Add(-26 * time.Hour).In(q.Zone).Zone()
		_, after := at.Add(26 * time.Hour).In(q.Zone).Zone()
		if !inside && before == then && before == after {
			r.Fatal("it is not quiet at", local)
		}
	})
}

// TestMatch: patterns of rules and tags ignore case, and * stands for any text.
func TestMatch(t *testing.T) {
	n := notify.Notice{Kind: notify.KindAlert, RuleID: "4f1c", RuleName: "Shell from a web server", Severity: "high", Tags: []string{"Tactic: Execution", "OS: Linux"}, Namespace: "prod"}
	block := n
	block.Fields = map[string]string{notify.FieldBlock: "true"}
	for _, tt := range []struct {
		match notify.Match
		n     notify.Notice
		want  bool
	}{
		{notify.Match{}, n, true},
		{notify.Match{Rules: []string{"other", "shell*SERVER"}}, n, true},
		{notify.Match{Rules: []string{"4F1C"}}, n, true},
		{notify.Match{Rules: []string{"4f1"}}, n, false},
		{notify.Match{Rules: []string{"*from*web*"}}, n, true},
		{notify.Match{Rules: []string{"*web*from*"}}, n, false},
		{notify.Match{Tags: []string{"os: *"}}, n, true},
		{notify.Match{Tags: []string{"os: w*"}}, n, false},
		{notify.Match{Severities: []string{"critical", "high"}}, n, true},
		{notify.Match{Severities: []string{"critical"}}, n, false},
		{notify.Match{Kinds: []notify.Kind{notify.KindState}}, n, false},
		{notify.Match{Namespaces: []string{"p*"}, Tags: []string{"Tactic: Execution"}}, n, true},
		{notify.Match{Namespaces: []string{"dev"}}, n, false},
		{notify.Match{}, block, false},
		{notify.Match{Blocks: true}, block, true},
		{notify.Match{Severities: []string{"critical"}}, notify.Notice{Kind: notify.KindTest}, true},
	} {
		if got := tt.match.Selects(&tt.n); got != tt.want {
			t.Errorf("%+v: %v", tt.match, got)
		}
	}
	rapid.Check(t, func(r *rapid.T) { // a pattern made of a text selects it
		text := rapid.StringMatching(`[a-c ]{1,8}`).Draw(r, "text")
		pattern := []rune(text)
		for range rapid.IntRange(0, 3).Draw(r, "stars") {
			from := rapid.IntRange(0, len(pattern)).Draw(r, "from")
			to := rapid.IntRange(from, len(pattern)).Draw(r, "to")
			pattern = slices.Concat(pattern[:from], []rune("*"), pattern[to:])
		}
		m := notify.Match{Rules: []string{string(pattern)}}
		if !m.Selects(&notify.Notice{RuleName: text}) {
			r.Fatal(text, string(pattern))
		}
	})
}
