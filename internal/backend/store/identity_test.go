package store_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// everything requests all events.
var everything = search.Request{Time: search.TimeRange{Field: search.DefaultTimestamp}}

// The ids of events without one are part of the identity of alerts: they must never change.
func TestForms(t *testing.T) {
	const content, empty = "44197f3477bc9000f6a4f4e2c068fa1da8bbb867", "cf12b9aa38445e4bbff7e768dd4c151395179268"
	tests := []struct {
		name, in string
		want     event.Event
	}{
		{"plain", `{"a":1,"b":["x",null,true,{}]}`, event.Event{ID: content, Source: []byte(`{"a":1,"b":["x",null,true,{}]}`)}},
		{"same content written otherwise", `{ "b" : ["\u0078", null,true,{ }], "a":1 }`, event.Event{ID: content, Source: []byte(`{ "b" : ["\u0078", null,true,{ }], "a":1 }`)}},
		{"same content wrapped", `{"_index":"i","_source":{"a":1,"b":["x",null,true,{}]}}`, event.Event{Index: "i", ID: content, Source: []byte(`{"a":1,"b":["x",null,true,{}]}`)}},
		{"same content with an index", `{"_index":"i","b":["x",null,true,{}],"a":1}`, event.Event{Index: "i", ID: content, Source: []byte(`{"b":["x",null,true,{}],"a":1}`)}},
		{"wrapped, with more metadata", `{"_index":"i","_id":"7","_score":1,"_source":{"a":"<&>"}}`, event.Event{Index: "i", ID: "7", Source: []byte(`{"a":"<&>"}`)}},
		{"plain, with an id", `{"_id":"7","a":"<&>","n":12345678901234567890}`, event.Event{ID: "7", Source: []byte(`{"a":"<&>","n":12345678901234567890}`)}},
		{"not wrapped: another name", `{"_source":{"a":1},"_id":"7","b":2}`, event.Event{ID: "7", Source: []byte(`{"_source":{"a":1},"b":2}`)}},
		{"not wrapped: source is no object", `{"_source":"s","_id":"7"}`, event.Event{ID: "7", Source: []byte(`{"_source":"s"}`)}},
		{"data stream", `{"_id":"7","data_stream":{"type":"logs","dataset":"d"},"data_stream.namespace":"n"}`, event.Event{Index: "logs-d-n", ID: "7", Source: []byte(`{"data_stream":{"type":"logs","dataset":"d"},"data_stream.namespace":"n"}`)}},
		{"wrapped data stream", `{"_id":"7","_source":{"data_stream":{"type":"logs","dataset":"d","namespace":"n"}}}`, event.Event{Index: "logs-d-n", ID: "7", Source: []byte(`{"data_stream":{"type":"logs","dataset":"d","namespace":"n"}}`)}},
		{"half a data stream", `{"_id":"7","data_stream":{"type":"logs"}}`, event.Event{ID: "7", Source: []byte(`{"data_stream":{"type":"logs"}}`)}},
		{"its own index first", `{"_id":"7","_index":"i","_source":{"data_stream":{"type":"logs","dataset":"d","namespace":"n"}}}`, event.Event{Index: "i", ID: "7", Source: []byte(`{"data_stream":{"type":"logs","dataset":"d","namespace":"n"}}`)}},
		{"metadata behind and between", `{ "a" : 1 , "_id":"7" ,"b":[2]	, "_index":"i" } `, event.Event{Index: "i", ID: "7", Source: []byte(`{"a" : 1 ,"b":[2]}`)}},
		{"nothing but metadata", `{"_index":"i","_id":"7"}`, event.Event{Index: "i", ID: "7", Source: []byte(`{}`)}},
		{"the last of several counts", `{"_id":1,"_index":"h","a":1,"_id":"7","_index":"i"}`, event.Event{Index: "i", ID: "7", Source: []byte(`{"a":1}`)}},
		{"escapes", `{"\u005fid":"\u0037","a":1,"_inde\u0078":"\"i"}`, event.Event{Index: `"i`, ID: "7", Source: []byte(`{"a":1}`)}},
		{"an id that is empty", `{"_id":"","_index":"","a":1,"b":["x",null,true,{}]}`, event.Event{ID: content, Source: []byte(`{"a":1,"b":["x",null,true,{}]}`)}},
		{"names of metadata further in", `{"_id":"7","a":{"_id":"8","_source":{}},"b":"_index"}`, event.Event{ID: "7", Source: []byte(`{"a":{"_id":"8","_source":{}},"b":"_index"}`)}},
		{"empty", `{}`, event.Event{ID: empty, Source: []byte(`{}`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := searchAll(t, mustEvents(t, tt.in), everything)
			if d := cmp.Diff([]event.Event{tt.want}, got, byContent); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestContentTellsEventsApart(t *testing.T) {
	lines := []string{
		`{}`, `{"a":1}`, `{"a":1.0}`, `{"a":"1"}`, `{"a":true}`, `{"a":"true"}`, `{"a":null}`, `{"a":[1]}`, `{"a":[]}`, `{"a":{}}`, `{"a":[[1],2]}`,
		`{"a":[[1,2]]}`, `{"a.b":1}`, `{"a":{"b":1}}`, `{"a":"b","c":"d"}`, `{"a":"bc","d":""}`, `{"":""}`,
	}
	ids := map[string]string{}
	for i, e := range searchAll(t, mustEvents(t, lines...), everything) {
		if other, found := ids[e.ID]; found {
			t.Errorf("%s and %s have the same id", other, lines[i])
		}
		ids[e.ID] = lines[i]
	}
}

// Equal lines are separate hits with one identity.
func TestEqualLines(t *testing.T) {
	path := writeFile(t, "f", "{\"a\":1}\n{\"a\":1}\n")
	copied := writeFile(t, "copy", "{\"a\":1}\r\n")
	e, _ := openEvents(t, store.EventsOptions{Files: []string{path, copied}, Index: "logs-x"})
	hits := searchAll(t, e, everything)
	var keys []string
	for _, h := range hits {
		keys = append(keys, h.Index+"/"+h.ID)
	}
	if len(hits) != 3 || keys[0] != keys[1] || keys[1] != keys[2] || !strings.HasPrefix(keys[0], "logs-x/") {
		t.Error(keys)
	}
}
