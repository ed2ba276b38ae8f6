//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// splEvents have Splunk's field names; the third one is outside of the window.
var splEvents = []string{
	`{"@timestamp": "2026-01-01T10:00:00.500Z", "sourcetype": "exec", "process": "/usr/bin/curl -k https://a", "host": "web", "pid": 7, "ip": "10.1.2.3"}`,
	`{"@timestamp": "2026-01-01T10:01:00Z", "sourcetype": "Exec", "process": "Curl --INSECURE https://b", "host": ["db", "db-2"], "pid": 12}`,
	`{"@timestamp": "2026-01-01T11:00:00Z", "sourcetype": "exec", "process": "curl -k https://late", "host": "web", "pid": 9}`,
	`{"@timestamp": "2026-01-01T10:02:00Z", "sourcetype": "exec", "process": "wget https://a", "host": "web", "pid": 100, "ip": "11.1.2.3"}`,
	`{"@timestamp": "2026-01-01T10:03:00Z", "sourcetype": "other", "process": "curl -k https://a"}`,
}

// TestSPLAgrees: searches over a cluster and over memory have the same results.
func TestSPLAgrees(t *testing.T) {
	n := newNode(t)
	index := n.Name("spl")
	properties := `{"properties": {"@timestamp": {"type": "date"}, "sourcetype": {"type": "keyword"}, "process": {"type": "wildcard"},
		"host": {"type": "keyword"}, "pid": {"type": "long"}, "ip": {"type": "ip"}}}`
	n.CreateIndex(t, index, json.RawMessage(properties))
	var bulk, lines strings.Builder
	for i, e := range splEvents {
		fmt.Fprintf(&bulk, "{\"create\": {\"_index\": %q, \"_id\": \"%d\"}}\n%s\n", index, i, e)
		fmt.Fprintf(&lines, "{\"_index\": %q, \"_id\": \"%d\", \"_source\": %s}\n", index, i, e)
	}
	n.Bulk(t, bulk.String())
	n.Refresh(t, index)
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	table, err := mapping.ParseIndices([]byte(properties))
	if err != nil {
		t.Fatal(err)
	}
	files, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(lines.String()), Mapping: table})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	t.Cleanup(func() { _ = files.Close() })
	w := splunk.Window{
		Earliest: time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC), Latest: time.Date(2026, 1, 1, 11, 0, 0, 0, time.UTC),
		Now: time.Date(2026, 1, 1, 11, 10, 0, 0, time.UTC),
	}
	for search, rows := range map[string]int{
		`sourcetype=exec | regex process="(?i)(?<!\w)-(?:[a-z]*k[a-z]*|-insecure)" | stats count min(_time) as first values(process) as process by host`: 3,
		`sourcetype=exec process=*CURL* | table process`: 2, `sourcetype=exec host!=db | table host`: 3, `NOT sourcetype=exec | table process`: 1,
		`pid>9 | table pid`: 2, `pid=1* | table pid`: 2, `ip=10.0.0.0/8 | table ip`: 1, `NOT ip=10.0.0.0/8 | table process`: 3, `wget | table process`: 1,
		`sourcetype=exec OR sourcetype=other process=curl* | eval n = len(process) | sort n | table n`: 2,
	} {
		s, diags := spl.ParseText(diag.NewText("search", search), noMacros{})
		if s == nil {
			t.Fatal(diags)
		}
		results := func(source splunk.Source) (out []any) {
			err := splunk.Run(t.Context(), s, splunk.Env{}, source, w, func(row splunk.Row) error {
				out = append(out, row.Native())
				return nil
			})
			if err != nil {
				t.Errorf("%s: %v", search, err)
			}
			return out
		}
		inMemory := results(&pushdown.Events{Search: files, Map: pushdown.Default(), Index: []string{index}})
		onCluster := results(&pushdown.Events{Search: client, Map: pushdown.Default(), Index: []string{index}})
		if diff := cmp.Diff(inMemory, onCluster); diff != "" || len(onCluster) != rows {
			t.Errorf("%s: %d rows, want %d (-memory +cluster):\n%s", search, len(onCluster), rows, diff)
		}
	}
}

type noMacros struct{}

func (noMacros) Macro(string, int) (spl.Macro, []int, bool) { return spl.Macro{}, nil, false }

// TestSPLUnmapped finds events by unmapped fields: one index drops such fields silently, one keeps fields below an
// object with enabled: false, and one has reached its field limit.
func TestSPLUnmapped(t *testing.T) {
	n := newNode(t)
	bodies := map[string]string{
		"drops": `{"mappings": {"dynamic": false, "properties": {"@timestamp": {"type": "date"}, "host": {"type": "keyword"}}}}`,
		"keeps": `{"mappings": {"properties": {"@timestamp": {"type": "date"}, "host": {"type": "keyword"}, "own": {"type": "object", "enabled": false}}}}`,
		"full": `{"settings": {"index.mapping.total_fields.limit": 3, "index.mapping.total_fields.ignore_dynamic_beyond_limit": true},
			"mappings": {"properties": {"@timestamp": {"type": "date"}, "host": {"type": "keyword"}}}}`,
		"maps": `{"mappings": {"properties": {"@timestamp": {"type": "date"}, "host": {"type": "keyword"}, "user": {"type": "keyword"},
			"own": {"properties": {"name": {"type": "keyword"}, "size": {"type": "long"}}}}}}`,
	}
	var bulk strings.Builder
	prefix := n.Name("unmapped")
	for name, body := range bodies {
		index := prefix + "-" + name
		n.Must(t, "PUT", "/"+index, json.RawMessage(body))
		for i, e := range []string{
			`{"@timestamp": "2026-01-01T10:00:00Z", "host": "web", "user": "ann", "own": {"name": "x y", "size": 7}}`,
			`{"@timestamp": "2026-01-01T10:01:00Z", "host": "web", "user": "bob"}`,
			`{"@timestamp": "2026-01-01T10:02:00Z", "host": "db"}`,
		} {
			fmt.Fprintf(&bulk, "{\"create\": {\"_index\": %q, \"_id\": \"%d\"}}\n%s\n", index, i, e)
		}
	}
	n.Bulk(t, bulk.String())
	n.Refresh(t, prefix+"-*")
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	w := splunk.Window{Latest: time.Date(2026, 1, 1, 11, 0, 0, 0, time.UTC), Now: time.Date(2026, 1, 1, 11, 0, 0, 0, time.UTC)}
	for search, want := range map[string]int64{
		`user=ann`: 1, `user!=ann`: 1, `NOT user=ann`: 2, `user=*`: 2, `user=A*`: 1, `own.name="x y"`: 1, `own.size>6`: 1, `NOT own.size>6`: 2, `host=web (user=bob OR own.size=7)`: 2,
		`NOT (host=web NOT user=ann)`: 2, `user IN (ann, bob)`: 2, `nowhere=1`: 0,
	} {
		for name := range bodies {
			s, diags := spl.ParseText(diag.NewText("search", search+" | stats count as n"), noMacros{})
			if s == nil {
				t.Fatal(diags)
			}
			var got []any
			err := splunk.Run(t.Context(), s, splunk.Env{}, &pushdown.Events{Search: client, Map: pushdown.Default(), Index: []string{prefix + "-" + name}}, w, func(row splunk.Row) error {
				got = append(got, row.Native()["n"])
				return nil
			})
			if err != nil {
				t.Errorf("%s in %s: %v", search, name, err)
			}
			if diff := cmp.Diff([]any{want}, got); diff != "" {
				t.Errorf("%s in %s (-want +got):\n%s", search, name, diff)
			}
		}
	}
}

// TestSPLTimes finds events by a time that is a date in one index and a number in others.
func TestSPLTimes(t *testing.T) {
	n := newNode(t)
	prefix := n.Name("times")
	var bulk strings.Builder
	for name, own := range map[string][2]string{
		"dates": {`"date"`, `"2026-01-01T10:00:30.5Z"`}, "millis": {`"date"`, `1767261630500`}, "seconds": {`"date", "format": "epoch_second"`, `1767261630.5`},
		"doubles": {`"double"`, `1767261630.5`}, "longs": {`"long"`, `1767261630`}, "texts": {`"double"`, `"1767261630.500"`},
	} {
		n.CreateIndex(t, prefix+"-"+name, json.RawMessage(`{"properties": {"_time": {"type": `+own[0]+`}}}`))
		fmt.Fprintf(&bulk, "{\"create\": {\"_index\": %q}}\n{\"k\": %q, \"_time\": %s}\n", prefix+"-"+name, name, own[1])
	}
	n.CreateIndex(t, prefix+"-usual", json.RawMessage(`{"properties": {"@timestamp": {"type": "date"}, "_time": {"type": "keyword"}}}`))
	fmt.Fprintf(&bulk, "{\"create\": {\"_index\": %q}}\n{\"k\": \"usual\", \"@timestamp\": \"2026-01-01T10:00:30Z\", \"_time\": \"noon\"}\n", prefix+"-usual")
	n.Bulk(t, bulk.String())
	n.Refresh(t, prefix+"-*")
	client, err := elastic.New(elastic.Config{URLs: []string{n.URL}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	s, diags := spl.ParseText(diag.NewText("search", "k=* | eval at = floor(_time) | stats count by at"), noMacros{})
	if s == nil {
		t.Fatal(diags)
	}
	at := time.Date(2026, 1, 1, 10, 0, 30, 0, time.UTC)
	for _, tt := range []struct {
		from, to time.Time
		want     int64
	}{
		{at, at.Add(time.Second), 7}, {at.Add(-time.Hour), at, 0}, {at.Add(time.Second), at.Add(time.Hour), 0}, {at.Add(200 * time.Millisecond), at.Add(time.Hour), 5},
	} {
		var got int64
		err := splunk.Run(t.Context(), s, splunk.Env{}, &pushdown.Events{Search: client, Map: pushdown.Default(), Index: []string{prefix + "-*"}},
			splunk.Window{Earliest: tt.from, Latest: tt.to, Now: tt.to}, func(row splunk.Row) error {
				count, _ := row.Get("count").Float()
				got += int64(count)
				return nil
			})
		if err != nil || got != tt.want {
			t.Errorf("from %s to %s: %d events, want %d: %v", tt.from, tt.to, got, tt.want, err)
		}
	}
}
