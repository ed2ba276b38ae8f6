package search_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

var (
	from = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to   = from.Add(5*time.Minute + time.Microsecond)
)

func TestTimeRangeCondition(t *testing.T) {
	both := window.Window{From: from, To: to}
	for _, tt := range []struct {
		name string
		r    search.TimeRange
		want string
	}{
		{"no field", search.TimeRange{Window: both}, "true"},
		{"no bounds", search.TimeRange{Field: "@timestamp"}, "true"},
		{"both bounds", search.TimeRange{Field: "@timestamp", Window: both}, `(range @timestamp gte "2026-01-01T00:00:00.000Z" lt "2026-01-01T00:05:00.000001Z" format "strict_date_optional_time")`},
		{"from", search.TimeRange{Field: "@timestamp", Window: window.Window{From: from}}, `(range @timestamp gte "2026-01-01T00:00:00.000Z" format "strict_date_optional_time")`},
		{"to", search.TimeRange{Field: "@timestamp", Window: window.Window{To: from}}, `(range @timestamp lt "2026-01-01T00:00:00.000Z" format "strict_date_optional_time")`},
		{"fallback to itself", search.TimeRange{Field: "t", Fallback: "t", Window: window.Window{To: from}}, `(range t lt "2026-01-01T00:00:00.000Z" format "strict_date_optional_time")`},
		{
			"fallback",
			search.TimeRange{Field: "event.ingested", Fallback: "@timestamp", Window: window.Window{From: from}},
			`(or (range event.ingested gte "2026-01-01T00:00:00.000Z" format "strict_date_optional_time") (and (range @timestamp gte "2026-01-01T00:00:00.000Z" format "strict_date_optional_time") (not (exists event.ingested))))`,
		},
	} {
		if diff := cmp.Diff(tt.want, tt.r.Condition().String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestFilter(t *testing.T) {
	where := condition.Term{Field: "k", Value: "a"}
	for _, tt := range []struct {
		r    search.Request
		want string
	}{
		{search.Request{Where: where}, `(term k "a")`},
		{search.Request{Where: condition.Const(true)}, "true"},
		{
			search.Request{Where: condition.Const(true), Time: search.TimeRange{Field: "t", Window: window.Window{From: from}}},
			`(range t gte "2026-01-01T00:00:00.000Z" format "strict_date_optional_time")`,
		},
		{
			search.Request{Where: where, Time: search.TimeRange{Field: "t", Window: window.Window{From: from}}},
			`(and (range t gte "2026-01-01T00:00:00.000Z" format "strict_date_optional_time") (term k "a"))`,
		},
		{search.Request{Where: condition.Const(false), Time: search.TimeRange{Field: "t", Window: window.Window{From: from}}}, "false"},
	} {
		if diff := cmp.Diff(tt.want, tt.r.Filter().String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestBody(t *testing.T) {
	const byTime = `{"@timestamp":{"format":"strict_date_optional_time_nanos","numeric_type":"date","order":"asc","unmapped_type":"date"}}`
	for _, tt := range []struct {
		name string
		r    search.Request
		want string
	}{
		{
			"everything",
			search.Request{Where: condition.Const(true), Time: search.TimeRange{Field: "@timestamp"}},
			`{"query":{"bool":{"filter":[{"match_all":{}}]}},"size":1000,"sort":[` + byTime + `],"track_total_hits":true}`,
		},
		{
			"nothing",
			search.Request{Where: condition.Const(false), Time: search.TimeRange{Field: "@timestamp"}, PageSize: 10},
			`{"query":{"bool":{"filter":[{"match_none":{}}]}},"size":10,"sort":[` + byTime + `],"track_total_hits":true}`,
		},
		{
			"a rule's",
			search.Request{
				Where:      condition.And{condition.Term{Field: "k", Value: "<a>"}, condition.Exists{Field: "o"}},
				Time:       search.TimeRange{Field: "@timestamp", Fallback: "@timestamp", Window: window.Window{From: from}},
				Tiebreaker: "seq", Fields: []string{"k"},
			},
			`{"fields":["k"],"query":{"bool":{"filter":[` +
				`{"range":{"@timestamp":{"format":"strict_date_optional_time","gte":"2026-01-01T00:00:00.000Z"}}},` +
				`{"bool":{"filter":[{"term":{"k":{"value":"<a>"}}},{"exists":{"field":"o"}}]}}]}},"size":1000,` +
				`"sort":[` + byTime + `,{"seq":{"order":"asc","unmapped_type":"long"}}],"track_total_hits":true}`,
		},
		{
			"newest first, two times, one of them finer",
			search.Request{
				Where: condition.Const(true), Time: search.TimeRange{Field: "a", Fallback: "b"}, Descending: true,
				FieldTypes: mapping.Table{"a": {Name: "a", Type: mapping.DateNanos}},
			},
			`{"query":{"bool":{"filter":[{"match_all":{}}]}},"size":1000,"sort":[` +
				`{"a":{"format":"strict_date_optional_time_nanos","numeric_type":"date_nanos","order":"desc","unmapped_type":"date"}},` +
				`{"b":{"format":"strict_date_optional_time_nanos","numeric_type":"date","order":"desc","unmapped_type":"date"}}],"track_total_hits":true}`,
		},
	} {
		got, err := search.JSON(tt.r.Body(), "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestJSON(t *testing.T) {
	got, err := search.JSON(map[string]any{"a": "<&>"}, "  ")
	if want := "{\n  \"a\": \"<&>\"\n}"; err != nil || string(got) != want {
		t.Errorf("%q, error %v, want %q", got, err, want)
	}
	if _, err := search.JSON(func() {}, ""); err == nil || !strings.Contains(err.Error(), "encode request") {
		t.Errorf("a function: error %v", err)
	}
}

func TestFormatTime(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{from, "2026-01-01T00:00:00.000Z"},
		{from.Add(5 * time.Millisecond), "2026-01-01T00:00:00.005Z"},
		{from.Add(time.Microsecond), "2026-01-01T00:00:00.000001Z"},
		{from.Add(time.Nanosecond).In(time.FixedZone("", 3600)), "2026-01-01T00:00:00.000000001Z"},
	} {
		if got := search.FormatTime(tt.at); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.at, got, tt.want)
		}
	}
}

// A time that is written for a search is read back as the same moment, with nothing left to round.
func TestFormatTimeIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano"))
		for _, format := range []string{"strict_date_optional_time", "strict_date_optional_time_nanos", ""} {
			got, precision, err := mapping.ParseDate(search.FormatTime(at), format)
			if err != nil || !got.Equal(at) || precision != mapping.Exact {
				t.Errorf("%s as %q: %s to the %d, error %v", search.FormatTime(at), format, got, precision, err)
			}
		}
	})
}

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		patterns []string
		want     string
	}{
		{[]string{"logs-*", ".ds-x"}, "/logs-*,.ds-x/_search?ignore_unavailable=true&allow_no_indices=true"},
		{[]string{"<logs-{now/d}>"}, "/%3Clogs-%7Bnow%2Fd%7D%3E/_search?ignore_unavailable=true&allow_no_indices=true"},
		{[]string{"cluster:logs-*"}, "/cluster:logs-*/_search?ignore_unavailable=true&allow_no_indices=true"},
	} {
		got := search.Path(tt.patterns)
		if got != tt.want {
			t.Errorf("%v: %s, want %s", tt.patterns, got, tt.want)
		}
		if _, err := url.Parse("http://127.0.0.1" + got); err != nil {
			t.Errorf("%v: %v", tt.patterns, err)
		}
	}
}

func TestSize(t *testing.T) {
	for size, want := range map[int]int{0: search.DefaultPageSize, -1: search.DefaultPageSize, 7: 7} {
		if got := (search.Request{PageSize: size}).Size(); got != want {
			t.Errorf("%d: %d, want %d", size, got, want)
		}
	}
}
