package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
)

func TestBadLines(t *testing.T) {
	far := `{"a":"` + strings.Repeat("é", 3000) + `" "b"}`
	tests := []struct {
		name, in string
		events   int64
		want     string
	}{
		{"none", "{}\n\n \t\r\n{\"a\":1}\r\n  {\"b\":[]}  ", 3, ""},
		{"broken", "{}\n{\"où\": ,}\n{}", 2, "f:2:8: error: not one JSON object: invalid character ',' looking for beginning of value [events/bad-line]\n    2 | {\"où\": ,}\n      |        ^\n"},
		{"cut off", `{"a": [1,`, 0, "f:1:10: error: not one JSON object: unexpected end of JSON input [events/bad-line]\n    1 | {\"a\": [1,\n      |          ^\n"},
		{"trailing text", `{"a":1} {"b":2}`, 0, "f:1:9: error: not one JSON object: invalid character '{' after top-level value [events/bad-line]\n    1 | {\"a\":1} {\"b\":2}\n      |         ^\n"},
		{"array", "\t[{}]\n{}", 1, "f:1:2: error: not one JSON object: an array [events/bad-line]\n    1 | \t[{}]\n      | \t^\n"},
		{"string", `"a"`, 0, "f:1:1: error: not one JSON object: a string [events/bad-line]\n    1 | \"a\"\n      | ^\n"},
		{"null", "null", 0, "f:1:1: error: not one JSON object: null [events/bad-line]\n    1 | null\n      | ^\n"},
		{"number", "12", 0, "f:1:1: error: not one JSON object: a number [events/bad-line]\n    1 | 12\n      | ^\n"},
		{"not UTF-8", "{\"où\":\"\xff\xfe\"}", 0, "f:1:8: error: not UTF-8 text [events/bad-line]\n    1 | {\"où\":\"\ufffd\ufffd\"}\n      |        ^\n"},
		{"index is no string", `{"_id":"1","_index":7,"_source":{}}`, 0, "f:1:21: error: _index is not a string [events/bad-line]\n    1 | {\"_id\":\"1\",\"_index\":7,\"_source\":{}}\n      |                     ^\n"},
		{"id of a plain document is no string", `{"a":1,"_id":{}}`, 0, "f:1:14: error: _id is not a string [events/bad-line]\n    1 | {\"a\":1,\"_id\":{}}\n      |              ^\n"},
		{"control characters are not shown", "{\"a\":\"\x1b[2J\"}", 0, "f:1:7: error: not one JSON object: invalid character '\\x1b' in string literal [events/bad-line]\n    1 | {\"a\":\"\ufffd[2J\"}\n      |       ^\n"},
		{"too long", "{}\n{\"a\":\"" + strings.Repeat("x", 10_000) + "\"}\n{}", 2, "f:2:1: error: line of 10008 bytes is longer than the limit of 8000 [events/bad-line]\n    2 | {\"a\":\"" + strings.Repeat("x", 74) + "\n      | ^\n"},
		{"far into a line", far, 0, "f:1:3009: error: not one JSON object: invalid character '\"' after object key:value pair, near \"" + strings.Repeat("é", 19) + "\\\" \\\"b\\\"}\" [events/bad-line]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, remarks := openEvents(t, store.EventsOptions{Files: []string{writeFile(t, "f", tt.in)}, MaxLine: 8000})
			if d := cmp.Diff(tt.want, render(t, remarks)); d != "" {
				t.Error(d)
			}
			if e.Len() != tt.events {
				t.Errorf("%d events, want %d", e.Len(), tt.events)
			}
		})
	}
}

func TestManyBadLines(t *testing.T) {
	bad := writeFile(t, "bad", strings.Repeat("x\n{}\n", 700))
	other := writeFile(t, "other", "y\n")
	e, remarks := openEvents(t, store.EventsOptions{Files: []string{bad, other}})
	if len(remarks) != store.MaxRemarks+2 || e.Len() != 700 || !remarks.HasErrors() {
		t.Fatalf("%d remarks, %d events", len(remarks), e.Len())
	}
	tail := render(t, remarks[store.MaxRemarks-1:])
	want := "bad:39:1: error: not one JSON object: invalid character 'x' looking for beginning of value [events/bad-line]\n   39 | x\n      | ^\n" +
		"bad: error: 680 more lines are not events [events/bad-line]\n" +
		"other:1:1: error: not one JSON object: invalid character 'y' looking for beginning of value [events/bad-line]\n    1 | y\n      | ^\n"
	if d := cmp.Diff(want, tail); d != "" {
		t.Error(d)
	}
}

func TestFiles(t *testing.T) {
	events := "{\"n\":1}\n{\"n\":2}\n"
	whole := gzipped(t, strings.Repeat("{\"message\":\"0123456789\"}\n", 4_000))
	tests := []struct {
		name, file, content string
		events              int64
		want                string
	}{
		{"plain", "e.ndjson", events, 2, ""},
		{"gzip", "e.ndjson.gz", gzipped(t, events), 2, ""},
		{"gzip of two members", "e.gz", gzipped(t, events) + gzipped(t, events), 4, ""},
		{"gzip by its first bytes", "e.ndjson", gzipped(t, events), 2, ""},
		{"empty", "e.ndjson", "", 0, ""},
		{"zstandard", "e.ndjson.zst", zstandard(t, events), 2, ""},
		{"zstandard of two frames", "e.zst", zstandard(t, events) + zstandard(t, events), 4, ""},
		{"zstandard by its first bytes", "e.ndjson", zstandard(t, events), 2, ""},
		{"no zstandard", "e.zst", events, 0, "e.zst: error: cannot read events: invalid input: magic number mismatch [events/unreadable]\n"},
		{"zstandard cut off", "e.zst", zstandard(t, strings.Repeat(events, 9))[:12], 0, "e.zst: error: cannot read events: unexpected EOF [events/unreadable]\n"},
		{"no gzip", "e.gz", events, 0, "e.gz: error: cannot read events: decompress: gzip: invalid header [events/unreadable]\n"},
		{"gzip cut off", "e.gz", gzipped(t, events)[:12], 0, "e.gz: error: cannot read events: unexpected EOF [events/unreadable]\n"},
		{"gzip cut off far behind", "e.gz", whole[:len(whole)-4], 4_000, "e.gz: error: cannot read events: unexpected EOF [events/unreadable]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			last := writeFile(t, "last", "{}")
			e, remarks := openEvents(t, store.EventsOptions{Files: []string{writeFile(t, tt.file, tt.content), last}})
			if d := cmp.Diff(tt.want, render(t, remarks)); d != "" {
				t.Error(d)
			}
			if e.Len() != tt.events+1 {
				t.Errorf("%d events, want %d", e.Len(), tt.events+1)
			}
			if n := len(searchAll(t, e, everything)); int64(n) != e.Len() {
				t.Errorf("%d hits of %d events", n, e.Len())
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	good := writeFile(t, "good", "{}\n")
	e, remarks := openEvents(t, store.EventsOptions{Files: []string{filepath.Join(dir, "absent"), dir, good}})
	want := "absent: error: cannot read events: no such file or directory [events/unreadable]\n" +
		filepath.Base(dir) + ": error: cannot read events: is a directory [events/unreadable]\n"
	if d := cmp.Diff(want, render(t, remarks)); d != "" {
		t.Error(d)
	}
	if e.Len() != 1 {
		t.Errorf("%d events", e.Len())
	}
}

func TestStdin(t *testing.T) {
	for _, in := range []string{"{\"a\":1}\nx\n{\"b\":2}", gzipped(t, "{\"a\":1}\nx\n{\"b\":2}")} {
		temp := t.TempDir()
		e, remarks := openEvents(t, store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(in), TempDir: temp})
		if len(remarks) != 1 || remarks[0].Place() != "-:2:1" {
			t.Error(remarks)
		}
		for range 2 {
			if n := len(searchAll(t, e, everything)); n != 2 {
				t.Errorf("%d hits", n)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// Waiting for standard input must not outlive the context.
func TestStdinCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	time.AfterFunc(10*time.Millisecond, cancel)
	_, _, err := store.OpenEvents(ctx, store.EventsOptions{Files: []string{"-"}, Stdin: r})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := w.Close(); err != nil { // ends the pending read
		t.Error(err)
	}
}

func TestNoRoomForTemporaryFiles(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	_, _, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader("{}"), TempDir: absent})
	if failure.KindOf(err) != failure.Unavailable || !strings.Contains(err.Error(), absent) {
		t.Error(err)
	}
}

func TestFields(t *testing.T) {
	lines := `{"process":{"pid":"12"},"count":5,"word":"a","mapped":"x","other":{"at":"2026-01-01T00:00:00Z"}}` + "\n" + `{"count":"a","word":7}`
	given := mapping.Everywhere(mapping.Table{"mapped": {Name: "mapped", Type: mapping.Keyword}})
	tests := []struct {
		name  string
		given *mapping.Indices
		want  string
	}{
		{"without a mapping", nil, "process.pid=long event.sequence=long count=long word=text word.keyword=keyword mapped=text mapped.keyword=keyword other=object other.at=date absent=unmapped"},
		{"with one", given, "process.pid=text event.sequence=unmapped count=long word=text word.keyword=keyword mapped=keyword mapped.keyword=unmapped other=object other.at=date absent=unmapped"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, _ := openEvents(t, store.EventsOptions{Files: []string{writeFile(t, "f", lines)}, Mapping: tt.given})
			var got []string
			for item := range strings.FieldsSeq(tt.want) {
				name, _, _ := strings.Cut(item, "=")
				typ := "unmapped"
				if f, ok := e.Fields().Field(name); ok {
					typ = string(f.Type)
				}
				got = append(got, fmt.Sprintf("%s=%s", name, typ))
			}
			if d := cmp.Diff(tt.want, strings.Join(got, " ")); d != "" {
				t.Error(d)
			}
		})
	}
}

// Each index has its own mapping: by its name, by a pattern, by its data stream, or none; fields
// are inferred from its own events only.
func TestFieldsOfIndices(t *testing.T) {
	given, err := mapping.ParseIndices([]byte(`{
		"logs-a": {"mappings": {"properties": {"f": {"type": "keyword"}}}},
		"logs-*": {"mappings": {"dynamic": false, "properties": {"f": {"type": "long"}}}},
		"metrics-x-*": {"mappings": {"dynamic_templates": [{"all": {"match": "*", "match_mapping_type": "string", "mapping": {"type": "keyword"}}}], "properties": {}}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	const lines = `{"_index":"logs-a","_source":{"f":"x","g":"x"}}
{"_index":"logs-b","_source":{"f":1,"g":"x"}}
{"_index":".ds-metrics-x-y-2026.01.01-000001","_source":{"f":"x","g":"2026-01-01"}}
{"f":"x","g":"2026-01-01","data_stream":{"type":"metrics","dataset":"x","namespace":"z"}}
{"_index":"other","_source":{"f":true,"g":5}}
{"f":5}
`
	e, _ := openEvents(t, store.EventsOptions{Files: []string{writeFile(t, "f", lines)}, Mapping: given})
	for index, want := range map[string]string{
		"logs-a": "keyword text", "logs-b": "long unmapped", ".ds-metrics-x-y-2026.01.01-000001": "keyword date", "metrics-x-z": "keyword date", "other": "boolean long",
	} {
		fields := mapping.OfIndex(e.Fields(), index)
		var got []string
		for _, name := range []string{"f", "g"} {
			f, ok := fields.Field(name)
			if !ok {
				f.Type = "unmapped"
			}
			got = append(got, string(f.Type))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", index, diff)
		}
	}
}
