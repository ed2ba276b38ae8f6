package rule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/rule"
)

// TestSlots: a cron expression follows the clock of its zone, on the days before and after it
// changes.
func TestSlots(t *testing.T) {
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for _, tt := range []struct {
		name  string
		rule  rule.Rule
		after string
		want  []string
	}{
		{"interval", rule.Rule{Interval: 5 * time.Minute}, "2026-01-15T14:01:00Z", []string{"2026-01-15T14:05:00Z", "2026-01-15T14:10:00Z"}},
		{"cron", rule.Rule{Cron: "30 9 * * *"}, "2026-03-28T09:30:00Z", []string{"2026-03-29T09:30:00Z", "2026-03-30T09:30:00Z"}},
		{
			"cron in a zone",
			rule.Rule{Cron: "30 9 * * *", CronTimeZone: "Europe/Berlin"},
			"2026-03-27T23:00:00Z",
			[]string{"2026-03-28T08:30:00Z", "2026-03-29T07:30:00Z"},
		},
		{
			"a time that is left out",
			rule.Rule{Cron: "30 2 * * *", CronTimeZone: "Europe/Berlin"},
			"2026-03-28T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			slots, err := tt.rule.Slots()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for s := slots.Next(at(tt.after)); len(got) < len(tt.want); s = slots.Next(s) {
				got = append(got, s.Format(time.RFC3339))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestSchedule: the text of a schedule means its slots.
func TestSchedule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &rule.Rule{Interval: time.Duration(rapid.Int64Range(1, 1<<50).Draw(t, "interval"))}
		if rapid.Bool().Draw(t, "cron") {
			r.Cron = rapid.SampledFrom([]string{"*/7 * * * *", "0 9 * * 1-5", "@hourly", "5,6 2 1 * *"}).Draw(t, "expression")
			r.CronTimeZone = rapid.SampledFrom([]string{"", "Europe/Berlin", "America/New_York", "UTC"}).Draw(t, "zone")
		}
		r.Skew = time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "skew"))
		slots, err := rule.ParseSchedule(r.Schedule())
		if err != nil {
			t.Fatalf("%q: %v", r.Schedule(), err)
		}
		again := *r
		again.Skew = 0
		plain, err := again.Slots()
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "at"), 0)
		if r.Cron != "" {
			if got, want := slots.Next(at), plain.Next(at.Add(-r.Skew)).Add(r.Skew); !got.Equal(want) {
				t.Fatalf("%q after %s: %s, want %s", r.Schedule(), at, got, want)
			}
		} else if every := slots.Next(slots.Next(at)).Sub(slots.Next(at)); every != max(r.Interval, time.Second) {
			t.Fatalf("%q: slots lie %s apart", r.Schedule(), every)
		}
	})
}
