package spl_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// TestRelative pins time modifiers, on the calendar of the place: Thursday, 5 March 2026.
func TestRelative(t *testing.T) {
	from := time.Date(2026, 3, 5, 13, 47, 58, 123456789, time.UTC)
	for _, tt := range []struct{ modifier, want string }{
		{"", "2026-03-05T13:47:58.123456789Z"},
		{"now", "2026-03-05T13:47:58.123456789Z"},
		{"NOW", "2026-03-05T13:47:58.123456789Z"},
		{"now()", "2026-03-05T13:47:58.123456789Z"},
		{" -1h ", "2026-03-05T12:47:58.123456789Z"},
		{"now-1h", "2026-03-05T12:47:58.123456789Z"},
		{"-h", "2026-03-05T12:47:58.123456789Z"},
		{"+h", "2026-03-05T14:47:58.123456789Z"},
		{"-0d", "2026-03-05T13:47:58.123456789Z"},
		{"-5us", "2026-03-05T13:47:58.123451789Z"},
		{"-5ms", "2026-03-05T13:47:58.118456789Z"},
		{"-5cs", "2026-03-05T13:47:58.073456789Z"},
		{"-5ds", "2026-03-05T13:47:57.623456789Z"},
		{"-10s", "2026-03-05T13:47:48.123456789Z"},
		{"+10secs", "2026-03-05T13:48:08.123456789Z"},
		{"-10m", "2026-03-05T13:37:58.123456789Z"},
		{"-2hrs", "2026-03-05T11:47:58.123456789Z"},
		{"-5d", "2026-02-28T13:47:58.123456789Z"},
		{"-2w", "2026-02-19T13:47:58.123456789Z"},
		{"+1mon", "2026-04-05T13:47:58.123456789Z"},
		{"-1q", "2025-12-05T13:47:58.123456789Z"},
		{"+2quarter", "2026-09-05T13:47:58.123456789Z"},
		{"-2y", "2024-03-05T13:47:58.123456789Z"},
		{"-1MONTH", "2026-02-05T13:47:58.123456789Z"},
		{"@us", "2026-03-05T13:47:58.123456Z"},
		{"@ms", "2026-03-05T13:47:58.123Z"},
		{"@cs", "2026-03-05T13:47:58.12Z"},
		{"@ds", "2026-03-05T13:47:58.1Z"},
		{"@s", "2026-03-05T13:47:58Z"},
		{"@m", "2026-03-05T13:47:00Z"},
		{"@h", "2026-03-05T13:00:00Z"},
		{"@d", "2026-03-05T00:00:00Z"},
		{"@w", "2026-03-01T00:00:00Z"},
		{"@w0", "2026-03-01T00:00:00Z"},
		{"@w7", "2026-03-01T00:00:00Z"},
		{"@w1", "2026-03-02T00:00:00Z"},
		{"@w4", "2026-03-05T00:00:00Z"},
		{"@w5", "2026-02-27T00:00:00Z"},
		{"@w6", "2026-02-28T00:00:00Z"},
		{"@mon", "2026-03-01T00:00:00Z"},
		{"@q", "2026-01-01T00:00:00Z"},
		{"@y", "2026-01-01T00:00:00Z"},
		{"-1d@d", "2026-03-04T00:00:00Z"},
		{"-1d@d+8h", "2026-03-04T08:00:00Z"},
		{"@w1-2h@h", "2026-03-01T22:00:00Z"},
		{"-1mon@mon-1d", "2026-01-31T00:00:00Z"},
		{"+4mon@q", "2026-07-01T00:00:00Z"},
		{"-1y@y+1q", "2025-04-01T00:00:00Z"},
		{"-999999999us", "2026-03-05T13:31:18.123457789Z"},
	} {
		r, err := spl.ParseRelative(tt.modifier)
		if err != nil {
			t.Errorf("%s: %v", tt.modifier, err)
			continue
		}
		if got := r.Apply(from).Format(time.RFC3339Nano); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.modifier, got, tt.want)
		}
	}
	for _, modifier := range []string{"1h", "-", "-5", "@", "-5x", "yesterday", "-1h@", "--1h", "-1.5h", "@w8", "@d1", "-1000000000s", "nowhere", "-1h 2m"} {
		if r, err := spl.ParseRelative(modifier); err == nil {
			t.Errorf("%s is read, as %s", modifier, r.Apply(from))
		}
	}
}

// TestRelativeCalendar wants days to be those of the calendar: a month that is shorter ends the step on its last
// day, and a day on which the clocks change is not 24 hours long.
func TestRelativeCalendar(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ from, modifier, want string }{
		{"2026-03-31T12:00:00+02:00", "-1mon", "2026-02-28T12:00:00+01:00"},
		{"2024-03-30T12:00:00+01:00", "-1mon", "2024-02-29T12:00:00+01:00"},
		{"2024-02-29T12:00:00+01:00", "-1y", "2023-02-28T12:00:00+01:00"},
		{"2024-02-29T12:00:00+01:00", "+1mon", "2024-03-29T12:00:00+01:00"},
		{"2026-08-31T12:00:00+02:00", "-1q", "2026-05-31T12:00:00+02:00"},
		{"2026-05-31T12:00:00+02:00", "-1q", "2026-02-28T12:00:00+01:00"},
		{"2026-03-29T12:00:00+02:00", "-1d", "2026-03-28T12:00:00+01:00"},
		{"2026-03-29T12:00:00+02:00", "-24h", "2026-03-28T11:00:00+01:00"},
		{"2026-03-29T12:00:00+02:00", "@d", "2026-03-29T00:00:00+01:00"},
		{"2026-10-25T12:00:00+01:00", "@d", "2026-10-25T00:00:00+02:00"},
		{"2026-10-25T02:30:00+01:00", "@h", "2026-10-25T02:00:00+01:00"},
		{"2026-10-25T02:30:00+02:00", "@m", "2026-10-25T02:30:00+02:00"},
		{"2026-12-31T23:00:00+01:00", "@q", "2026-10-01T00:00:00+02:00"},
		{"2026-06-30T23:00:00+02:00", "@q", "2026-04-01T00:00:00+02:00"},
	} {
		from, err := time.Parse(time.RFC3339, tt.from)
		if err != nil {
			t.Fatal(err)
		}
		r, err := spl.ParseRelative(tt.modifier)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Apply(from.In(berlin)).Format(time.RFC3339); got != tt.want {
			t.Errorf("%s of %s: %s, want %s", tt.modifier, tt.from, got, tt.want)
		}
	}
}

// TestSnapProperties requires that @unit never moves forward, is idempotent, and moves by less than the unit.
func TestSnapProperties(t *testing.T) {
	longest := map[string]time.Duration{
		"us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 25 * time.Hour, "w": 169 * time.Hour, "w3": 169 * time.Hour,
		"mon": 31*24*time.Hour + time.Hour, "q": 92*24*time.Hour + time.Hour, "y": 366 * 24 * time.Hour,
	}
	units := []string{"us", "ms", "s", "m", "h", "d", "w", "w3", "mon", "q", "y"}
	rapid.Check(t, func(rt *rapid.T) {
		place, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"}).Draw(rt, "place"))
		if err != nil {
			rt.Fatal(err)
		}
		from := time.Unix(0, rapid.Int64Range(0, 4e18).Draw(rt, "from")).In(place)
		unit := rapid.SampledFrom(units).Draw(rt, "unit")
		r, err := spl.ParseRelative("@" + unit)
		if err != nil {
			rt.Fatal(err)
		}
		got := r.Apply(from)
		if got.After(from) || from.Sub(got) >= longest[unit] || !r.Apply(got).Equal(got) {
			rt.Errorf("%s @%s is %s, and then %s", from, unit, got, r.Apply(got))
		}
		if week := map[string]time.Weekday{"w": time.Sunday, "w3": time.Wednesday}; unit[0] == 'w' && got.Weekday() != week[unit] {
			rt.Errorf("%s @%s is a %s", from, unit, got.Weekday())
		}
	})
}

// TestStep tests the starts of time intervals; days and longer follow the calendar.
func TestStep(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 3, 28, 12, 0, 0, 0, berlin)
	for _, tt := range []struct {
		span spl.TimeSpan
		want string
	}{
		{spl.TimeSpan{N: 90}, "2026-03-28T12:01:30+01:00"},
		{spl.TimeSpan{N: 1.5, Unit: "h"}, "2026-03-28T13:30:00+01:00"},
		{spl.TimeSpan{N: 5, Unit: "ds"}, "2026-03-28T12:00:00.5+01:00"},
		{spl.TimeSpan{N: 24, Unit: "h"}, "2026-03-29T13:00:00+02:00"},
		{spl.TimeSpan{N: 1, Unit: "d"}, "2026-03-29T12:00:00+02:00"},
		{spl.TimeSpan{N: 2, Unit: "w"}, "2026-04-11T12:00:00+02:00"},
		{spl.TimeSpan{N: 1, Unit: "mon"}, "2026-04-28T12:00:00+02:00"},
		{spl.TimeSpan{N: 1, Unit: "q"}, "2026-06-28T12:00:00+02:00"},
		{spl.TimeSpan{N: 3, Unit: "y"}, "2029-03-28T12:00:00+02:00"},
	} {
		if got := spl.Step(from, tt.span).Format(time.RFC3339Nano); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.span, got, tt.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for _, tt := range []struct {
		unit string
		want float64
		ok   bool
	}{
		{"", 2, true},
		{"us", 2e-6, true},
		{"ms", 2e-3, true},
		{"cs", 0.02, true},
		{"ds", 0.2, true},
		{"s", 2, true},
		{"m", 120, true},
		{"h", 7200, true},
		{"d", 172800, true},
		{"w", 1209600, true},
		{"mon", 0, false},
		{"q", 0, false},
		{"y", 0, false},
		{"log", 0, false},
	} {
		if got, ok := (spl.TimeSpan{N: 2, Unit: tt.unit}).Seconds(); got != tt.want || ok != tt.ok {
			t.Errorf("2%s: %g %t, want %g %t", tt.unit, got, ok, tt.want, tt.ok)
		}
	}
}

// TestBounds pins the moments that words such as earliest mean, at noon of 5 March 2026 in Berlin.
func TestBounds(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, berlin)
	for _, tt := range []struct {
		condition       string
		latest, indexed bool
		want            string
	}{
		{"earliest=-1h", false, false, "2026-03-05T11:00:00+01:00"},
		{"EARLIEST=-1h", false, false, "2026-03-05T11:00:00+01:00"},
		{"latest=@d", true, false, "2026-03-05T00:00:00+01:00"},
		{"latest=now", true, false, "2026-03-05T12:00:00+01:00"},
		{"_index_earliest=-1d", false, true, "2026-03-04T12:00:00+01:00"},
		{"_index_latest=1772450000", true, true, "2026-03-02T12:13:20+01:00"},
		{"earliest=1772450000.25", false, false, "2026-03-02T12:13:20.25+01:00"},
		{"earliest=0", false, false, "1970-01-01T01:00:00+01:00"},
		{"earliest=03/04/2026:13:14:15", false, false, "2026-03-04T13:14:15+01:00"},
		{"starttime=03/04/2026:13:14:15", false, false, "2026-03-04T13:14:15+01:00"},
		{"endtime=07/04/2025:13:14:15", true, false, "2025-07-04T13:14:15+02:00"},
		{"starttimeu=100", false, false, "1970-01-01T01:01:40+01:00"},
		{"endtimeu=100", true, false, "1970-01-01T01:01:40+01:00"},
		{"daysago=2", false, false, "2026-03-03T12:00:00+01:00"},
		{"startdaysago=2", false, false, "2026-03-03T12:00:00+01:00"},
		{"enddaysago=2", true, false, "2026-03-03T12:00:00+01:00"},
		{"hoursago=2", false, false, "2026-03-05T10:00:00+01:00"},
		{"starthoursago=2", false, false, "2026-03-05T10:00:00+01:00"},
		{"endhoursago=2", true, false, "2026-03-05T10:00:00+01:00"},
		{"minutesago=2", false, false, "2026-03-05T11:58:00+01:00"},
		{"startminutesago=2", false, false, "2026-03-05T11:58:00+01:00"},
		{"endminutesago=2", true, false, "2026-03-05T11:58:00+01:00"},
		{"startmonthsago=2", false, false, "2026-01-05T12:00:00+01:00"},
		{"endmonthsago=2", true, false, "2026-01-05T12:00:00+01:00"},
	} {
		x, err := spl.ParseCondition(tt.condition)
		if err != nil {
			t.Fatal(err)
		}
		compare, ok := x.(*spl.Compare)
		if !ok {
			t.Fatalf("%s is %T", tt.condition, x)
		}
		bound, is, err := spl.BoundOf(compare)
		if err != nil || !is || bound.Latest != tt.latest || bound.Indexed != tt.indexed {
			t.Errorf("%s: %+v %t, %v", tt.condition, bound, is, err)
			continue
		}
		if got, err := bound.At(now); err != nil || got.Format(time.RFC3339Nano) != tt.want {
			t.Errorf("%s: %s %v, want %s", tt.condition, got.Format(time.RFC3339Nano), err, tt.want)
		}
	}
	if _, is, err := spl.BoundOf(&spl.Compare{Field: spl.Name{Text: "user"}, Op: "=", Value: spl.Value{Text: "-1h"}}); is || err != nil {
		t.Errorf("a field is a bound of time: %v", err)
	}
}

// TestParseCondition requires that a condition is parsed to its end, or reports an error.
func TestParseCondition(t *testing.T) {
	for in, want := range map[string]string{"a=1 OR b": "a=1 OR b", "x NOT (y z)": "x AND NOT (y AND z)"} {
		if x, err := spl.ParseCondition(in); err != nil || x.String() != want {
			t.Errorf("%s: %v, %v", in, x, err)
		}
	}
	for in, want := range map[string]string{
		"a=1 | head": "condition:1:5: error: unexpected | [spl/syntax]", "a=1 ]": "condition:1:5: error: unexpected ] [spl/syntax]",
		"(a": "condition:1:3: error: expected ), and the search ends here [spl/syntax]",
	} {
		if x, err := spl.ParseCondition(in); err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v", in, x, err)
		}
	}
}

// TestParsePipe wants commands for rows that are there to begin with any command, and to have no brackets that
// nothing opens.
func TestParsePipe(t *testing.T) {
	pipe := func(text string) (*spl.Search, error) {
		s, diags := spl.ParsePipe(&spl.Source{Text: diag.NewText("f", text), Value: text})
		return s, diags.Err()
	}
	for in, want := range map[string]string{"eval x=1": "| eval x = 1", "| stats count | where count>1": "| stats count as count | where count > 1", "": ""} {
		if s, err := pipe(in); err != nil || s.String() != want {
			t.Errorf("%q: %v, %v", in, s, err)
		}
	}
	for in, want := range map[string]string{
		"eval x=1 ]": "f:1:10: error: there is no opening bracket for this one [spl/syntax]", "frob": "f:1:1: error: the command frob is not supported: did you mean from? [spl/unsupported]",
	} {
		if s, err := pipe(in); s != nil || err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v", in, s, err)
		}
	}
}
