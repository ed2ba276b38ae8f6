package scheduler_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/scheduler"
)

func TestCronNext(t *testing.T) {
	// A Wednesday.
	const at = "2026-04-15T10:20:30Z"
	tests := []struct {
		name, expr, at, want string
	}{
		{"every minute", "* * * * *", at, "2026-04-15T10:21:00Z"},
		{"step", "*/15 * * * *", at, "2026-04-15T10:30:00Z"},
		{"hourly", "0 * * * *", at, "2026-04-15T11:00:00Z"},
		{"on a slot", "20 * * * *", "2026-04-15T10:20:00Z", "2026-04-15T11:20:00Z"},
		{"inside a slot's minute", "20 * * * *", at, "2026-04-15T11:20:00Z"},
		{"just before a slot", "20 * * * *", "2026-04-15T10:19:59.999999999Z", "2026-04-15T10:20:00Z"},
		{"list and range", "5,50 8-9 * * *", at, "2026-04-16T08:05:00Z"},
		{"names", "0 6 * JUL mon", at, "2026-07-06T06:00:00Z"},
		{"either day", "0 0 1 * 5", at, "2026-04-17T00:00:00Z"},
		{"question mark", "0 0 ? * 5", at, "2026-04-17T00:00:00Z"},
		{"last of the month", "0 0 31 * *", at, "2026-05-31T00:00:00Z"},
		{"over a year", "0 0 1 1 *", at, "2027-01-01T00:00:00Z"},
		{"leap day", "0 0 29 2 *", at, "2028-02-29T00:00:00Z"},
		{"leap day over 2100", "0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"descriptor", "@daily", at, "2026-04-16T00:00:00Z"},
		{"every", "@every 90m", at, "2026-04-15T10:30:00Z"},
		{"blanks", "  0   *  * * *\t", at, "2026-04-15T11:00:00Z"},
		{"30 February", "0 0 30 2 *", at, "0001-01-01T00:00:00Z"},
		{"31 April or June", "0 0 31 4,6 *", at, "0001-01-01T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustCron(t, tt.expr, nil).Next(mustTime(t, tt.at))
			if diff := cmp.Diff(mustTime(t, tt.want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCronPrev(t *testing.T) {
	const at = "2026-04-15T10:20:30Z"
	tests := []struct {
		name, expr, at, want string
	}{
		{"inside the minute", "* * * * *", at, "2026-04-15T10:20:00Z"},
		{"on a slot", "20 * * * *", "2026-04-15T10:20:00Z", "2026-04-15T10:20:00Z"},
		{"just before a slot", "20 * * * *", "2026-04-15T10:19:59.999999999Z", "2026-04-15T09:20:00Z"},
		{"list and range", "5,50 8-9 * * *", at, "2026-04-15T09:50:00Z"},
		{"over a month", "0 0 31 * *", at, "2026-03-31T00:00:00Z"},
		{"over a year", "0 0 24 12 *", at, "2025-12-24T00:00:00Z"},
		{"leap day over 2100", "0 0 29 2 *", "2104-02-28T23:59:59Z", "2096-02-29T00:00:00Z"},
		{"before the epoch", "0 0 1 * *", "1969-07-20T20:17:00Z", "1969-07-01T00:00:00Z"},
		{"30 February", "0 0 30 2 *", at, "0001-01-01T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustCron(t, tt.expr, nil).Prev(mustTime(t, tt.at))
			if diff := cmp.Diff(mustTime(t, tt.want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCronErrors(t *testing.T) {
	tests := []struct {
		name, expr, want string
	}{
		{"empty", "", "empty spec"},
		{"four fields", "* * * *", "expected exactly 5 fields"},
		{"six fields", "0 * * * * *", "expected exactly 5 fields"},
		{"minute too high", "60 * * * *", "above maximum"},
		{"no such month", "0 0 1 13 *", "above maximum"},
		{"word", "soon * * * *", "parse int"},
		{"zero step", "*/0 * * * *", "positive"},
		{"empty field", ", * * * *", "empty list item"},
		{"empty list item", "1,,2 * * * *", "empty list item"},
		{"star with an ignored end", "*-5 * * * *", "takes a step only"},
		{"zone", "TZ=Europe/Berlin 0 * * * *", "time zone"},
		{"zone alone, which the parser panics on", "TZ=UTC", "time zone"},
		{"unknown descriptor", "@reboot", "unrecognized descriptor"},
		{"every, negative", "@every -1m", "must be positive"},
		{"every, zero", "@every 0s", "must be positive"},
		{"every, no duration", "@every", "unrecognized descriptor"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := scheduler.Cron(tt.expr, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Cron(%q) = %v, want an error with %q", tt.expr, err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), "parse cron ") {
				t.Errorf("error %q does not name the expression", err)
			}
		})
	}
}

// Clocks go forward on 29 March 2026 at 02:00 in Berlin and on 8 March at 02:00 in New York, and
// back on 25 October at 03:00 and on 1 November at 02:00.
func TestCronDaylightSaving(t *testing.T) {
	tests := []struct {
		name, zone, expr string
		after, until     string
		want             []string
	}{
		{
			"forward, time left out runs at the change", "Europe/Berlin", "30 2 * * *",
			"2026-03-28T00:00:00Z", "2026-03-30T23:00:00Z",
			[]string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		},
		{
			"forward, several times left out share a run", "Europe/Berlin", "*/20 2 * * *",
			"2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z"},
		},
		{
			"forward, the change is a slot anyway", "Europe/Berlin", "0 2,3 * * *",
			"2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z"},
		},
		{
			"forward, hourly goes on", "Europe/Berlin", "30 * * * *",
			"2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z",
			[]string{"2026-03-28T23:30:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"},
		},
		{
			"forward, every second hour", "Europe/Berlin", "0 */2 * * *",
			"2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z",
			[]string{"2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z", "2026-03-29T04:00:00Z"},
		},
		{
			"back, a time of day runs once", "Europe/Berlin", "30 2 * * *",
			"2026-10-24T00:00:00Z", "2026-10-26T23:00:00Z",
			[]string{"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		},
		{
			"back, hourly goes on", "Europe/Berlin", "30 * * * *",
			"2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z",
			[]string{"2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"},
		},
		{
			"back, every second hour leaves no three hours", "Europe/Berlin", "0 */2 * * *",
			"2026-10-24T22:30:00Z", "2026-10-25T04:00:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T03:00:00Z"},
		},
		{
			"New York forward", "America/New_York", "15 2 * * *",
			"2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:15:00Z"},
		},
		{
			"New York back", "America/New_York", "15 1 * * *",
			"2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z",
			[]string{"2026-11-01T05:15:00Z", "2026-11-02T06:15:00Z"},
		},
		{
			"daily is a day on the wall", "America/New_York", "@daily",
			"2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z",
			[]string{"2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		},
		{
			"midnight left out", "America/Sao_Paulo", "0 0 * * *",
			"2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z",
			[]string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		},
		{
			"half an hour left out", "Australia/Lord_Howe", "15 * * * *",
			"2026-10-03T14:00:00Z", "2026-10-03T17:00:00Z",
			[]string{"2026-10-03T14:45:00Z", "2026-10-03T15:30:00Z", "2026-10-03T16:15:00Z"},
		},
		{
			"a day left out", "Pacific/Apia", "0 12 * * *",
			"2011-12-29T12:00:00Z", "2012-01-01T00:00:00Z",
			[]string{"2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z", "2011-12-31T22:00:00Z"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			slots := mustCron(t, tt.expr, mustZone(t, tt.zone))
			after, until := mustTime(t, tt.after), mustTime(t, tt.until)
			if diff := cmp.Diff(tt.want, texts(forward(slots, after, until))); diff != "" {
				t.Errorf("Next (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, texts(backward(slots, after, until))); diff != "" {
				t.Errorf("Prev (-want +got):\n%s", diff)
			}
		})
	}
}

// A five-minute rule in Berlin has no gap and no duplicate in a year.
func TestCronFiveMinutesOverAYear(t *testing.T) {
	slots := mustCron(t, "*/5 * * * *", mustZone(t, "Europe/Berlin"))
	from := mustTime(t, "2025-12-31T23:00:00Z")
	want := from.Add(5 * time.Minute)
	for got := range scheduler.Between(slots, from, from.AddDate(1, 0, 0)) {
		if !got.Equal(want) {
			t.Fatalf("slot %s, want %s", got, want)
		}
		want = want.Add(5 * time.Minute)
	}
}

func mustCron(t fataler, expr string, loc *time.Location) scheduler.Slots {
	t.Helper()
	slots, err := scheduler.Cron(expr, loc)
	if err != nil {
		t.Fatal(err)
	}
	return slots
}

func forward(slots scheduler.Slots, after, until time.Time) []time.Time {
	return slices.Collect(scheduler.Between(slots, after, until))
}

// backward lists the same slots as forward, found with Prev.
func backward(slots scheduler.Slots, after, until time.Time) []time.Time {
	var found []time.Time
	for t := slots.Prev(until); t.After(after); t = slots.Prev(t.Add(-1)) {
		found = append(found, t)
	}
	slices.Reverse(found)
	return found
}

func texts(times []time.Time) []string {
	var list []string
	for _, t := range times {
		list = append(list, t.Format(time.RFC3339Nano))
	}
	return list
}
