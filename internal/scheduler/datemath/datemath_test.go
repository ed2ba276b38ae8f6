package datemath_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/scheduler/datemath"
)

func TestAt(t *testing.T) {
	// A Thursday in a leap year.
	const now = "2024-02-29T13:14:15.678Z"
	tests := []struct {
		name, in, now, want string
	}{
		{"now", "now", now, "2024-02-29T13:14:15.678Z"},
		{"seconds", "now-90s", now, "2024-02-29T13:12:45.678Z"},
		{"minutes", "now-9m", now, "2024-02-29T13:05:15.678Z"},
		{"hours", "now-1h", now, "2024-02-29T12:14:15.678Z"},
		{"capital hours", "now-1H", now, "2024-02-29T12:14:15.678Z"},
		{"days", "now-7d", now, "2024-02-22T13:14:15.678Z"},
		{"weeks", "now-2w", now, "2024-02-15T13:14:15.678Z"},
		{"months", "now-1M", now, "2024-01-29T13:14:15.678Z"},
		{"years into a common year", "now-1y", now, "2023-02-28T13:14:15.678Z"},
		{"years into a leap year", "now+4y", now, "2028-02-29T13:14:15.678Z"},
		{"month stops at its end", "now+1M", "2023-01-31T00:00:00Z", "2023-02-28T00:00:00Z"},
		{"month backwards stops at its end", "now-1M", "2024-03-31T05:00:00Z", "2024-02-29T05:00:00Z"},
		{"months over years", "now-13M", "2024-03-31T05:00:00Z", "2023-02-28T05:00:00Z"},
		{"count is one by default", "now-d", now, "2024-02-28T13:14:15.678Z"},
		{"zero", "now-0d", now, "2024-02-29T13:14:15.678Z"},
		{"forward", "now+1h", now, "2024-02-29T14:14:15.678Z"},
		{"large minutes", "now-7205m", now, "2024-02-24T13:09:15.678Z"},
		{"round second", "now/s", now, "2024-02-29T13:14:15Z"},
		{"round minute", "now-1m/m", now, "2024-02-29T13:13:00Z"},
		{"round hour", "now/h", now, "2024-02-29T13:00:00Z"},
		{"round day", "now-1d/d", now, "2024-02-28T00:00:00Z"},
		{"round week to Monday", "now/w", now, "2024-02-26T00:00:00Z"},
		{"round week on Sunday", "now/w", "2024-03-03T10:00:00Z", "2024-02-26T00:00:00Z"},
		{"round week on Monday", "now/w", "2024-03-04T00:00:00Z", "2024-03-04T00:00:00Z"},
		{"round month", "now/M", now, "2024-02-01T00:00:00Z"},
		{"round year", "now/y", now, "2024-01-01T00:00:00Z"},
		{"round one unit written out", "now/1d", now, "2024-02-29T00:00:00Z"},
		{"order matters: round last", "now-1h/d", "2024-03-01T00:30:00Z", "2024-02-29T00:00:00Z"},
		{"order matters: round first", "now/d-1h", "2024-03-01T00:30:00Z", "2024-02-29T23:00:00Z"},
		{"several steps", "now-1M/M+1d-30m", now, "2024-01-01T23:30:00Z"},
		{"other zone becomes UTC", "now/d", "2024-03-01T01:00:00+02:00", "2024-02-29T00:00:00Z"},
		{"before the epoch", "now-1s/m", "1969-12-31T23:59:30.5Z", "1969-12-31T23:59:00Z"},
		{"blanks around", " now-9m\n", now, "2024-02-29T13:05:15.678Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustParse(t, tt.in).At(mustTime(t, tt.now)).Format(time.RFC3339Nano)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s at %s (-want +got):\n%s", tt.in, tt.now, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty", "", `must begin with "now"`},
		{"no anchor", "-9m", `must begin with "now"`},
		{"capitals", "NOW-9m", `must begin with "now"`},
		{"fixed anchor", "2024-01-01||/M", "fixed date"},
		{"no unit", "now-9", "ends in the middle of a step"},
		{"only operator", "now-", "ends in the middle of a step"},
		{"no operator", "now9m", `unexpected "9"`},
		{"blank inside", "now -9m", `unexpected " "`},
		{"unknown unit", "now-9q", `unknown unit "q"`},
		{"capital day", "now-1D", `unknown unit "D"`},
		{"milliseconds", "now-9ms", `unexpected "s"`},
		{"not ASCII", "now-9µ", `unknown unit "µ"`},
		{"rounding to several units", "now/2d", "single unit"},
		{"two signs", "now--1d", `unknown unit "-"`},
		{"above 32 bits", "now-2147483648s", "above 2147483647"},
		{"above 64 bits", "now-99999999999999999999s", "above 2147483647"},
		{"Splunk's spelling", "-70m@m", `must begin with "now"`},
		{"Splunk's rounding", "now-70m@m", `unexpected "@"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := datemath.Parse(tt.in)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse(%q) = %v, want an error with %q", tt.in, err, tt.want)
			}
		})
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"now", "now", "now"},
		{"look-back", "now-9m", "now-9m"},
		{"count written out", "now-d", "now-1d"},
		{"hours", "now-2H/H", "now-2h/h"},
		{"rounding", "now/1d", "now/d"},
		{"leading zeros", "now-007d", "now-7d"},
		{"everything", "now-1y+2M-3w+4d-5h+6m-7s/s", "now-1y+2M-3w+4d-5h+6m-7s/s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mustParse(t, tt.in).String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got := (datemath.Expr{}).String(); got != "now" {
		t.Errorf("zero Expr = %q, want now", got)
	}
}

func TestJSON(t *testing.T) {
	type rule struct{ From, To datemath.Expr }
	want := rule{From: mustParse(t, "now-9m"), To: mustParse(t, "now")}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"From":"now-9m","To":"now"}`, string(data)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var got rule
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := json.Unmarshal([]byte(`{"From":"yesterday"}`), &got); err == nil {
		t.Error("unmarshal of a wrong expression gave no error")
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := exprText().Draw(t, "expr")
		expr, err := datemath.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := datemath.Parse(expr.String())
		if err != nil {
			t.Fatal(err)
		}
		if !expr.Equal(again) {
			t.Fatalf("%q became %q, then %q", text, expr, again)
		}
	})
}

func TestRoundingProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"s", "m", "h", "d", "w", "M", "y"}).Draw(t, "unit")
		now := moment().Draw(t, "now")
		floor := mustParse(t, "now/"+unit).At(now)
		next := mustParse(t, "now/"+unit+"+1"+unit).At(now)
		if floor.After(now) || !next.After(now) {
			t.Fatalf("%s is not in [%s, %s)", now, floor, next)
		}
		if again := mustParse(t, "now/"+unit).At(floor); !again.Equal(floor) {
			t.Fatalf("rounding %s again gave %s", floor, again)
		}
	})
}

func TestMonthsStayInMonth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := moment().Draw(t, "now")
		n := rapid.IntRange(0, 400).Draw(t, "n")
		got := now.UTC()
		want := time.Date(got.Year(), got.Month()-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		got = mustParse(t, "now-"+itoa(n)+"M").At(now)
		if got.Year() != want.Year() || got.Month() != want.Month() {
			t.Fatalf("%s - %d months = %s, want a day in %s", now, n, got, want.Format("2006-01"))
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"now", "now-9m", "now-1d/d", "now+1M/M-1s", "now/2d", "2024||/d", "now-99999999999y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		expr, err := datemath.Parse(text)
		if err != nil {
			return
		}
		again, err := datemath.Parse(expr.String())
		if err != nil || !again.Equal(expr) {
			t.Fatalf("%q became %q: %v", text, expr, err)
		}
		_ = expr.At(time.Unix(1_700_000_000, 0))
	})
}

func TestEndAt(t *testing.T) {
	const now = "2024-02-29T13:14:15.678Z"
	for in, want := range map[string]string{
		"now":       "2024-02-29T13:14:15.678Z",
		"now-1h":    "2024-02-29T12:14:15.678Z",
		"now/d":     "2024-02-29T23:59:59.999Z",
		"now-1M/M":  "2024-01-31T23:59:59.999Z",
		"now/w":     "2024-03-03T23:59:59.999Z",
		"now/h-30m": "2024-02-29T13:29:59.999Z",
	} {
		got := mustParse(t, in).EndAt(mustTime(t, now)).Format(time.RFC3339Nano)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}
