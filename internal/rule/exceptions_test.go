package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/rule"
)

const (
	listed = `{"rule_id":"r","name":"N","description":"D","risk_score":1,"severity":"low","type":"query","language":"kuery","index":["a"],"query":"a:b","exceptions_list":[{"id":"i1","list_id":"own","type":"rule_default","namespace_type":"single"},{"id":"i2","list_id":"endpoint_list","type":"endpoint","namespace_type":"agnostic"}]}` + "\n"

	lists = `{"id":"i1","list_id":"own","name":"Own","type":"rule_default","namespace_type":"single","description":"","immutable":false,"version":1}
{"id":"i2","list_id":"endpoint_list","name":"Endpoint","type":"endpoint","namespace_type":"agnostic"}
{"item_id":"one","list_id":"own","name":"One","namespace_type":"single","type":"simple","expire_time":"2026-01-15T14:00:00.000Z","os_types":["windows","macos"],"comments":[{"comment":"c","created_by":"me"}],"entries":[{"field":"a","type":"match","operator":"excluded","value":"x"},{"field":"b","type":"match_any","operator":"included","value":["x","y"]},{"field":"c","type":"exists","operator":"included"},{"field":"d","type":"wildcard","operator":"included","value":"*x"},{"field":"e","type":"list","operator":"included","list":{"id":"ips.txt","type":"ip"}},{"field":"f","type":"nested","entries":[{"field":"g","type":"match","operator":"included","value":""}]}]}
{"item_id":"two","list_id":"endpoint_list","name":"Two","namespace_type":"agnostic","entries":[{"field":"a","type":"exists","operator":"included"}]}
{"item_id":"three","list_id":"endpoint_list","name":"of another name space","namespace_type":"single","entries":[{"field":"a","type":"exists","operator":"included"}]}
`
)

var ignoreOrigin = cmpopts.IgnoreUnexported(rule.ExceptionItem{})

func TestExceptions(t *testing.T) {
	r := load(t, "rules.ndjson", listed, "z.ndjson", lists, "value_lists/ips.txt", "10.0.0.1\r\n\r\n  ::1  \n").Rules()[0]
	want := []*rule.ExceptionItem{
		{
			ItemID: "one", ListID: "own", NamespaceType: rule.Single, Name: "One", OSTypes: []string{"windows", "macos"},
			ExpireTime: time.Date(2026, time.January, 15, 14, 0, 0, 0, time.UTC),
			Entries: []rule.Entry{
				{Field: "a", Type: rule.EntryMatch, Operator: rule.Excluded, Value: "x"},
				{Field: "b", Type: rule.EntryMatchAny, Operator: rule.Included, Values: []string{"x", "y"}},
				{Field: "c", Type: rule.EntryExists, Operator: rule.Included},
				{Field: "d", Type: rule.EntryWildcard, Operator: rule.Included, Value: "*x"},
				{Field: "e", Type: rule.EntryList, Operator: rule.Included, List: &rule.ValueList{ID: "ips.txt", Type: rule.ValueIP, Values: []string{"10.0.0.1", "::1"}}},
				{Field: "f", Type: rule.EntryNested, Entries: []rule.Entry{{Field: "g", Type: rule.EntryMatch, Operator: rule.Included}}},
			},
		},
		{ItemID: "two", ListID: "endpoint_list", NamespaceType: rule.Agnostic, Name: "Two", Entries: []rule.Entry{{Field: "a", Type: rule.EntryExists, Operator: rule.Included}}},
	}
	if diff := cmp.Diff(want, r.Exceptions, ignoreOrigin); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if place := r.Exceptions[0].Report(0, "", "entries[0].value", "").Place(); place != "z.ndjson:3:277" {
		t.Errorf("a value is at %s", place)
	}
}

func TestInForce(t *testing.T) {
	ends := time.Date(2026, time.January, 15, 14, 0, 0, 0, time.UTC)
	tests := []struct {
		expires, at time.Time
		want        bool
	}{
		{time.Time{}, ends, true},
		{ends, time.Time{}, true},
		{ends, ends.Add(-time.Nanosecond), true},
		{ends, ends, false},
		{ends, ends.Add(time.Hour), false},
	}
	for _, tt := range tests {
		item := rule.ExceptionItem{ExpireTime: tt.expires}
		if item.InForce(tt.at) != tt.want {
			t.Errorf("expires %s, at %s: want %t", tt.expires, tt.at, tt.want)
		}
	}
}

// The TOML form has the same meaning as the export.
func TestExceptionsTOML(t *testing.T) {
	const file = `
[[exception_list]]
list_id = "own"
name = "Own"
type = "rule_default"

[[exception_item]]
item_id = "one"
list_id = "own"
name = "One"
expire_time = 2026-01-15T14:00:00Z
os_types = ["windows", "macos"]

[[exception_item.entries]]
field = "a"
type = "match"
operator = "excluded"
value = "x"

[[exception_item.entries]]
field = "b"
type = "match_any"
operator = "included"
value = ["x", "y"]

[[exception_item.entries]]
field = "c"
type = "exists"
operator = "included"

[[exception_item.entries]]
field = "d"
type = "wildcard"
operator = "included"
value = "*x"

[[exception_item.entries]]
field = "e"
type = "list"
operator = "included"
list = { id = "ips.txt", type = "ip" }

[[exception_item.entries]]
field = "f"
type = "nested"
entries = [{ field = "g", type = "match", operator = "included", value = "" }]

[[exception_item]]
item_id = "two"
list_id = "endpoint_list"
name = "Two"
namespace_type = "agnostic"
entries = [{ field = "a", type = "exists", operator = "included" }]

[lists]
"ips.txt" = "below/addresses"
`
	want := load(t, "rules.ndjson", listed, "z.ndjson", lists, "ips.txt", "10.0.0.1").Rules()[0]
	got := load(t, "rules.ndjson", listed, "a/all.exceptions.toml", file, "a/below/addresses", "10.0.0.1").Rules()[0]
	if diff := cmp.Diff(want.Exceptions, got.Exceptions, ignoreOrigin); diff != "" {
		t.Errorf("-export +TOML:\n%s", diff)
	}
}

// A list that several exports have is one list.
func TestSharedLists(t *testing.T) {
	again := strings.NewReplacer(`"version":1`, `"version":2`, `"comments":[{"comment":"c","created_by":"me"}]`, `"comments":[]`).Replace(lists)
	r := load(t, "rules.ndjson", listed, "a.ndjson", lists, "b.ndjson", again, "value_lists/ips.txt", "10.0.0.1").Rules()[0]
	if len(r.Exceptions) != 2 {
		t.Errorf("%d items", len(r.Exceptions))
	}
}

func TestValueLists(t *testing.T) {
	tests := []struct {
		as     rule.ValueType
		text   string
		values []string
		faults []string // places of diagnostics
	}{
		{rule.ValueIP, "10.0.0.1\n2001:db8::1\n10.0.0.0/8\n", []string{"10.0.0.1", "2001:db8::1", "10.0.0.0/8"}, nil},
		{rule.ValueIP, "10.0.0.1\n  10.0.0.256\n", nil, []string{"l.txt:2:3 rule/bad-value-list"}},
		{rule.ValueIPRange, "10.0.0.0/8\n10.0.0.1-10.0.0.9\n::1\nfe80::1 - fe80::9\n", []string{"10.0.0.0/8", "10.0.0.1-10.0.0.9", "::1", "fe80::1 - fe80::9"}, nil},
		{rule.ValueIPRange, "10.0.0.9-10.0.0.1\n10.0.0.0/33\n10.0.0.1-::1\nx\n", nil, []string{"l.txt:1:1 rule/bad-value-list", "l.txt:2:1 rule/bad-value-list", "l.txt:3:1 rule/bad-value-list", "l.txt:4:1 rule/bad-value-list"}},
		{rule.ValueKeyword, "# no comment\n a b \n\n", []string{"# no comment", "a b"}, nil},
		{rule.ValueText, "", nil, nil},
		{rule.ValueIP, strings.Repeat("x\n", 100), nil, twenty()},
		{rule.ValueBoolean, "true\nfalse\n1\n", nil, []string{"l.txt:3:1 rule/bad-value-list"}},
		{"double", "1\n-1.30\n1e3\n", []string{"1", "-1.30", "1e3"}, nil},
		{"double", "1,5\nNaN\n1e400\n1_0\n", nil, faulty(4)},
		{"float", "1e39\n", nil, faulty(1)},
		{"half_float", "65504\n", []string{"65504"}, nil},
		{"long", "9223372036854775807\n-1\n2.0\n", []string{"9223372036854775807", "-1", "2.0"}, nil},
		{"long", "9223372036854775808\n1.5\nabc\n", nil, faulty(3)},
		{"byte", "127\n", []string{"127"}, nil},
		{"byte", "128\n", nil, faulty(1)},
		{"short", "32768\n", nil, faulty(1)},
		{"integer", "2147483648\n", nil, faulty(1)},
		{"date", "2020-10-01\n2020-10-01T05:08:53.000Z\n1601510400000\n", []string{"2020-10-01", "2020-10-01T05:08:53.000Z", "1601510400000"}, nil},
		{"date", "yesterday\n2020-13-01\nnow\n01.10.2020\n", nil, faulty(4)},
		{"date_nanos", "2020-10-01T05:08:53.123456789Z\n", []string{"2020-10-01T05:08:53.123456789Z"}, nil},
		{"date_nanos", "1960-01-01\n", nil, faulty(1)},
		{"long_range", "1-5\n-5--1\n-5-5\n7\n 1 - 2 \n", []string{"1-5", "-5--1", "-5-5", "7", "1 - 2"}, nil},
		{"integer_range", "5-1\n1-\n-\n1-x\n1-2147483648\n", nil, faulty(5)},
		{"double_range", "1.05-1.25\n1e-5-2e-3\n", []string{"1.05-1.25", "1e-5-2e-3"}, nil},
		{"float_range", "1.25-1.05\n", nil, faulty(1)},
		{"date_range", "2020-10-01,2020-10-03\n2020-10-01T00:00:00Z , 2020-10-01T12:00:00Z\n2020-10\n", []string{"2020-10-01,2020-10-03", "2020-10-01T00:00:00Z , 2020-10-01T12:00:00Z", "2020-10"}, nil},
		{"date_range", "2020-10-03,2020-10-01\n2020-10-01-2020-10-03\n", nil, faulty(2)},
		{"geo_point", "1,2\n", nil, []string{"r.ndjson:2:98 rule/unsupported"}},
		{"binary", "AA==\n", nil, []string{"r.ndjson:2:98 rule/unsupported"}},
		{"longs", "1\n", nil, []string{"r.ndjson:2:98 rule/bad-value"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.as), func(t *testing.T) {
			item := fmt.Sprintf(`{"item_id":"i","list_id":"own","entries":[{"field":"a","type":"list","list":{"id":"l.txt","type":%q}}]}`, tt.as)
			fsys := fstest.MapFS{"r.ndjson": {Data: []byte(listed + item + "\n" + strings.Split(lists, "\n")[1])}, "l.txt": {Data: []byte(tt.text)}}
			set, list := rule.LoadFS(fsys, ".")
			var got []string
			for _, d := range list {
				if d.Code != "rule/missing-exceptions" {
					got = append(got, d.Place()+" "+d.Code)
				}
			}
			if diff := cmp.Diff(tt.faults, got); diff != "" {
				t.Fatalf("-want +got:\n%s", diff)
			}
			if tt.faults != nil {
				if set.Len() > 0 || len(set.Broken()) != 1 || len(list) != len(tt.faults)+1 {
					t.Errorf("a rule runs without an exception whose list cannot be read, or nothing is said of it: %v", list)
				}
				return
			}
			if diff := cmp.Diff(tt.values, set.Rules()[0].Exceptions[0].Entries[0].List.Values); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// twenty returns the places of the maximum number of reported faults.
func twenty() []string { return faulty(20) }

// faulty returns the places of faults in the first lines.
func faulty(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("l.txt:%d:1 rule/bad-value-list", i+1))
	}
	return all
}

// The id of a list comes from anywhere, and must lead only to lists.
func TestValueListIDsAreNoPaths(t *testing.T) {
	for _, id := range []string{"../secret.txt", "/etc/passwd", "..", ".", "", "a/../../secret.txt", `..\\secret.txt`, "value_lists/x/y"} {
		item := `{"item_id":"i","list_id":"own","entries":[{"field":"a","type":"list","list":{"id":"` + id + `","type":"keyword"}}]}`
		fsys := fstest.MapFS{
			"a/r.ndjson": {Data: []byte(listed + item)}, "secret.txt": {Data: []byte("s")}, "a/value_lists/x/y": {Data: []byte("s")}, "etc/passwd": {Data: []byte("s")},
		}
		set, list := rule.LoadFS(fsys, ".")
		if set.Len() != 0 || len(list) < 2 {
			t.Errorf("%s: %d rules run, %v", id, set.Len(), list)
		}
	}
}

func TestParseIPRange(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0 10.255.255.255", "10.1.2.3/30": "10.1.2.0 10.1.2.3", "10.0.0.1": "10.0.0.1 10.0.0.1",
		"10.0.0.1-10.0.0.9": "10.0.0.1 10.0.0.9", "fe80::/126": "fe80:: fe80::3", "0.0.0.0/0": "0.0.0.0 255.255.255.255",
		"": "", "10.0.0.1-": "", "fe80::1%eth0": "", "fe80::1%a-fe80::2%a": "",
	} {
		first, last, err := rule.ParseIPRange(text)
		got := first.String() + " " + last.String()
		if err != nil {
			got = ""
		}
		if got != want {
			t.Errorf("%q is %q (%v), want %q", text, got, err, want)
		}
	}
}
