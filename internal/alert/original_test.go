package alert_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
	"tocsin/internal/rule"
)

// TestCopiedFields: for every spelling, event.kind is signal and nothing else is lost.
func TestCopiedFields(t *testing.T) {
	tests := []struct {
		name, source string
		want         object
	}{
		{"no event", `{"a":1}`, object{"a": 1.0, "event": object{"kind": "signal"}}},
		{"nested", `{"event":{"kind":"event","id":"x"}}`, object{"event": object{"kind": "signal", "id": "x"}}},
		{"nested without a kind", `{"event":{"id":"x"}}`, object{"event": object{"kind": "signal", "id": "x"}}},
		{"nested with many kinds", `{"event":{"kind":["event","state"]}}`, object{"event": object{"kind": "signal"}}},
		{"dotted", `{"event.kind":"event","event.id":"x"}`, object{"event.kind": "signal", "event.id": "x"}},
		{"dotted without a kind", `{"event.id":"x"}`, object{"event.kind": "signal", "event.id": "x"}},
		{"nothing but a dotted kind", `{"event.kind":"event"}`, object{"event": object{"kind": "signal"}}},
		{"mixed, kind nested", `{"event":{"kind":"event"},"event.id":"x"}`, object{"event": object{"kind": "signal"}, "event.id": "x"}},
		{"mixed, kind dotted", `{"event":{"id":"x"},"event.kind":"event"}`, object{"event": object{"kind": "signal", "id": "x"}}},
		{"mixed, kind in both", `{"event":{"kind":"a"},"event.kind":"b"}`, object{"event": object{"kind": "signal"}}},
		{
			"objects below stay as they are", `{"event":{"a":{"b":[1,{"c":null}]},"a.d":2}}`,
			object{"event": object{"kind": "signal", "a": object{"b": []any{1.0, object{"c": nil}}}, "a.d": 2.0}},
		},
		{"null", `{"event":null}`, object{"event": nil, "event.kind": "signal"}},
		{
			"other names that begin alike", `{"events":1,"event_data":{"x":1},"kibanana":1,"signals":2}`,
			object{"events": 1.0, "event_data": object{"x": 1.0}, "kibanana": 1.0, "signals": 2.0, "event": object{"kind": "signal"}},
		},
		{
			"what is the alert's own",
			`{"kibana":{"alert":{"uuid":"x"}},"kibana.alert.status":"x","signal":{"y":1},"signal.rule.id":2,"threshold_result":{"z":1},"a":1}`,
			object{"a": 1.0, "event": object{"kind": "signal"}, "tocsin.event": object{
				"kibana": object{"alert": object{"uuid": "x"}}, "kibana.alert.status": "x", "signal": object{"y": 1.0}, "signal.rule.id": 2.0,
				"threshold_result": object{"z": 1.0},
			}},
		},
		{"empty object and list", `{"a":{},"b":[]}`, object{"a": object{}, "b": []any{}, "event": object{"kind": "signal"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, fieldsOf(build(t, aRule(), anEvent(test.source)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestKindOfManyEvents is about a list of event objects, in which a search sees every kind as a
// value of event.kind.
func TestKindOfManyEvents(t *testing.T) {
	for _, source := range []string{
		`{"event":[{"kind":"event","id":"x"},{"kind":"state","id":"y"}]}`,
		`{"event":[{"id":"x"},{"id":"y"}]}`,
		`{"event":[{"kind":"event","id":"x"}],"event.id":"y"}`,
		`{"event":[[{"kind":"event","id":"x"}],{"id":"y"}]}`,
	} {
		got := build(t, aRule(), anEvent(source))
		kinds := map[any]bool{}
		for _, kind := range event.Lookup(got, "event.kind") {
			kinds[kind] = true
		}
		if diff := cmp.Diff(map[any]bool{"signal": true}, kinds); diff != "" {
			t.Errorf("%s: kinds (-want +got):\n%s", source, diff)
		}
		if ids := event.Lookup(got, "event.id"); len(ids) != 2 {
			t.Errorf("%s: ids are %v", source, ids)
		}
	}
}

// originals returns the fields that keep the values replaced by the alert's own fields, by the rest
// of their names.
func originals(got object) object {
	out := object{}
	for name, value := range got {
		if rest, ok := strings.CutPrefix(name, "kibana.alert.original_"); ok {
			out[rest] = value
		}
	}
	return out
}

func TestOriginalEvent(t *testing.T) {
	tests := []struct {
		name, source string
		want         object
	}{
		{"nothing", `{}`, object{}},
		{"nested", `{"event":{"kind":"event","action":"exec"}}`, object{"event.kind": "event", "event.action": "exec"}},
		{"dotted", `{"event.kind":"event","event.action":"exec"}`, object{"event.kind": "event", "event.action": "exec"}},
		{"category and type are lists", `{"event":{"category":"process","type":"start"}}`, object{"event.category": []any{"process"}, "event.type": []any{"start"}}},
		{"lists stay lists", `{"event":{"category":["a","b"],"type":["c"],"action":["d","e"]}}`, object{
			"event.category": []any{"a", "b"}, "event.type": []any{"c"}, "event.action": []any{"d", "e"},
		}},
		{"numbers stay numbers", `{"event":{"severity":3,"risk_score":9.5,"duration":120}}`, object{"event.severity": 3.0, "event.risk_score": 9.5, "event.duration": 120.0}},
		{"null", `{"event":{"action":null,"code":[null]}}`, object{}},
		{"null and a value", `{"event":{"action":[null,"exec"]}}`, object{"event.action": "exec"}},
		{"times as they are", `{"event":{"created":"2026-01-15T15:00:00+01:00","ingested":1768485600000}}`, object{
			"event.created": "2026-01-15T15:00:00+01:00", "event.ingested": 1768485600000.0,
		}},
		{"no field of event", `{"event":{"made_up":"x"}}`, object{}},
		{"data stream", `{"data_stream":{"type":"logs","dataset":"d"},"data_stream.namespace":"n"}`, object{
			"data_stream.type": "logs", "data_stream.dataset": "d", "data_stream.namespace": "n",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, originals(build(t, aRule(), anEvent(test.source)))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestOriginalEventNames compares the kept names with those in Kibana's alerts.
func TestOriginalEventNames(t *testing.T) {
	want, fields := object{}, object{}
	for _, name := range []string{
		"action", "agent_id_status", "category", "code", "created", "dataset", "duration", "end", "hash", "id", "ingested",
		"kind", "module", "original", "outcome", "provider", "reason", "reference", "risk_score", "risk_score_norm",
		"sequence", "severity", "start", "timezone", "type", "url",
	} {
		fields[name], want["event."+name] = name, name
	}
	want["event.category"], want["event.type"] = []any{"category"}, []any{"type"}
	source, err := json.Marshal(object{"event": fields})
	if err != nil {
		t.Fatal(err)
	}
	got := originals(build(t, aRule(), anEvent(string(source))))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestLongOriginal: Elasticsearch rejects terms over 32,766 bytes. A character is not split.
func TestLongOriginal(t *testing.T) {
	long := strings.Repeat("x", 32765) + "é" + "tail"
	source, err := json.Marshal(object{"event": object{"original": long}})
	if err != nil {
		t.Fatal(err)
	}
	got := build(t, aRule(), anEvent(string(source)))
	if kept := got["kibana.alert.original_event.original"]; kept != long[:32765] {
		t.Errorf("%d bytes are kept, want 32765", len(kept.(string)))
	}
	if whole := event.First(got, "event.original"); whole != long {
		t.Errorf("the event's own field has %d bytes, want %d", len(whole), len(long))
	}
}

func TestOriginalTime(t *testing.T) {
	tests := []struct {
		name, timestamp string
		want            any
	}{
		{"as it is", `"2026-01-15T14:04:11.500Z"`, "2026-01-15T14:04:11.500Z"},
		{"offset", `"2026-01-15T15:04:11+01:00"`, "2026-01-15T14:04:11.000Z"},
		{"without a zone", `"2026-01-15T14:04:11"`, "2026-01-15T14:04:11.000Z"},
		{"date alone", `"2026-01-15"`, "2026-01-15T00:00:00.000Z"},
		{"nanoseconds", `"2026-01-15T14:04:11.123456789Z"`, "2026-01-15T14:04:11.123Z"},
		{"epoch", `1768485851500`, "2026-01-15T14:04:11.500Z"},
		{"epoch as text", `"1768485851500"`, "2026-01-15T14:04:11.500Z"},
		{"before the epoch", `-1`, "1969-12-31T23:59:59.999Z"},
		{"list", `["2026-01-15T14:04:11.500Z"]`, "2026-01-15T14:04:11.500Z"},
		{"null", `null`, nil},
		{"no date", `"yesterday"`, nil},
		{"empty", `""`, nil},
		{"object", `{"a":"2026-01-15T14:04:11.500Z"}`, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := build(t, aRule(), anEvent(`{"@timestamp":`+test.timestamp+`}`))
			if got["kibana.alert.original_time"] != test.want {
				t.Errorf("got %v, want %v", got["kibana.alert.original_time"], test.want)
			}
			if got["@timestamp"] != "2026-01-15T14:10:03.120Z" {
				t.Errorf("the alert's own time is %v", got["@timestamp"])
			}
		})
	}
}

// TestReasonOfRow: an alert about a row that ES|QL made of many documents names its columns.
func TestReasonOfRow(t *testing.T) {
	r := aRule()
	r.Type = rule.TypeESQL
	for source, want := range map[string]string{
		`{"n":3,"host":{"name":"pc-7"},"u":["ann","bob"],"e":null}`: "row with host.name pc-7, n 3, u ann; bob created high alert Thing.",
		`{}`: "row created high alert Thing.",
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9}`: "row with a 1, b 2, c 3, d 4, e 5, f 6, g 7, h 8, … created high alert Thing.",
		`{"t":"` + strings.Repeat("x", 100) + `"}`:                "row with t " + strings.Repeat("x", 59) + "… created high alert Thing.",
	} {
		if got := build(t, r, event.Event{Source: json.RawMessage(source)})["kibana.alert.reason"]; got != want {
			t.Errorf("%s: %v, want %s", source, got, want)
		}
	}
	of := anEvent(`{"user":{"name":"bob"}}`)
	if got := build(t, r, of)["kibana.alert.reason"]; got != "event by bob created high alert Thing." {
		t.Error(got)
	}
}

func TestReason(t *testing.T) {
	const end = " created high alert Thing."
	parts := object{
		"event":       object{"category": "process"},
		"process":     object{"name": "cmd.exe", "parent": object{"name": "explorer.exe"}},
		"file":        object{"name": "a.txt"},
		"source":      object{"ip": "10.0.0.1", "port": 4711},
		"destination": object{"ip": "fe80::1", "port": 443},
		"user":        object{"name": "bob"},
		"host":        object{"name": "pc-7"},
	}
	only := func(names ...string) string {
		some := maps.Clone(parts)
		maps.DeleteFunc(some, func(name string, _ any) bool { return !slices.Contains(names, name) })
		text, err := json.Marshal(some)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	tests := []struct{ name, source, want string }{
		{"nothing", `{}`, "event" + end},
		{"category", only("event"), "process event" + end},
		{"the first of many categories", `{"event":{"category":["process","network"]}}`, "process event" + end},
		{"host", only("host"), "event on pc-7" + end},
		{"user", only("user"), "event by bob" + end},
		{"user and host", only("event", "user", "host"), "process event by bob on pc-7" + end},
		{"process and user", only("event", "process", "user"), "process event with process cmd.exe, parent process explorer.exe, by bob" + end},
		{"everything", only("event", "process", "file", "source", "destination", "user", "host"), "process event with process cmd.exe, " +
			"parent process explorer.exe, file a.txt, source 10.0.0.1:4711, destination [fe80::1]:443, by bob on pc-7" + end},
		{"address without a port", `{"source":{"ip":"10.0.0.1"}}`, "event with source 10.0.0.1" + end},
		{"address of version 6 without a port", `{"source":{"ip":"::1"}}`, "event with source ::1" + end},
		{"port without an address", `{"source":{"port":80}}`, "event" + end},
		{"dotted", `{"event.category":"process","process.name":"sh"}`, "process event with process sh" + end},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := build(t, aRule(), anEvent(test.source))["kibana.alert.reason"]; got != test.want {
				t.Errorf("\ngot  %v\nwant %s", got, test.want)
			}
		})
	}
}
