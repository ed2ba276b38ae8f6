package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// ids joins the ids of events, in their order.
func ids(events []event.Event) string {
	out := make([]string, len(events))
	for i, e := range events {
		out[i] = e.ID
	}
	return strings.Join(out, " ")
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestOrder(t *testing.T) {
	types := mapping.Table{}
	for _, f := range []mapping.Field{
		{Name: "@timestamp", Type: mapping.Date},
		{Name: "event.ingested", Type: mapping.Date},
		{Name: "nanos", Type: mapping.DateNanos},
		{Name: "long", Type: mapping.Long},
		{Name: "float", Type: mapping.Double},
		{Name: "word", Type: mapping.Keyword},
		{Name: "flag", Type: mapping.Boolean},
		{Name: "ip", Type: mapping.IP},
		{Name: "version", Type: mapping.Version},
		{Name: "unknown"},
	} {
		types[f.Name] = f
	}
	const times = `{"_id":"c","@timestamp":"2026-01-03"}
{"_id":"none"}
{"_id":"b","event.ingested":1767312000000}
{"_id":"a","@timestamp":["2026-01-01T00:00:00Z","2026-01-04"],"event.ingested":"2026-01-09"}`
	tests := []struct {
		name, in  string
		time      search.TimeRange
		tie, want string
		backwards string
	}{
		{"file order", `{"_id":"b"} {"_id":"a"} {"_id":"c"}`, search.TimeRange{}, "", "b a c", "b a c"},
		{"time, missing last", times, search.TimeRange{Field: "@timestamp"}, "", "a c none b", "a c none b"},
		{"time, then fallback, missing last", times, search.TimeRange{Field: "@timestamp", Fallback: "event.ingested"}, "", "a c b none", "a c b none"},
		{"milliseconds", `{"_id":"b","@timestamp":"2026-01-01T00:00:00.0009Z"} {"_id":"a","@timestamp":"2026-01-01T00:00:00.0001Z"}`, search.TimeRange{Field: "@timestamp"}, "", "b a", "b a"},
		{"nanoseconds", `{"_id":"b","nanos":"2026-01-01T00:00:00.0009Z"} {"_id":"a","nanos":"2026-01-01T00:00:00.0001Z"}`, search.TimeRange{Field: "nanos"}, "", "a b", "b a"},
		{"integers", `{"_id":"b","long":9007199254740993} {"_id":"a","long":-3} {"_id":"n","long":"x"} {"_id":"c","long":[9007199254740994,-4]}`, search.TimeRange{}, "long", "c a b n", "c b a n"},
		{"floats", `{"_id":"c","float":1.5} {"_id":"a","float":-2.5} {"_id":"b","float":-0.0} {"_id":"b2","float":0} {"_id":"a2","float":-1e-3}`, search.TimeRange{}, "float", "a a2 b b2 c", "c b b2 a2 a"},
		{"words", `{"_id":"b","word":"b"} {"_id":"a","word":"B"} {"_id":"c","word":"é"}`, search.TimeRange{}, "word", "a b c", "c b a"},
		{"flags", `{"_id":"t","flag":true} {"_id":"f","flag":false} {"_id":"n"}`, search.TimeRange{}, "flag", "f t n", "t f n"},
		{"addresses", `{"_id":"b","ip":"10.0.0.10"} {"_id":"a","ip":"10.0.0.9"} {"_id":"c","ip":"2001:db8::1"}`, search.TimeRange{}, "ip", "a b c", "c b a"},
		{"versions", `{"_id":"b","version":"1.10.0"} {"_id":"a","version":"1.9.0"}`, search.TimeRange{}, "version", "a b", "b a"},
		{"type not known", `{"_id":"w","unknown":"w"} {"_id":"2","unknown":"20"} {"_id":"1","unknown":9}`, search.TimeRange{}, "unknown", "1 2 w", "w 2 1"},
		{"time of no known type", `{"_id":"b","unknown":"2026-01-01T00:00:00+01:00"} {"_id":"a","unknown":"2025-12-31T22:00:00Z"}`, search.TimeRange{Field: "unknown"}, "", "a b", "b a"},
		{"tiebreaker after time", `{"_id":"c","@timestamp":2,"long":1} {"_id":"b","@timestamp":1,"long":2} {"_id":"a","@timestamp":1,"long":1}`, search.TimeRange{Field: "@timestamp"}, "long", "a b c", "c b a"},
		{"fields that are not mapped", `{"_id":"b","x":2} {"_id":"a","x":1}`, search.TimeRange{Field: "x"}, "y", "b a", "b a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := mustEvents(t, strings.ReplaceAll(tt.in, "} {", "}\n{"))
			r := search.Request{Time: tt.time, Tiebreaker: tt.tie, FieldTypes: types, PageSize: 2}
			if d := cmp.Diff(tt.want, ids(searchAll(t, e, r))); d != "" {
				t.Error("oldest first", d)
			}
			r.Descending = true
			if d := cmp.Diff(tt.backwards, ids(searchAll(t, e, r))); d != "" {
				t.Error("newest first", d)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	e := mustEvents(t,
		`{"_index":"logs-a","_id":"1","_source":{"@timestamp":"2026-01-01T00:00:00Z","process":{"name":"cmd.exe"},"port":"80"}}`,
		`{"_index":"logs-b","_id":"2","_source":{"@timestamp":"2026-01-01T01:00:00Z","process.name":["x","CMD.EXE"]}}`,
		`{"_index":"logs-b","_id":"3","_source":{"event":{"ingested":"2026-01-01T00:30:00Z"},"process":{"name":"sh"}}}`,
	)
	cmd := condition.Term{Field: "process.name", Value: "cmd.exe", Fold: true}
	hour := search.TimeRange{Field: "@timestamp", Window: window.Window{From: at("2026-01-01T00:00:00Z"), To: at("2026-01-01T01:00:00Z")}}
	fallback := hour
	fallback.Fallback = "event.ingested"
	tests := []struct {
		name string
		r    search.Request
		want string
	}{
		{"everything", search.Request{}, "1 2 3"},
		{"condition", search.Request{Where: cmd}, "1 2"},
		{"patterns", search.Request{Where: cmd, Patterns: []string{"logs-*", "-logs-a"}}, "2"},
		{"window", search.Request{Time: hour}, "1"},
		{"window with fallback", search.Request{Time: fallback}, "1 3"},
		{"negation", search.Request{Where: condition.Not{X: cmd}}, "3"},
		{"nothing", search.Request{Where: condition.Const(false)}, ""},
		{"no index", search.Request{Patterns: []string{"none"}}, ""},
		{"other types than its own", search.Request{Where: condition.Range{Field: "port", Gt: int64(9)}, FieldTypes: mapping.Table{"port": {Name: "port", Type: mapping.Long}}}, "1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, ids(searchAll(t, e, tt.r))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSearchFields(t *testing.T) {
	constant := "prod"
	types := mapping.Table{
		"n":     {Name: "n", Type: mapping.Long},
		"alias": {Name: "alias", Type: mapping.Long, Path: "n"},
		"env":   {Name: "env", Type: mapping.ConstantKeyword, Constant: &constant},
	}
	e := mustEvents(t, `{"_id":"1","n":["5","x",6]}`, `{"_id":"2"}`)
	got := searchAll(t, e, search.Request{FieldTypes: types, Fields: []string{"alias", "env", "absent"}})
	doc, err := got[0].Document()
	if err != nil {
		t.Fatal(err)
	}
	values := fmt.Sprint(got[0].Fields, got[1].Fields, len(doc.Values(types["alias"])))
	if want := "map[absent:[] alias:[5 6] env:[prod]] map[absent:[] alias:[] env:[prod]] 2"; values != want {
		t.Errorf("fields %s, want %s", values, want)
	}
}

func TestPages(t *testing.T) {
	var lines []string
	for i := range 10 {
		lines = append(lines, fmt.Sprintf(`{"_id":"%d"}`, i))
	}
	e := mustEvents(t, lines...)
	stop := errors.New("stop")
	tests := []struct {
		name  string
		size  int
		until int
		err   error
		want  string
		pages int
	}{
		{"uneven", 4, 99, nil, "[0 1 2 3][4 5 6 7][8 9]", 3},
		{"default size", 0, 99, nil, "[0 1 2 3 4 5 6 7 8 9]", 1},
		{"ended by visit", 4, 2, nil, "[0 1 2 3][4 5 6 7]", 2},
		{"failed by visit", 4, 1, stop, "[0 1 2 3]", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			calls := 0
			result, err := e.Search(t.Context(), search.Request{PageSize: tt.size}, func(page []event.Event) (bool, error) {
				got += "[" + ids(page) + "]"
				calls++
				if calls == tt.until {
					return false, tt.err
				}
				return true, nil
			})
			if got != tt.want || !errors.Is(err, tt.err) || result.Pages != tt.pages || result.Total != 10 || result.Took <= 0 {
				t.Errorf("got %s, %+v, %v", got, result, err)
			}
		})
	}
}

func TestSearchRejected(t *testing.T) {
	e := mustEvents(t, `{"n":1,"word":"a b"}`)
	raw, err := condition.NewRaw(condition.Query{"fuzzy": condition.Query{"word": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		r    search.Request
		is   error
	}{
		{"literal", search.Request{Where: condition.Term{Field: "n", Value: "x"}}, condition.ErrLiteral},
		{"analysed text", search.Request{Where: condition.Term{Field: "word", Value: "a"}}, condition.ErrAnalysed},
		{"raw query", search.Request{Where: raw}, condition.ErrSearchOnly},
		{"order by text", search.Request{Tiebreaker: "word"}, condition.ErrAnalysed},
		{"order by an object", search.Request{Tiebreaker: "process"}, condition.ErrOperator},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "order by an object" {
				tt.r.FieldTypes = mapping.Table{"process": {Name: "process", Type: mapping.Object}}
			}
			tt.r.Patterns = []string{"logs-*", "x"}
			_, err := e.Search(t.Context(), tt.r, func([]event.Event) (bool, error) { return true, nil })
			if failure.KindOf(err) != failure.Rejected || !errors.Is(err, tt.is) || !strings.HasPrefix(err.Error(), "search events in [logs-*,x]: ") {
				t.Error(err)
			}
		})
	}
}

// A file that changes during a search must not count as one without events.
func TestChangedFile(t *testing.T) {
	tests := []struct {
		name   string
		change func(path string) error
		hits   int
		kind   failure.Kind
		failed bool
	}{
		{"removed", os.Remove, 1, failure.Partial, true},
		{"cut", func(path string) error { return os.Truncate(path, 8) }, 2, failure.Partial, true},
		{"rewritten", func(path string) error { return os.WriteFile(path, []byte(`{"n":"a long line"}`), 0o600) }, 1, failure.Partial, true},
		{"appended to", func(path string) error { return appendTo(path, "\n{\"n\":3}\n") }, 3, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, other := writeFile(t, "f", "{\"n\":1}\n{\"n\":2}"), writeFile(t, "g", "{}")
			e, _ := openEvents(t, store.EventsOptions{Files: []string{path, other}})
			if err := tt.change(path); err != nil {
				t.Fatal(err)
			}
			hits := 0
			_, err := e.Search(t.Context(), everything, func(page []event.Event) (bool, error) {
				hits += len(page)
				return true, nil
			})
			if hits != tt.hits || (err != nil) != tt.failed || tt.failed && failure.KindOf(err) != tt.kind {
				t.Errorf("%d hits, %v", hits, err)
			}
		})
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func TestCancelled(t *testing.T) {
	path := writeFile(t, "f", strings.Repeat("{\"a\":1}\n", 3000))
	e, _ := openEvents(t, store.EventsOptions{Files: []string{path}})
	ctx, cancel := context.WithCancel(t.Context())
	pages := 0
	_, err := e.Search(ctx, search.Request{PageSize: 10}, func([]event.Event) (bool, error) {
		pages++
		cancel()
		return true, nil
	})
	if !errors.Is(err, context.Canceled) || pages != 1 {
		t.Errorf("%d pages, %v", pages, err)
	}
	if _, err := e.Search(ctx, everything, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := e.Resolve(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, err := store.OpenEvents(ctx, store.EventsOptions{Files: []string{path}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Many files are read with only a few of them open.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i := range 200 {
		path := fmt.Sprintf("%s/%d.ndjson", dir, i)
		// Hits of all files alternate in the order of time.
		line := fmt.Sprintf("{\"@timestamp\":%d}\n{\"@timestamp\":%d}\n", 20_000-i, 30_000-i)
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	e, _ := openEvents(t, store.EventsOptions{Files: files})
	if hits := searchAll(t, e, everything); len(hits) != 400 || string(hits[0].Source) != `{"@timestamp":19801}` {
		t.Errorf("%d hits", len(hits))
	}
}
