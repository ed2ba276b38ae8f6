package translate_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// listedTable has a field of each type for lists of ranges.
var listedTable = mapping.Table{
	"long": {Name: "long", Type: mapping.Long}, "double": {Name: "double", Type: mapping.Double},
	"date": {Name: "date", Type: mapping.Date}, "nanos": {Name: "nanos", Type: mapping.DateNanos},
	"seconds": {Name: "seconds", Type: mapping.Date, Format: "epoch_second"},
	"ip":      {Name: "ip", Type: mapping.IP}, "k": {Name: "k", Type: mapping.Keyword},
}

// listKind is a list type with the spelling of numbers of a small range, and its fields.
type listKind struct {
	as, separator string
	value         func(n int) string
	fields        []string
}

var listKinds = []listKind{
	{"long_range", "-", strconv.Itoa, []string{"long", "double", "k"}},
	{"double_range", "-", func(n int) string { return fmt.Sprint(float64(n) / 4) }, []string{"double", "long", "k"}},
	{"ip_range", "-", func(n int) string { return fmt.Sprintf("10.0.%d.%d", n/256, n%256) }, []string{"ip", "k"}},
	{"date_range", ",", func(n int) string { return secondAt(n).Format(time.RFC3339) }, []string{"date", "nanos", "k", "seconds"}},
	{"date", "", func(n int) string { return secondAt(n).Format(time.RFC3339) }, []string{"date", "nanos", "k", "seconds"}},
}

func secondAt(n int) time.Time { return time.Unix(1601510400+int64(n), 0).UTC() }

// TestListedRanges: a list matches exactly the values in one of its ranges, whether it is short and
// searched for or long and matched in memory, and whatever type the field has.
func TestListedRanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(listKinds).Draw(rt, "kind")
		field := rapid.SampledFrom(kind.fields).Draw(rt, "field")
		in := map[int]bool{}
		var lines []string
		for range rapid.IntRange(1, 4).Draw(rt, "ranges") {
			low := rapid.IntRange(0, 40).Draw(rt, "low")
			high := low
			if kind.separator != "" {
				high += rapid.IntRange(0, 6).Draw(rt, "length")
			}
			line := kind.value(low)
			if high > low {
				line += kind.separator + kind.value(high)
			}
			lines = append(lines, line)
			for n := low; n <= high; n++ {
				in[n] = true
			}
		}
		if rapid.Bool().Draw(rt, "long") {
			for i := range 600 {
				lines = append(lines, kind.value(1000+i*8))
			}
		}
		m, err := condition.Compile(listedBy(rt, field, kind.as, lines), listedTable)
		if err != nil {
			rt.Fatal(err)
		}
		for n := range 50 {
			var value any = kind.value(n)
			switch field {
			case "long", "double":
				value = json.Number(kind.value(n))
			case "seconds":
				value = json.Number(strconv.FormatInt(secondAt(n).Unix(), 10))
			}
			if field == "long" && strings.Contains(kind.value(n), ".") {
				continue
			}
			if got := m.Match(event.NewDocument(map[string]any{field: value})); got != in[n] {
				rt.Fatalf("%s in a list of %s: %s is %t, want %t; the list begins %q", field, kind.as, value, got, in[n], lines[:min(len(lines), 5)])
			}
		}
	})
}

func listedBy(t interface{ Fatal(args ...any) }, field, as string, lines []string) condition.Expr {
	item := fmt.Sprintf(`{"item_id":"i","list_id":"l","name":"I","entries":[{"field":%q,"type":"list","list":{"id":"values","type":%q}}]}`, field, as)
	set, list := rule.LoadFS(fstest.MapFS{
		"export.ndjson":      {Data: []byte(ruleHead + `"exceptions_list":[{"list_id":"l"}]}` + "\n" + item)},
		"value_lists/values": {Data: []byte(strings.Join(lines, "\n"))},
	}, ".")
	if len(list) > 0 {
		t.Fatal(list)
	}
	e, list := translate.Exceptions(set.Rules()[0], listedTable, time.Time{})
	if len(list) > 0 {
		t.Fatal(list)
	}
	return e
}
