package translate_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

var narrowFields = mapping.Table{
	"k":                     {Name: "k", Type: mapping.Keyword},
	"txt":                   {Name: "txt", Type: mapping.Text},
	"n":                     {Name: "n", Type: mapping.Long},
	"ip":                    {Name: "ip", Type: mapping.IP},
	"o":                     {Name: "o", Type: mapping.Object},
	"o.k":                   {Name: "o.k", Type: mapping.Keyword},
	"nest":                  {Name: "nest", Type: mapping.Nested},
	"nest.k":                {Name: "nest.k", Type: mapping.Keyword, Nested: "nest"},
	"nest.n":                {Name: "nest.n", Type: mapping.Long, Nested: "nest"},
	"nest.ip":               {Name: "nest.ip", Type: mapping.IP, Nested: "nest"},
	"host.os.type":          {Name: "host.os.type", Type: mapping.Keyword},
	"host.os.name.caseless": {Name: "host.os.name.caseless", Type: mapping.Keyword},
	"any":                   {Name: "any"},
}

// narrowed loads a rule with further keys and files, and narrows it.
func narrowed(t *testing.T, keys string, at time.Time, files ...string) (condition.Expr, diag.List) {
	t.Helper()
	return narrow(ruleOf(t, keys, files...), at)
}

func narrow(r *rule.Rule, at time.Time) (condition.Expr, diag.List) {
	lowered, list := translate.Moment{Fields: narrowFields, Now: at}.Narrow(r)
	return lowered.Where, list
}

// ruleHead begins the rule of every test.
const ruleHead = `{"rule_id":"r","name":"N","description":"D","risk_score":1,"severity":"low","type":"query","language":"kuery","index":["a"],"query":"a:b",`

func ruleOf(t *testing.T, keys string, files ...string) *rule.Rule {
	t.Helper()
	text := ruleHead + keys + "}\n"
	fsys := fstest.MapFS{"export.ndjson": {Data: []byte(text + strings.Join(files[:min(1, len(files))], ""))}}
	for i := 1; i+1 < len(files); i += 2 {
		fsys["value_lists/"+files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	set, list := rule.LoadFS(fsys, ".")
	if len(list) > 0 {
		t.Fatal(list)
	}
	return set.Rules()[0]
}

// excepting returns a rule with one exception item of the given entries, and value lists.
func excepting(t *testing.T, entries string, lists ...string) *rule.Rule {
	t.Helper()
	item := `{"item_id":"i","list_id":"l","name":"I","entries":[` + entries + `]}`
	return ruleOf(t, `"exceptions_list":[{"list_id":"l"}]`, append([]string{item}, lists...)...)
}

func TestExceptionEntries(t *testing.T) {
	tests := []struct {
		name, entries string
		lists         []string
		want          string
	}{
		{"match", `{"field":"k","type":"match","value":"a"}`, nil, `(match-phrase k "a")`},
		{"match included", `{"field":"k","type":"match","operator":"included","value":""}`, nil, `(match-phrase k "")`},
		{"match excluded", `{"field":"k","type":"match","operator":"excluded","value":"a"}`, nil, `(not (match-phrase k "a"))`},
		{"match on text", `{"field":"txt","type":"match","value":"a b"}`, nil, `(match-phrase txt "a b")`},
		{"match on a number", `{"field":"n","type":"match","value":"5"}`, nil, `(match-phrase n "5")`},
		{"match any", `{"field":"k","type":"match_any","value":["a","b"]}`, nil, `(or (match-phrase k "a") (match-phrase k "b"))`},
		{"match any of one", `{"field":"k","type":"match_any","value":["a"]}`, nil, `(match-phrase k "a")`},
		{"match any excluded", `{"field":"k","type":"match_any","operator":"excluded","value":["a","b"]}`, nil, `(not (or (match-phrase k "a") (match-phrase k "b")))`},
		{"exists", `{"field":"k","type":"exists"}`, nil, `(exists k)`},
		{"exists excluded", `{"field":"k","type":"exists","operator":"excluded"}`, nil, `(not (exists k))`},
		{"wildcard", `{"field":"k","type":"wildcard","value":"C:\\\\*\\\\x?.exe"}`, nil, `(wildcard k "C:\\\\*\\\\x?.exe")`},
		{"wildcard excluded", `{"field":"k","type":"wildcard","operator":"excluded","value":"*"}`, nil, `(not (wildcard k "*"))`},
		{"several", `{"field":"k","type":"exists"},{"field":"n","type":"match","operator":"excluded","value":"5"}`, nil, `(and (exists k) (not (match-phrase n "5")))`},
		{"keywords", `{"field":"k","type":"list","list":{"id":"l","type":"keyword"}}`, []string{"l", "a\nb\n"}, `(terms k "a" "b")`},
		{"keywords excluded", `{"field":"k","type":"list","operator":"excluded","list":{"id":"l","type":"keyword"}}`, []string{"l", "a\nb\n"}, `(not (terms k "a" "b"))`},
		{"no keywords", `{"field":"k","type":"list","list":{"id":"l","type":"keyword"}}`, []string{"l", ""}, `false`},
		{"no keywords excluded", `{"field":"k","type":"list","operator":"excluded","list":{"id":"l","type":"keyword"}}`, []string{"l", ""}, `true`},
		{"addresses", `{"field":"ip","type":"list","list":{"id":"l","type":"ip"}}`, []string{"l", "10.0.0.1\n::1"}, `(terms ip "10.0.0.1" "::1")`},
		{"ranges", `{"field":"ip","type":"list","list":{"id":"l","type":"ip_range"}}`, []string{"l", "10.0.0.0/8\n172.16.0.1-172.16.0.9\nfe80::/16"}, `(or (range ip gte "10.0.0.0" lte "10.255.255.255") (range ip gte "172.16.0.1" lte "172.16.0.9") (range ip gte "fe80::" lte "fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))`},
		{"ranges that touch", `{"field":"ip","type":"list","list":{"id":"l","type":"ip_range"}}`, []string{"l", "10.0.0.8-10.0.0.9\n10.0.0.0-10.0.0.7\n10.0.0.2"}, `(range ip gte "10.0.0.0" lte "10.0.0.9")`},
		{"ranges of texts", `{"field":"k","type":"list","list":{"id":"l","type":"ip_range"}}`, []string{"l", "10.0.0.0/8"}, `(residual "k is in value list l of type ip_range")`},
		{"numbers", `{"field":"n","type":"list","list":{"id":"l","type":"long"}}`, []string{"l", "1\n2"}, `(terms n "1" "2")`},
		{"decimals of a whole number", `{"field":"n","type":"list","list":{"id":"l","type":"double"}}`, []string{"l", "1.0\n2.5"}, `(terms n "1.0" "2.5")`},
		{"numbers of texts", `{"field":"k","type":"list","list":{"id":"l","type":"long"}}`, []string{"l", "1"}, `(residual "k is in value list l of type long")`},
		{"ranges of numbers", `{"field":"n","type":"list","list":{"id":"l","type":"long_range"}}`, []string{"l", "5-9\n-3--1\n8-12"}, `(or (range n gte -3 lte -1) (range n gte 5 lte 12))`},
		{"ranges of decimals", `{"field":"n","type":"list","list":{"id":"l","type":"double_range"}}`, []string{"l", "1.05-1.25"}, `(range n gte 1.05 lte 1.25)`},
		{"booleans", `{"field":"b","type":"list","list":{"id":"l","type":"boolean"}}`, []string{"l", "true"}, `(term b "true")`},
		{"dates", `{"field":"@timestamp","type":"list","list":{"id":"l","type":"date"}}`, []string{"l", "2020-10-01"}, `(range @timestamp gte "2020-10-01T00:00:00Z" lte "2020-10-01T00:00:00.000999999Z" format "strict_date_optional_time_nanos")`},
		{"days", `{"field":"@timestamp","type":"list","list":{"id":"l","type":"date_range"}}`, []string{"l", "2020-10-01\n2020-10-02,2020-10-03"}, `(range @timestamp gte "2020-10-01T00:00:00Z" lte "2020-10-03T23:59:59.999999999Z" format "strict_date_optional_time_nanos")`},
		{"texts", `{"field":"k","type":"list","list":{"id":"l","type":"text"}}`, []string{"l", "a b\nc"}, `(or (match k "a b") (match k "c"))`},
		{"texts on text", `{"field":"txt","type":"list","list":{"id":"l","type":"text"}}`, []string{"l", "a b"}, `(raw {"match":{"txt":{"operator":"and","query":"a b"}}})`},
		{"nested", `{"field":"nest","type":"nested","entries":[{"field":"k","type":"match","value":"a"},{"field":"n","type":"match_any","operator":"excluded","value":["1","2"]}]}`, nil, `(nested nest (and (match-phrase nest.k "a") (not (or (match-phrase nest.n "1") (match-phrase nest.n "2")))))`},
		{"list within nested", `{"field":"nest","type":"nested","entries":[{"field":"ip","type":"list","list":{"id":"l","type":"ip_range"}}]}`, []string{"l", "10.0.0.0/8"}, `(nested nest (range nest.ip gte "10.0.0.0" lte "10.255.255.255"))`},
		{"not mapped", `{"field":"missing","type":"match","value":"a"}`, nil, `(match-phrase missing "a")`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := excepting(t, tt.entries, tt.lists...)
			e, list := translate.Exceptions(r, narrowFields, time.Time{})
			if e == nil || len(list) > 0 {
				t.Fatal(list)
			}
			if e.String() != tt.want {
				t.Errorf("got  %s\nwant %s", e, tt.want)
			}
			whole, _ := narrow(r, time.Time{})
			if want := condition.Simplify(condition.Not{X: e}); whole.String() != want.String() {
				t.Errorf("a rule without filters is narrowed to %s, not %s", whole, want)
			}
		})
	}
}

func TestExceptionItems(t *testing.T) {
	const (
		system  = `{"item_id":"s","list_id":"l","os_types":["linux","macos"],"entries":[{"field":"k","type":"exists"}]}` + "\n"
		expires = `{"item_id":"e","list_id":"l","expire_time":"2026-01-15T14:00:00Z","entries":[{"field":"n","type":"exists"}]}` + "\n"
		forever = `{"item_id":"f","list_id":"l","entries":[{"field":"ip","type":"exists"}]}` + "\n"
	)
	ends := time.Date(2026, time.January, 15, 14, 0, 0, 0, time.UTC)
	tests := []struct {
		items string
		at    time.Time
		want  string
	}{
		{system, ends, `(not (and (or (match-phrase host.os.type "linux") (match-phrase host.os.type "macos") (match-phrase host.os.name.caseless "linux") (match-phrase host.os.name.caseless "macos")) (exists k)))`},
		{expires + forever, time.Time{}, `(not (or (exists n) (exists ip)))`},
		{expires + forever, ends.Add(-1), `(not (or (exists n) (exists ip)))`},
		{expires + forever, ends, `(not (exists ip))`},
		{expires, ends, `true`},
	}
	for _, tt := range tests {
		e, list := narrowed(t, `"exceptions_list":[{"list_id":"l"}]`, tt.at, tt.items)
		if e == nil || e.String() != tt.want || len(list) > 0 {
			t.Errorf("at %s: %v, %v\nwant %s", tt.at, e, list, tt.want)
		}
	}
}

// A test that the type does not allow is reported at its entry.
func TestExceptionsThatDoNotFit(t *testing.T) {
	tests := []struct {
		entries string
		lists   []string
		column  int
		want    string
	}{
		{`{"field":"ip","type":"match","value":"x"}`, nil, 1, `error: exception I: field [ip] of type [ip]: "x" is not an IP address`},
		{`{"field":"k","type":"exists"},{"field":"n","type":"match_any","value":["1","x"]}`, nil, 31, `error: exception I: field [n] of type [long]: `},
		{`{"field":"n","type":"wildcard","operator":"excluded","value":"1*"}`, nil, 1, `error: exception I: field [n] of type [long]: `},
		{`{"field":"nest","type":"nested","entries":[{"field":"n","type":"match","value":"x"}]}`, nil, 1, `error: exception I: nested object [nest]: field [nest.n] of type [long]: `},
		{`{"field":"n","type":"list","list":{"id":"l","type":"keyword"}}`, []string{"l", "x\ny"}, 1, `error: exception I: field [n] of type [long]: `},
		{`{"field":"o","type":"nested","entries":[{"field":"k","type":"match","value":"x"}]}`, nil, 1, `warning: exception I never applies: o is of type object and no nested object`},
	}
	for _, tt := range tests {
		r := excepting(t, tt.entries, tt.lists...)
		e, list := narrow(r, time.Time{})
		start := len(`{"item_id":"i","list_id":"l","name":"I","entries":[`)
		want := fmt.Sprintf("export.ndjson:2:%d: %s", start+tt.column, tt.want)
		if len(list) != 1 || !strings.HasPrefix(list[0].Error(), want) || list[0].Code != translate.CodeException || (e == nil) != list.HasErrors() {
			t.Errorf("%v, %v\nwant %s", e, list, want)
		}
	}
}

// Many ranges are matched in memory, with the same result as few.
func TestManyRanges(t *testing.T) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "10.%d.%d.10-10.%d.%d.20\n", i/200, i%200, i/200, i%200)
	}
	r := excepting(t, `{"field":"ip","type":"list","list":{"id":"l","type":"ip_range"}}`, "l", text.String())
	e, _ := translate.Exceptions(r, narrowFields, time.Time{})
	if _, ok := e.(condition.Residual); !ok {
		t.Fatalf("%T is searched for", e)
	}
	m, err := condition.Compile(e, narrowFields)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"10.0.0.9": false, "10.0.0.10": true, "10.0.0.15": true, "10.0.0.20": true, "10.0.0.21": false, "10.9.199.20": true, "10.9.199.21": false,
		"9.255.255.255": false, "::ffff:10.3.7.12": true, "::1": false, "ffff::": false, "no address": false,
	} {
		if _, err := netip.ParseAddr(address); err != nil && want {
			t.Fatal(err)
		}
		if got := m.Match(event.NewDocument(map[string]any{"ip": address})); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	if superset, exact := condition.Pushdown(condition.Not{X: e}, narrowFields); exact || superset != condition.Expr(condition.Const(true)) {
		t.Errorf("searched: %s, %t", superset, exact)
	}
}

func TestFilters(t *testing.T) {
	tests := []struct{ name, filters, want string }{
		{"none", ``, `true`},
		{"phrase", `{"meta":{"alias":null,"negate":false,"disabled":false,"type":"phrase","key":"k","params":{"query":"a"},"index":"x","field":"k"},"query":{"match_phrase":{"k":"a"}},"$state":{"store":"appState"}}`, `(match-phrase k "a")`},
		{"negated", `{"meta":{"negate":true},"query":{"match_phrase":{"k":"a"}}}`, `(not (match-phrase k "a"))`},
		{"disabled", `{"meta":{"disabled":true,"negate":true},"query":{"match_phrase":{"k":"a"}}},{"query":{"exists":{"field":"k"}}}`, `(exists k)`},
		{"phrases", `{"meta":{"type":"phrases","key":"k","params":["a","b"]},"query":{"bool":{"should":[{"match_phrase":{"k":"a"}},{"match_phrase":{"k":"b"}}],"minimum_should_match":1}}}`, `(or (match-phrase k "a") (match-phrase k "b"))`},
		{"range", `{"meta":{"type":"range","key":"n","params":{"gte":1,"lt":5}},"query":{"range":{"n":{"gte":1,"lt":5}}}}`, `(range n gte 1 lt 5)`},
		{"exists", `{"meta":{"type":"exists","key":"k","value":"exists"},"query":{"exists":{"field":"k"}}}`, `(exists k)`},
		{"exists of old", `{"meta":{"type":"exists","negate":true},"exists":{"field":"k"},"$state":{"store":"appState"}}`, `(not (exists k))`},
		{"range of old", `{"meta":{"type":"range"},"range":{"n":{"gt":3}}}`, `(range n gt 3)`},
		{"match all of old", `{"meta":{},"match_all":{}}`, `true`},
		{"phrase of old", `{"meta":{"type":"phrase"},"query":{"match":{"k":{"query":"a","type":"phrase"}}}}`, `(match-phrase k "a")`},
		{"phrase of older", `{"meta":{"type":"phrase"},"match":{"k":{"query":"a","type":"phrase"}}}`, `(match-phrase k "a")`},
		{"match", `{"meta":{},"query":{"match":{"k":"a"}}}`, `(match k "a")`},
		{"wildcard", `{"meta":{"negate":true},"query":{"wildcard":{"k":{"case_insensitive":true,"value":"a*"}}}}`, `(not (wildcard~ k "a*"))`},
		{"custom", `{"meta":{"type":"custom","key":"query","value":"{}"},"query":{"bool":{"must_not":[{"term":{"k":"a"}}],"filter":{"exists":{"field":"n"}}}}}`, `(and (exists n) (not (term k "a")))`},
		{"geography", `{"meta":{"type":"spatial_filter"},"geo_distance":{"distance":"10km","o.k":[1,2]}}`, `(raw {"geo_distance":{"distance":"10km","o.k":[1,2]}})`},
		{"keys beside query", `{"meta":{},"query":{"exists":{"field":"k"}},"range":{"n":{"gt":1}}}`, `(exists k)`},
		{"and", `{"meta":{"type":"combined","relation":"AND","params":[{"meta":{"negate":true},"query":{"match_phrase":{"k":"a"}}},{"meta":{},"query":{"exists":{"field":"n"}}}]},"query":{}}`, `(and (not (match-phrase k "a")) (exists n))`},
		{"or", `{"meta":{"type":"combined","relation":"OR","negate":true,"params":[{"meta":{},"query":{"match_phrase":{"k":"a"}}},{"meta":{"type":"combined","relation":"and","params":[{"query":{"exists":{"field":"n"}}},{"exists":{"field":"ip"}}]}}]},"query":{}}`, `(not (or (match-phrase k "a") (and (exists n) (exists ip))))`},
		{"nested field", `{"meta":{"type":"phrase","key":"nest.k"},"query":{"match_phrase":{"nest.k":"a"}}}`, `(nested nest (match-phrase nest.k "a"))`},
		{"nested field, negated", `{"meta":{"negate":true},"query":{"match_phrase":{"nest.k":"a"}}}`, `(not (nested nest (match-phrase nest.k "a")))`},
		{"nested", `{"query":{"nested":{"path":"nest","query":{"term":{"nest.k":"a"}}}}}`, `(nested nest (term nest.k "a"))`},
		{"several", `{"query":{"exists":{"field":"k"}}},{"query":{"exists":{"field":"n"}}}`, `(and (exists k) (exists n))`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, list := narrowed(t, `"filters":[`+tt.filters+`]`, time.Time{})
			if e == nil || len(list) > 0 {
				t.Fatal(list)
			}
			if e.String() != tt.want {
				t.Errorf("got  %s\nwant %s", e, tt.want)
			}
		})
	}
}

func TestFiltersThatAreNone(t *testing.T) {
	tests := []struct{ filter, want string }{
		{`{"meta":[],"query":{}}`, `filter: meta is no object`},
		{`{"meta":{"negate":"yes"},"query":{"match_all":{}}}`, `filter: meta.negate is neither true nor false`},
		{`{"meta":{"disabled":1},"query":{"match_all":{}}}`, `filter: meta.disabled is neither true nor false`},
		{`{"meta":{},"query":{}}`, `filter: a query is an object of one clause, not of 0`},
		{`{"meta":{}}`, `filter: a query is an object of one clause, not of 0`},
		{`{"query":{"bool":{"must":[{"term":5}]}}}`, `filter: bool.must[0].term: a clause is an object, not a number`},
		{`{"query":{"term":{"ip":"x"}}}`, `filter: field [ip] of type [ip]: "x" is not an IP address`},
		{`{"query":{"wildcard":{"n":"1*"}}}`, `filter: field [n] of type [long]: `},
		{`{"meta":{"type":"combined","relation":"OR","params":[]}}`, `filter: meta.params of a combined filter is a list of filters`},
		{`{"meta":{"type":"combined","relation":"OR","params":[7]}}`, `filter: meta.params of a combined filter is a list of filters`},
		{`{"meta":{"type":"combined","relation":"XOR","params":[{"match_all":{}}]}}`, `filter: meta.relation is AND or OR, not XOR`},
		{`{"meta":{"type":"combined","relation":"OR","params":[{"query":{"term":{}}}]}}`, `filter: meta.params[0]: term: `},
	}
	const before = `"filters":[{"match_all":{}},`
	for _, tt := range tests {
		e, list := narrowed(t, before+tt.filter+`]`, time.Time{})
		if e != nil || len(list) != 1 || list[0].Code != translate.CodeFilter || !strings.HasPrefix(list[0].Message, tt.want) || list[0].Line != 1 || list[0].Column != len(ruleHead+before)+1 {
			t.Errorf("%s: %v, %v\nwant %s", tt.filter, e, list, tt.want)
		}
	}
}

func TestNarrowingNames(t *testing.T) {
	r := ruleOf(t, `"exceptions_list":[{"list_id":"l"}],"filters":[{"meta":{"type":"combined","relation":"OR","params":[{"exists":{"field":"f"}},{"meta":{"type":"combined","relation":"AND","params":[{"query":{"term":{"g.h":1}}}]}}]}},{"query":{"match":{"i":{"query":"x","type":"phrase"}}}}]`,
		`{"item_id":"i","list_id":"l","os_types":["linux"],"entries":[{"field":"k","type":"exists"},{"field":"nest","type":"nested","entries":[{"field":"a.b","type":"exists"}]}]}`)
	want := []string{"f", "g.h", "host.os.name.caseless", "host.os.type", "i", "k", "nest", "nest.a.b"}
	if diff := cmp.Diff(want, translate.NarrowingNames(r)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Filters are not modified: a rule is narrowed again and again.
func TestFiltersStay(t *testing.T) {
	r := ruleOf(t, `"filters":[{"meta":{"negate":true},"match":{"k":{"query":"a","type":"phrase"}},"query":null}]`)
	before, _ := json.Marshal(r.Filters)
	for range 2 {
		if e, list := narrow(r, time.Time{}); e == nil || e.String() != `(not (match-phrase k "a"))` {
			t.Fatal(e, list)
		}
	}
	if after, _ := json.Marshal(r.Filters); string(before) != string(after) {
		t.Errorf("%s became %s", before, after)
	}
}
