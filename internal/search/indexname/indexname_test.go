package indexname_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // The zones of these tests, wherever they run.

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/indexname"
)

func at(t interface{ Fatal(args ...any) }, text string) time.Time {
	out, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestResolve(t *testing.T) {
	const slot, begin = "2026-03-01T00:02:00Z", "2026-02-28T23:56:00Z"
	const noon, before = "2026-03-01T12:00:00Z", "2026-03-01T11:55:00Z"
	for _, tt := range []struct {
		name, patterns, from, slot, want string
	}{
		{"no date math", "logs-*,-logs-a", begin, slot, "logs-*,-logs-a"},
		{"a day", "<logs-{now/d}>", before, noon, "logs-2026.03.01"},
		{"without rounding", "<logs-{now}>", before, noon, "logs-2026.03.01"},
		{"over midnight", "<logs-{now/d}>", begin, slot, "logs-2026.02.28,logs-2026.03.01"},
		{"the slot begins a day that the window does not touch", "<logs-{now/d}>", "2026-02-28T23:00:00Z", "2026-03-01T00:00:00Z", "logs-2026.02.28,logs-2026.03.01"},
		{"days", "<logs-{now/d}>", "2026-02-26T12:00:00Z", slot, "logs-2026.02.26,logs-2026.02.27,logs-2026.02.28,logs-2026.03.01"},
		{"yesterday", "<logs-{now-1d/d}>", before, noon, "logs-2026.02.28"},
		{"a month", "<logs-{now/M{yyyy.MM}}>", begin, slot, "logs-2026.02,logs-2026.03"},
		{"a year", "<logs-{now/y{uuuu}}>", begin, slot, "logs-2026"},
		{"hours", "<logs-{now{yyyy.MM.dd.HH}}>", "2026-02-28T22:10:00Z", slot, "logs-2026.02.28.22,logs-2026.02.28.23,logs-2026.03.01.00"},
		{"a week", "<logs-{now/w}>", "2026-02-28T00:00:00Z", "2026-03-02T01:00:00Z", "logs-2026.02.23,logs-2026.03.02"},
		{"rounded before the format", "<logs-{now/d{yyyy.MM.dd.HH}}>", before, noon, "logs-2026.03.01.00"},
		{"a zone ahead", "<logs-{now/d{yyyy.MM.dd|+12:00}}>", before, noon, "logs-2026.03.01,logs-2026.03.02"},
		{"a zone behind", "<logs-{now/d{yyyy.MM.dd|-08:00}}>", begin, slot, "logs-2026.02.28"},
		{"a zone by name", "<logs-{now/d{yyyy.MM.dd|Europe/Berlin}}>", "2026-02-28T22:59:00Z", "2026-02-28T22:59:59Z", "logs-2026.02.28"},
		{"its summer time", "<logs-{now/d{yyyy.MM.dd|Europe/Berlin}}>", "2026-06-30T21:59:00Z", "2026-06-30T22:01:00Z", "logs-2026.06.30,logs-2026.07.01"},
		{"braces that belong to the name", `<logs-\{x\}-{now/M{yyyy}}>`, before, noon, "logs-{x}-2026"},
		{"two dates", "<logs-{now/d{dd}}-of-{now/M{MM}}>", begin, slot, "logs-28-of-02,logs-01-of-03"},
		{"with a star", "<logs-*-{now/M{yyyy.MM}}.*>", before, noon, "logs-*-2026.03.*"},
		{"in a list", "a,<logs-{now/d}>, b", before, noon, "a,logs-2026.03.01,b"},
		{"taken away", "logs-*,-<logs-{now/d}>", begin, slot, "logs-*,-logs-2026.02.28,-logs-2026.03.01"},
		{"taken away from nothing", "a,-<logs-{now/d}>", before, noon, "a"},
		{"no exclusion", "logs-*,<-logs-{now/d}>", before, noon, "logs-*"},
		{"of another cluster", "eu:<logs-{now/d}>,<us:logs-{now/d}>", before, noon, "eu:logs-2026.03.01,us:logs-2026.03.01"},
		{"a part of a data stream", "<logs-{now/d}>::failures", before, noon, "logs-2026.03.01::failures"},
		{"a fixed date", "<logs-{2026.01.31||+1M}>", begin, slot, "logs-2026.02.28"},
		{"a fixed date in its format", "<logs-{2026-01-31||/M{yyyy-MM-dd}}>", begin, slot, "logs-2026-01-01"},
		{"text in a format", "<logs-{now{yyyy'y'MM'm'}}>", before, noon, "logs-2026y03m"},
		{
			"numbers of other kinds", "<l-{now{D.DDD.Q.yy.y.yyyyy.M.d.H.h.k.K.S.SSS}}>", "2026-03-01T12:00:00.987Z", "2026-03-01T12:00:00.987Z",
			"l-60.060.1.26.2026.02026.3.1.12.12.12.0.9.987",
		},
		{"a format with a name", "<l-{now{basic_date}}>", before, noon, "l-20260301"},
		{"no expression", "<logs-{now/d}", before, noon, "<logs-{now/d}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := window.Window{From: at(t, tt.from), To: at(t, tt.slot)}
			got, err := indexname.Resolve([]string{tt.patterns}, at(t, tt.slot), w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, ",")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for text, want := range map[string]string{
		"<logs-{now/q}>":               `unknown unit "q"`,
		"<logs-{now/d>":                "not closed",
		"<logs-}>":                     "closes nothing",
		"<>":                           "name is empty",
		"<logs-{}>":                    "not a date",
		"<logs-{2026-01-01||/M}>":      "not a date",
		"<logs-{now{}}>":               "format is missing",
		"<logs-{now{yyyy}x}>":          "after the date format",
		"<logs-{now{yyyy{MM}}}>":       "already has a format",
		`<logs-{now{yyyy\{MM\}}}>`:     "reserved",
		"<logs-{now{yyyy|Mars/Base}}":  "",
		"<logs-{now{yyyy|Mars/Base}}>": "not known",
		"a,-<logs-{now{YYYY.ww}}>":     "not supported",
		"<logs-{now{MMM}}>":            "not supported",
		"<logs-{now{epoch_second}}>":   "not supported",
		"<logs-{now/d{yyyy.MM.dd}}>":   "",
		"logs-{now/d}":                 "",
	} {
		err := indexname.Check(text)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := indexname.Resolve([]string{"-<logs-{now/d}>"}, at(t, "2026-03-01T12:00:00Z"), window.Window{}); err == nil {
		t.Error("nothing is left, and no error")
	}
	week := window.Window{From: at(t, "2026-03-01T12:00:00Z"), To: at(t, "2026-03-01T13:00:00Z")}
	if _, err := indexname.Resolve([]string{"<logs-{now{HH.mm.ss}}>"}, week.To, week); err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Errorf("3600 names: %v", err)
	}
}

// TestResolveFindsAll: the names over a window are exactly the names at its moments.
func TestResolveFindsAll(t *testing.T) {
	names := []string{
		"<a-{now/d}>", "<a-{now-6h/d}>", "<a-{now/M{yyyy.MM}}>", "<a-{now-1M/d}>", "<a-{now-1M-6h{dd}}>", "<a-{now/w}>", "<a-{now{HH}}>",
		"<a-{now/d{yyyy.MM.dd|+05:45}}>", "<a-{now/d{yyyy.MM.dd|America/New_York}}>", "<a-{now/d{dd|Pacific/Apia}}-{now+1h{HH}}>", "<a-{now+90m/h{dd.HH}}>",
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "name")
		from := time.Date(2026, 2, 25, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 60*24*60).Draw(t, "from")) * time.Minute)
		to := from.Add(time.Duration(rapid.IntRange(1, 4*24*60).Draw(t, "minutes")) * time.Minute)
		slot := to.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "delay")) * time.Minute)
		got, err := indexname.Resolve([]string{name}, slot, window.Window{From: from, To: to})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		add := func(at time.Time) {
			one, err := indexname.Resolve([]string{name}, at, window.Window{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(want, one[0]) {
				want = append(want, one[0])
			}
		}
		for at := from; at.Before(to); at = at.Add(time.Minute) {
			add(at)
		}
		add(slot)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s over %s to %s, slot %s (-want +got):\n%s", name, from, to, slot, diff)
		}
	})
}
