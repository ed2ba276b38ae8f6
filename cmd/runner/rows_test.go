package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/query"
)

// rowsText is what is shown of rows, the table and what follows it.
func rowsText(t interface{ Fatal(...any) }, hits []query.Hit) (table, rest string) {
	var out, err bytes.Buffer
	a := &app{stdio: stdio{nil, &out, &err}, global: &globals{Format: "text"}}
	if e := writeHits(a, query.Answer{Hits: hits}, "@timestamp", true); e != nil {
		t.Fatal(e)
	}
	return out.String(), err.String()
}

func row(source string) query.Hit {
	return query.Hit{Event: event.Event{Source: json.RawMessage(source)}}
}

func TestRows(t *testing.T) {
	placed := row(`{"x":1}`)
	placed.Event.Index, placed.Event.ID = "logs-a", "7"
	for name, tt := range map[string]struct {
		hits []query.Hit
		want string
	}{
		"columns":     {[]query.Hit{row(`{"total_seen":2,"process":{"name":"curl"}}`), row(`{"total_seen":1}`)}, "process.name  total_seen\ncurl          2\n-             1\n"},
		"lists":       {[]query.Hit{row(`{"u":["a","b"],"v":[1.5]}`)}, "u     v\na, b  1.5\n"},
		"places":      {[]query.Hit{placed}, "_index  _id  x\nlogs-a  7    1\n"},
		"no terminal": {[]query.Hit{row(`{"a":"b\u202e\n"}`)}, "a\nb\\u202e\uFFFD\n"},
		"numbers":     {[]query.Hit{row(`{"n":12345678901234567890}`)}, "n\n12345678901234567890\n"},
		"none":        {nil, "TIME  INDEX  ID  EVENT\n"},
	} {
		got, _ := rowsText(t, tt.hits)
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestColumns: a query that tells its columns has them all, in its order.
func TestColumns(t *testing.T) {
	placed := row(`{"m":"x"}`)
	placed.Event.Index, placed.Event.ID = "logs-a", "7"
	for name, tt := range map[string]struct {
		answer    query.Answer
		text, csv string
	}{
		"order":        {query.Answer{Hits: []query.Hit{row(`{"a":1,"c":2}`)}, Columns: []string{"c", "a"}, Whole: true}, "c  a\n2  1\n", "c,a\n2,1\n"},
		"no value":     {query.Answer{Hits: []query.Hit{row(`{"a":1}`)}, Columns: []string{"b", "a"}, Whole: true}, "b  a\n-  1\n", "b,a\n,1\n"},
		"no row":       {query.Answer{Columns: []string{"b", "a"}, Whole: true}, "b  a\n", "b,a\n"},
		"not asked":    {query.Answer{Hits: []query.Hit{placed}, Columns: []string{"m", "_id"}, Whole: true}, "m  _id\nx  7\n", "m,_id\nx,7\n"},
		"others after": {query.Answer{Hits: []query.Hit{row(`{"a":1,"b":3,"c":2}`)}, Columns: []string{"c"}}, "c  a  b\n2  1  3\n", "c,a,b\n2,1,3\n"},
	} {
		for format, want := range map[string]string{"text": tt.text, "csv": tt.csv} {
			var out, err bytes.Buffer
			a := &app{stdio: stdio{nil, &out, &err}, global: &globals{Format: format}}
			if e := writeHits(a, tt.answer, "@timestamp", true); e != nil {
				t.Fatal(e)
			}
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", name, format, diff)
			}
		}
	}
}

// TestRowsShowAll: whatever columns an answer has, each value stands in its row.
func TestRowsShowAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 20).Draw(t, "columns")
		var hits []query.Hit
		var want [][]string
		used := map[string]bool{}
		for i := range rapid.IntRange(1, 5).Draw(t, "rows") {
			source, values := map[string]any{}, []string{}
			for c := range n {
				if rapid.Bool().Draw(t, "null") {
					continue
				}
				value := "v" + strconv.Itoa(i) + "x" + strconv.Itoa(c)
				name := "c" + strconv.Itoa(c)
				if c%3 == 0 {
					name = "o.c" + strconv.Itoa(c)
				}
				event.Put(source, name, value)
				used[name] = true
				values = append(values, value)
			}
			text, err := json.Marshal(source)
			if err != nil {
				t.Fatal(err)
			}
			hits, want = append(hits, row(string(text))), append(want, values)
		}
		out, rest := rowsText(t, hits)
		lines := strings.Split(out, "\n")
		if len(used) == 0 || len(used) > maxColumns {
			if !strings.HasPrefix(out, "TIME") {
				t.Errorf("%d columns: %s", len(used), out)
			}
			return
		}
		for name := range used {
			if !strings.Contains(lines[0], name) {
				t.Errorf("no column %s: %s", name, lines[0])
			}
		}
		for i, values := range want {
			for _, v := range values {
				if !strings.Contains(lines[i+1], v) {
					t.Errorf("row %d lacks %s: %s", i, v, lines[i+1])
				}
			}
		}
		if !strings.Contains(rest, "row") {
			t.Errorf("%q", rest)
		}
	})
}
