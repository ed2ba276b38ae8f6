package pushdown_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// lines are events of two shapes: of Elastic's schema, and as Splunk has them.
const lines = `{"_index": "logs-agent-1", "_id": "1", "_source": {"@timestamp": "2026-01-01T10:00:00.500Z", "event": {"dataset": "agent"}, "process": {"command_line": "curl -K x", "executable": "/bin/curl"}, "host": {"name": "web"}}}
{"_index": "logs-agent-1", "_id": "2", "_source": {"@timestamp": "2026-01-01T10:01:00Z", "event": {"dataset": "agent"}, "process": {"command_line": "curl -k y", "executable": "/bin/curl"}, "host": {"name": "db"}}}
{"_index": "logs-agent-1", "_id": "3", "_source": {"@timestamp": "2026-01-01T10:02:00Z", "event": {"dataset": "other"}, "process": {"command_line": "curl -k z"}, "host": {"name": "db"}}}
{"_index": "logs-agent-1", "_id": "4", "_source": {"@timestamp": "2026-01-01T12:00:00Z", "event": {"dataset": "agent"}, "process": {"command_line": "curl -k late"}, "host": {"name": "db"}}}
{"_index": "splunk-1", "_id": "5", "_source": {"@timestamp": "2026-01-01T10:03:00Z", "sourcetype": "plain", "who": ["ann", "bob"]}}
{"_index": "logs-p", "_id": "6", "_source": {"@timestamp": "2026-01-01T10:04:00Z", "event": {"category": "process"}, "process": {"name": "cmd.exe"}, "user": {"name": "ann"}}}
{"_index": "logs-p", "_id": "7", "_source": {"@timestamp": "2026-01-01T10:05:00Z", "event": {"category": "process"}, "process": {"name": "CMD.exe"}}}
`

// TestSource runs searches over events in files, through the map.
func TestSource(t *testing.T) {
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines)})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	source := &pushdown.Events{Search: events, Map: load(t), Index: []string{"splunk-*"}}
	w := splunk.Window{
		Earliest: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), Latest: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
		Now: time.Date(2026, 1, 1, 12, 10, 0, 0, time.UTC),
	}
	for _, tt := range []struct {
		search string
		want   []map[string]any
	}{
		{`source=agent process="*-k*" | table process dest _time _id`, []map[string]any{
			{"process": "curl -k y", "dest": "db", "_time": int64(1767261660), "_id": "2"},
			{"process": "curl -K x", "dest": "web", "_time": 1767261600.5, "_id": "1"},
		}},
		{`source=agent exe=CURL NOT dest=db | table process`, []map[string]any{{"process": "curl -K x"}}},
		{`sourcetype=plain who!=ann | table who`, []map[string]any{{"who": []any{"ann", "bob"}}}},
		{`sourcetype=plain OR source=agent | stats count by sourcetype`, []map[string]any{
			{"sourcetype": "agent:exec", "count": int64(2)}, {"sourcetype": "plain", "count": int64(1)},
		}},
		{`| tstats count from datamodel=Endpoint.Processes where Processes.process_name=cmd.exe by Processes.user`, []map[string]any{
			{"Processes.user": "ann", "count": int64(1)}, {"Processes.user": "unknown", "count": int64(1)},
		}},
		{`source=agent | head 1 | table dest`, []map[string]any{{"dest": "db"}}},
		{`sourcetype=nowhere`, nil},
	} {
		s, diags := spl.ParseText(diag.NewText("search", tt.search), none{})
		if s == nil {
			t.Fatal(diags)
		}
		var got []map[string]any
		err := splunk.Run(t.Context(), s, splunk.Env{}, source, w, func(row splunk.Row) error {
			got = append(got, row.Native())
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", tt.search, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.search, diff)
		}
	}
}

// TestTimesOfSources: the time of a row is the one that the event's index has, whichever way it is mapped.
func TestTimesOfSources(t *testing.T) {
	for _, tt := range []struct{ name, mapping, source string }{
		{"plain", `{"@timestamp":{"type":"date"}}`, `"@timestamp":"2026-01-01T10:01:00.5Z"`},
		{"seconds", `{"@timestamp":{"type":"date","format":"epoch_second"}}`, `"@timestamp":1767261660.5`},
		{"an alias", `{"@timestamp":{"type":"alias","path":"when"},"when":{"type":"date"}}`, `"when":"2026-01-01T10:01:00.5Z"`},
		{"day before month", `{"@timestamp":{"type":"date","format":"dd/MM/yyyy HH:mm:ss.S"}}`, `"@timestamp":"01/01/2026 10:01:00.5"`},
		{"nanoseconds", `{"@timestamp":{"type":"date_nanos"}}`, `"@timestamp":"2026-01-01T10:01:00.500000000Z"`},
	} {
		table, err := mapping.ParseIndices([]byte(`{"mappings":{"properties":` + tt.mapping + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		line := `{"_index":"splunk-1","_id":"1","_source":{"sourcetype":"plain",` + tt.source + `}}`
		events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(line), Mapping: table})
		if err != nil || diags.HasErrors() {
			t.Fatal(err, diags)
		}
		t.Cleanup(func() { _ = events.Close() })
		source := &pushdown.Events{Search: events, Map: load(t), Index: []string{"splunk-*"}}
		s, diags := spl.ParseText(diag.NewText("search", `sourcetype=plain | table _time`), none{})
		if s == nil {
			t.Fatal(diags)
		}
		w := splunk.Window{Earliest: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), Latest: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
		var got []any
		if err := splunk.Run(t.Context(), s, splunk.Env{}, source, w, func(row splunk.Row) error {
			got = append(got, row.Native()["_time"])
			return nil
		}); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff([]any{1767261660.5}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// none has no macros.
type none struct{}

func (none) Macro(string, int) (spl.Macro, []int, bool) { return spl.Macro{}, nil, false }

// TestSourceOfSlot: dates in the names of indices are those of the scan's own time, and date math in a filter
// of the map is that of the slot.
func TestSourceOfSlot(t *testing.T) {
	m := loadText(t, `[[source]]
name = "new"
when = { sourcetype = "new" }
index = ["<logs-{now/d}>"]
where = "event.dataset:new and file.created >= now-2h"
`)
	at := func(day, hour int) time.Time { return time.Date(2026, 1, day, hour, 0, 0, 0, time.UTC) }
	var text strings.Builder
	for i, e := range []struct {
		index            string
		happened, create time.Time
	}{
		{"logs-2026.01.01", at(1, 23), at(2, 0)},
		{"logs-2026.01.02", at(2, 1), at(2, 1)},
		{"logs-2026.01.02", at(2, 1), at(1, 20)},
		{"logs-2026.01.03", at(2, 1), at(2, 1)},
		{"logs-2026.01.01", at(1, 5), at(2, 1)},
		{"own-2026.01.02", at(2, 1), at(2, 1)},
	} {
		fmt.Fprintf(&text, `{"_index":%q,"_id":"%d","_source":{"@timestamp":%q,%q:"new","file":{"created":%q}}}`+"\n",
			e.index, i, e.happened.Format(time.RFC3339), map[bool]string{true: "sourcetype", false: "event.dataset"}[strings.HasPrefix(e.index, "own")], e.create.Format(time.RFC3339))
	}
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(text.String())})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = events.Close() })
	slot := at(2, 1).Add(time.Second)
	source := &pushdown.Events{Search: events, Map: m, Index: []string{"<own-{now/d}>"}, Slot: slot}
	s, diags := spl.ParseText(diag.NewText("search", `sourcetype=new | table _id | sort _id`), none{})
	if s == nil {
		t.Fatal(diags)
	}
	var got []any
	w := splunk.Window{Earliest: at(1, 22), Latest: slot, Now: slot}
	if err := splunk.Run(t.Context(), s, splunk.Env{}, source, w, func(row splunk.Row) error {
		got = append(got, row.Native()["_id"])
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"0", "1", "5"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
