package rule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
