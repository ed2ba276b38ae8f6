package condition_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

func TestSimplify(t *testing.T) {
	a, b := condition.Term{Field: "a", Value: "x"}, condition.Exists{Field: "b"}
	tests := []struct {
		name string
		in   condition.Expr
		want string
	}{
		{"empty and", condition.And{}, "true"},
		{"empty or", condition.Or{}, "false"},
		{"and with true", condition.And{condition.Const(true), a}, `(term a "x")`},
		{"and with false", condition.And{a, condition.Const(false), b}, "false"},
		{"or with true", condition.Or{a, condition.Const(true)}, "true"},
		{"or with false", condition.Or{condition.Const(false), a, b}, `(or (term a "x") (exists b))`},
		{
			"flatten",
			condition.And{condition.And{a, condition.And{b}}, condition.Or{condition.Or{a, b}, b}},
			`(and (term a "x") (exists b) (or (term a "x") (exists b)))`,
		},
		{"double negation", condition.Not{X: condition.Not{X: a}}, `(term a "x")`},
		{"negated constant", condition.Not{X: condition.And{}}, "false"},
		{"repetition", condition.Or{a, b, a}, `(or (term a "x") (exists b))`},
		{"no terms", condition.Terms{Field: "a"}, "false"},
		{"one term", condition.Terms{Field: "a", Values: []any{"x", "x"}}, `(term a "x")`},
		{"no network", condition.CIDR{Field: "a"}, "false"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := condition.Simplify(tt.in).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// leaves has one value of every node type, so that no part of the package can omit one.
var leaves = []condition.Expr{
	condition.Const(true),
	condition.And{condition.Exists{Field: "k"}, condition.Exists{Field: "n"}},
	condition.Or{condition.Exists{Field: "k"}, condition.Exists{Field: "n"}},
	condition.Not{X: condition.Exists{Field: "k"}},
	condition.Exists{Field: "k"},
	condition.Term{Field: "k", Value: "a", Fold: true},
	condition.Terms{Field: "k", Values: []any{"a", "b"}},
	condition.Wildcard{Field: "k", Pattern: "a*", Fold: true},
	condition.Prefix{Field: "k", Value: "a"},
	condition.Regexp{Field: "k", Pattern: "a.*"},
	condition.Range{Field: "n", Gt: int64(1), Lte: int64(5)},
	condition.CIDR{Field: "ip", Networks: []string{"10.0.0.0/8"}},
	condition.Match{Field: "n", Value: "5"},
	condition.QueryString{Field: "any", Pattern: "a*"},
	condition.Nested{Path: "nest", X: condition.Match{Field: "nest.k", Value: "a"}},
	raw(`{"exists":{"field":"k"}}`),
}

// raw returns a clause of Query DSL from valid JSON.
func raw(text string) condition.Raw {
	var q condition.Query
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		panic(err)
	}
	r, err := condition.NewRaw(q)
	if err != nil {
		panic(err)
	}
	return r
}

func TestEveryNode(t *testing.T) {
	for _, e := range leaves {
		if condition.Simplify(e).String() != e.String() {
			t.Errorf("Simplify changes %s", e)
		}
		if _, err := json.Marshal(condition.DSL(e)); err != nil {
			t.Errorf("DSL of %s: %v", e, err)
		}
		if _, err := condition.Compile(e, fields); err != nil && !errors.Is(err, condition.ErrSearchOnly) {
			t.Errorf("Compile %s: %v", e, err)
		}
		switch e.(type) {
		case condition.Const, condition.Raw:
		default:
			if len(condition.Fields(e)) == 0 {
				t.Errorf("%s tests no field", e)
			}
		}
		if superset, exact := condition.Pushdown(e, fields); !exact || superset.String() != e.String() {
			t.Errorf("Pushdown of %s = %s, %t", e, superset, exact)
		}
	}
}

func TestDSL(t *testing.T) {
	tests := []struct {
		in   condition.Expr
		want string
	}{
		{condition.Const(true), `{"match_all":{}}`},
		{condition.Const(false), `{"match_none":{}}`},
		{condition.Term{Field: "f", Value: int64(5)}, `{"term":{"f":{"value":5}}}`},
		{condition.Term{Field: "f", Value: "A", Fold: true}, `{"term":{"f":{"case_insensitive":true,"value":"A"}}}`},
		{condition.Terms{Field: "f", Values: []any{"a", "b"}}, `{"terms":{"f":["a","b"]}}`},
		{condition.Wildcard{Field: "f", Pattern: `a\*?`}, `{"wildcard":{"f":{"value":"a\\*?"}}}`},
		{condition.Prefix{Field: "f", Value: "a"}, `{"prefix":{"f":{"value":"a"}}}`},
		{condition.Regexp{Field: "f", Pattern: "a.*"}, `{"regexp":{"f":{"flags":"ALL","value":"a.*"}}}`},
		{condition.Range{Field: "f", Gte: "a", Lt: "b"}, `{"range":{"f":{"gte":"a","lt":"b"}}}`},
		{condition.Range{Field: "t", Gte: "2026", Format: "yyyy"}, `{"range":{"t":{"format":"yyyy","gte":"2026"}}}`},
		{condition.CIDR{Field: "f", Networks: []string{"::1/128"}}, `{"terms":{"f":["::1/128"]}}`},
		{condition.Range{Field: "t", Gte: "2026", TimeZone: "Zulu"}, `{"range":{"t":{"gte":"2026","time_zone":"Zulu"}}}`},
		{condition.Match{Field: "f", Value: "a b"}, `{"match":{"f":"a b"}}`},
		{condition.Match{Field: "f", Value: "a b", Phrase: true}, `{"match_phrase":{"f":"a b"}}`},
		{condition.Match{Value: true}, `{"multi_match":{"lenient":true,"query":true,"type":"best_fields"}}`},
		{condition.Match{Value: "a", Phrase: true}, `{"multi_match":{"lenient":true,"query":"a","type":"phrase"}}`},
		{condition.QueryString{Field: "f", Pattern: `a-\\*\?`}, `{"query_string":{"fields":["f"],"query":"a\\-\\\\*\\?"}}`},
		{condition.QueryString{Pattern: `*`}, `{"query_string":{"query":"*"}}`},
		{condition.Nested{Path: "n", X: condition.Const(true)}, `{"nested":{"path":"n","query":{"match_all":{}},"score_mode":"none"}}`},
		{condition.Nested{Path: "n", X: condition.Const(true), IgnoreUnmapped: true}, `{"nested":{"ignore_unmapped":true,"path":"n","query":{"match_all":{}},"score_mode":"none"}}`},
		{condition.Not{X: condition.Exists{Field: "f"}}, `{"bool":{"must_not":[{"exists":{"field":"f"}}]}}`},
		{condition.And{condition.Exists{Field: "f"}, condition.Const(true)}, `{"bool":{"filter":[{"exists":{"field":"f"}},{"match_all":{}}]}}`},
		{condition.Or{condition.Exists{Field: "f"}}, `{"bool":{"minimum_should_match":1,"should":[{"exists":{"field":"f"}}]}}`},
	}
	for _, tt := range tests {
		got, err := json.Marshal(condition.DSL(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.in, diff)
		}
	}
}

// fields is the mapping of the matching tests.
var fields = mapping.Table{
	"k":      {Name: "k", Type: mapping.Keyword, IgnoreAbove: 20},
	"lower":  {Name: "lower", Type: mapping.Keyword, Normalizer: "lowercase"},
	"n":      {Name: "n", Type: mapping.Long},
	"x":      {Name: "x", Type: mapping.Double},
	"f":      {Name: "f", Type: mapping.Float},
	"b":      {Name: "b", Type: mapping.Boolean},
	"t":      {Name: "t", Type: mapping.Date},
	"ns":     {Name: "ns", Type: mapping.DateNanos},
	"ip":     {Name: "ip", Type: mapping.IP},
	"v":      {Name: "v", Type: mapping.Version},
	"txt":    {Name: "txt", Type: mapping.Text},
	"column": {Name: "column", Type: mapping.Keyword, DocValuesOnly: true},
	"txt.kw": {Name: "txt.kw", Type: mapping.Keyword, Path: "txt"},
	"al":     {Name: "al", Type: mapping.Keyword, Path: "k"},
	"o":      {Name: "o", Type: mapping.Object},
	"o.k":    {Name: "o.k", Type: mapping.Keyword},
	"flat":   {Name: "flat", Type: mapping.Flattened},
	"any":    {Name: "any"},
	"null":   {Name: "null", Type: mapping.Keyword, NullValue: "NULL"},
	"const":  {Name: "const", Type: mapping.ConstantKeyword, Constant: new("c")},

	"nest":      {Name: "nest", Type: mapping.Nested},
	"nest.k":    {Name: "nest.k", Type: mapping.Keyword, Nested: "nest"},
	"nest.n":    {Name: "nest.n", Type: mapping.Long, Nested: "nest"},
	"nest.in":   {Name: "nest.in", Type: mapping.Nested, Nested: "nest"},
	"nest.in.k": {Name: "nest.in.k", Type: mapping.Keyword, Nested: "nest.in"},
}

// nested requires one object of nest to match all.
func nested(all ...condition.Expr) condition.Expr {
	return condition.Nested{Path: "nest", X: condition.And(all)}
}

func TestMatch(t *testing.T) {
	term := func(f string, v any) condition.Expr { return condition.Term{Field: f, Value: v} }
	fold := func(f string, v any) condition.Expr { return condition.Term{Field: f, Value: v, Fold: true} }
	wild := func(p string) condition.Expr { return condition.Wildcard{Field: "k", Pattern: p} }
	wildFold := func(p string) condition.Expr { return condition.Wildcard{Field: "k", Pattern: p, Fold: true} }
	gte := func(f string, v any) condition.Expr { return condition.Range{Field: f, Gte: v} }
	tests := []struct {
		source string
		expr   condition.Expr
		want   bool
	}{
		{`{"k":"a"}`, term("k", "a"), true},
		{`{"k":"a"}`, term("k", "A"), false},
		{`{"k":"aÄ"}`, fold("k", "AÄ"), true},
		{`{"k":"ä"}`, fold("k", "Ä"), false}, // Lucene folds ASCII only
		{`{"k":["x",["a",null]]}`, term("k", "a"), true},
		{`{"k":5}`, term("k", "5"), true},
		{`{"k":5.0}`, term("k", "5.0"), true},
		{`{"k":true}`, term("k", "true"), true},
		{`{"k":"123456789012345678901"}`, condition.Exists{Field: "k"}, false}, // above ignore_above
		{`{"k":"12345678901234567890"}`, condition.Exists{Field: "k"}, true},
		{`{"k":null}`, condition.Exists{Field: "k"}, false},
		{`{"k":[]}`, condition.Exists{Field: "k"}, false},
		{`{"k":""}`, condition.Exists{Field: "k"}, true},
		{`{}`, condition.Not{X: term("k", "a")}, true},
		{`{"k":["a","b"]}`, condition.Not{X: term("k", "a")}, false},
		{`{"lower":"AbC"}`, term("lower", "aBc"), true},
		{`{"al":"a"}`, term("al", "a"), false},
		{`{"k":"a"}`, term("al", "a"), true},
		{`{"txt":"Some Text"}`, term("txt.kw", "Some Text"), true},
		{`{"null":null}`, term("null", "NULL"), true},
		{`{}`, term("null", "NULL"), false},
		{`{}`, term("const", "c"), true},
		{`{"flat":{"a":{"b":"x"}}}`, term("flat.a.b", "x"), true},
		{`{"flat":{"a":1}}`, term("flat.a", "1"), true},
		{`{"o":{"k":"a"}}`, term("o.k", "a"), true},
		{`{"o.k":"a"}`, term("o.k", "a"), true},
		{`{"o":[{"k":"a"},{"k":"b"}]}`, term("o.k", "b"), true},
		{`{"o":{"k":"a"},"o.k":"b"}`, condition.And{term("o.k", "a"), term("o.k", "b")}, true},
		{`{"o":{"k":"a"}}`, condition.Exists{Field: "o"}, true},
		{`{"o":{"k":null}}`, condition.Exists{Field: "o"}, false},
		{`{"o":{"k":"a"}}`, term("o", "a"), false},
		{`{"k":""}`, condition.Wildcard{Field: "k"}, false},
		{`{"ip":"10.0.0.1"}`, condition.CIDR{Field: "ip", Networks: []string{"::/0"}}, true},
		{`{"n":5}`, term("n", 1e300), false},
		{`{"b":true}`, condition.Range{Field: "b", Gt: false}, true},
		{`{"t":"2026-01-01T12:00:00Z"}`, condition.Range{Field: "t", Gte: "2026-01-01T12", Lt: "2026-01-01T13", TimeZone: "Zulu"}, true},
		{`{"t":"2026-01-01T12:00:00Z"}`, condition.Range{Field: "t", Gt: "2026-01-01T12:00:00", TimeZone: "UTC"}, false},
		{`{"t":"2026-01-01T12:00:00Z"}`, condition.Range{Field: "t", Lte: "2026"}, true},
		{`{"t":"2026-01-02T12:00:00Z"}`, condition.Range{Field: "t", Lte: "2026"}, false},
		{`{"t":"1970-01-01T00:00:02.026Z"}`, term("t", int64(2026)), true},
		{`{"missing":"a"}`, term("missing", "a"), false},
		{`{"any":"a"}`, term("any", "a"), true},
		{`{"any":7}`, term("any", int64(7)), true},
		{`{"any":true}`, term("any", true), true},
		{`{"any":"10.1.2.3"}`, condition.CIDR{Field: "any", Networks: []string{"10.0.0.0/8"}}, true},

		{`{"k":"curl http://x/api/v1/pods"}`, wild("*api*pods"), false}, // above ignore_above
		{`{"k":"a/api/v1/pods"}`, wild("*/api/*pods*"), true},
		{`{"k":"abc"}`, wild("a?c"), true},
		{`{"k":"aäc"}`, wild("a?c"), true},
		{`{"k":"ac"}`, wild("a?c"), false},
		{`{"k":"ac"}`, wild("a*c"), true},
		{`{"k":"a\nb"}`, wild("a*b"), true},
		{`{"k":"a*c"}`, wild(`a\*c`), true},
		{`{"k":"abc"}`, wild(`a\*c`), false},
		{`{"k":"a\\b"}`, wild(`a\\b`), true},
		{`{"k":"a\\"}`, wild(`a\`), true},
		{`{"k":"aXbXc"}`, wild("a*b?c"), true},
		{`{"k":"abab"}`, wild("*ab"), true},
		{`{"k":"abab"}`, wild("ab*ab"), true},
		{`{"k":"aba"}`, wild("ab*ba"), false}, // the pieces may not overlap
		{`{"k":"x1x2x"}`, wild("*?2?"), true},
		{`{"k":""}`, wild("*"), true},
		{`{"k":""}`, wild("?*"), false},
		{`{"k":"ABC"}`, wildFold("a*C"), true},
		{`{"k":"ABC"}`, wild("a*C"), false},
		{`{"k":"abc"}`, condition.Prefix{Field: "k", Value: "AB", Fold: true}, true},
		{`{"k":"a*c"}`, condition.Prefix{Field: "k", Value: "a*"}, true},
		{`{"k":"abc"}`, condition.Regexp{Field: "k", Pattern: "a.c"}, true},
		{`{"k":"xabc"}`, condition.Regexp{Field: "k", Pattern: "a.c"}, false},
		{`{"k":"ABC"}`, condition.Regexp{Field: "k", Pattern: "a.c", Fold: true}, true},

		{`{"n":5}`, term("n", int64(5)), true},
		{`{"n":"5"}`, term("n", int64(5)), true},
		{`{"n":5.7}`, term("n", int64(5)), true}, // coerced when indexed
		{`{"n":5}`, term("n", 5.5), false},
		{`{"n":9007199254740993}`, term("n", int64(9007199254740992)), false},
		{`{"n":9007199254740993}`, gte("n", 9007199254740992.0), true},
		{`{"n":5}`, condition.Range{Field: "n", Gt: 4.5, Lt: 5.5}, true},
		{`{"n":5}`, condition.Range{Field: "n", Gt: "9223372036854775807", Lte: "K"}, false}, // no value is greater, whatever the other bound
		{`{"n":[50,300]}`, condition.And{condition.Range{Field: "n", Gt: int64(100)}, condition.Range{Field: "n", Lt: int64(200)}}, true},
		{`{"n":[50,300]}`, condition.Range{Field: "n", Gt: int64(100), Lt: int64(200)}, false},
		{`{"x":0.1}`, term("x", 0.1), true},
		{`{"f":0.1}`, term("f", 0.1), true},
		{`{"f":0.10000000149}`, term("f", 0.1), true}, // the same 32-bit number
		{`{"b":"true"}`, term("b", true), true},
		{`{"b":false}`, term("b", false), true},
		{`{"b":""}`, term("b", false), true},

		{`{"t":"2026-01-01T23:59:59.999Z"}`, condition.Range{Field: "t", Lte: "2026-01"}, true}, // a month ends with its first day
		{`{"t":"2026-01-02T00:00:00Z"}`, condition.Range{Field: "t", Lte: "2026-01"}, false},
		{`{"t":"2026-01-01T12:00:00Z"}`, condition.Range{Field: "t", Gt: "2026-01"}, false},
		{`{"t":"2026-01-15T10:00:00+02:00"}`, term("t", "2026-01-15T08:00:00Z"), true},
		{`{"t":"2026-01-15T10:00:00Z"}`, term("t", "2026-01-15"), true},
		{`{"t":1768471200000}`, term("t", "2026-01-15T10:00:00Z"), true},
		{`{"t":"2026-01-15T10:00:00.0009Z"}`, term("t", "2026-01-15T10:00:00.000Z"), true}, // date has milliseconds
		{`{"ns":"2026-01-15T10:00:00.0009Z"}`, term("ns", "2026-01-15T10:00:00.000Z"), false},
		{`{"t":"nonsense"}`, condition.Exists{Field: "t"}, false},

		{`{"ip":"10.1.2.3"}`, term("ip", "10.1.2.3"), true},
		{`{"ip":"::ffff:10.1.2.3"}`, term("ip", "10.1.2.3"), true},
		{`{"ip":"10.1.2.3"}`, term("ip", "10.0.0.0/8"), true},
		{`{"ip":"fe80::1"}`, condition.CIDR{Field: "ip", Networks: []string{"fe80::/10"}}, true},
		{`{"ip":"febf::1"}`, condition.CIDR{Field: "ip", Networks: []string{"fe80::/10"}}, true},
		{`{"ip":"fec0::1"}`, condition.CIDR{Field: "ip", Networks: []string{"fe80::/10"}}, false},
		{`{"ip":"::1"}`, condition.CIDR{Field: "ip", Networks: []string{"127.0.0.0/8", "::1/128"}}, true},
		{`{"ip":["8.8.8.8","192.168.0.1"]}`, condition.CIDR{Field: "ip", Networks: []string{"192.168.0.0/16"}}, true},
		{`{"ip":"10.0.0.9"}`, condition.CIDR{Field: "ip", Networks: []string{"10.0.0.7/29"}}, false},
		{`{"ip":"10.0.0.1"}`, condition.CIDR{Field: "ip", Networks: []string{"10.0.0.7/29"}}, true},
		{`{"ip":"10.0.0.2"}`, condition.Range{Field: "ip", Gt: "10.0.0.1", Lt: "10.0.0.10"}, true},
		{`{"ip":"no"}`, condition.Exists{Field: "ip"}, false},
		{`{"k":"10.1.2.3"}`, condition.CIDR{Field: "k", Networks: []string{"10.0.0.0/8"}}, true},

		{`{"k":"a b"}`, condition.Match{Field: "k", Value: "a b"}, true},
		{`{"k":"a b"}`, condition.Match{Field: "k", Value: "a"}, false},
		{`{"k":"true"}`, condition.Match{Field: "k", Value: true}, true},
		{`{"n":5}`, condition.Match{Field: "n", Value: "5", Phrase: true}, true},
		{`{"b":true}`, condition.Match{Field: "b", Value: true}, true},
		{`{"ip":"10.1.2.3"}`, condition.Match{Field: "ip", Value: "10.0.0.0/8"}, true},
		{`{"any":7}`, condition.Match{Field: "any", Value: "7"}, true},
		{`{"any":"7"}`, condition.Match{Field: "any", Value: "7"}, true},
		{`{"any":true}`, condition.Match{Field: "any", Value: true}, true},
		{`{"any":"10.1.2.3"}`, condition.Match{Field: "any", Value: "10.0.0.0/8"}, true},
		{`{"any":"abc"}`, condition.QueryString{Field: "any", Pattern: "a*"}, true},
		{`{"flat":{"a":"abc"}}`, condition.QueryString{Field: "flat.a", Pattern: "a*"}, true},
		{`{"missing":"a"}`, condition.Match{Field: "missing", Value: "a"}, false},

		{`{"nest":{"k":"a","n":1}}`, nested(term("nest.k", "a"), term("nest.n", int64(1))), true},
		{`{"nest":[{"k":"a","n":2},{"k":"b","n":1}]}`, nested(term("nest.k", "a"), term("nest.n", int64(1))), false},
		{`{"nest":[{"k":"a","n":2},{"k":"a","n":1}]}`, nested(term("nest.k", "a"), term("nest.n", int64(1))), true},
		{`{"nest":[{"k":["b","a"]}]}`, nested(term("nest.k", "a"), term("nest.k", "b")), true},
		{`{"nest.k":"a"}`, nested(term("nest.k", "a")), true},
		{`{"nest.k":"a","nest.n":1}`, nested(term("nest.k", "a"), term("nest.n", int64(1))), false}, // an object for each key
		{`{"k":"a"}`, condition.Nested{Path: "k", X: term("k.k", "a"), IgnoreUnmapped: true}, false},
		{`{"nest":[]}`, nested(condition.Not{X: term("nest.k", "a")}), false},
		{`{"nest":[{"k":"a"},{"n":1}]}`, nested(condition.Not{X: condition.Exists{Field: "nest.k"}}), true},
		{`{"nest":{"k":"a"}}`, term("nest.k", "a"), false},
		{`{"nest":{"k":"a"},"k":"b"}`, nested(term("k", "b")), false}, // the object is alone
		{`{"nest":{"in":[{"k":"a"},{"k":"b"}]}}`, nested(condition.Nested{Path: "nest.in", X: term("nest.in.k", "b")}), true},
		{`{"nest":{"in":{"k":"a"}}}`, nested(term("nest.in.k", "a")), false},
		{`{"nest":{"k":"a"}}`, condition.Nested{Path: "gone", X: term("gone.k", "a"), IgnoreUnmapped: true}, false},

		{`{"v":"1.10.0"}`, gte("v", "1.9.0"), true},
		{`{"v":"1.0.0-beta"}`, gte("v", "1.0.0"), false},
	}
	for _, tt := range tests {
		m, err := condition.Compile(tt.expr, fields)
		if err != nil {
			t.Errorf("%s: %v", tt.expr, err)
			continue
		}
		e := event.Event{Source: json.RawMessage(tt.source)}
		doc, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Match(doc); got != tt.want {
			t.Errorf("%s on %s = %t", tt.expr, tt.source, got)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	tests := []struct {
		expr condition.Expr
		want error
	}{
		{condition.Term{Field: "txt", Value: "a"}, condition.ErrAnalysed},
		{condition.Term{Field: "column", Value: "a", Fold: true}, condition.ErrSearchOnly},
		{condition.Wildcard{Field: "column", Pattern: "a*", Fold: true}, condition.ErrSearchOnly},
		{condition.Term{Field: "ip", Value: "a"}, condition.ErrLiteral},
		{condition.Match{Field: "txt", Value: "a"}, condition.ErrAnalysed},
		{condition.QueryString{Field: "txt", Pattern: "a*"}, condition.ErrAnalysed},
		{condition.Match{Field: "k"}, condition.ErrLiteral},
		{condition.Term{Field: "k"}, condition.ErrLiteral},
		{condition.Term{Field: "missing"}, condition.ErrLiteral},
		{condition.Match{Field: "missing"}, condition.ErrLiteral},
		{condition.Match{Field: "n", Value: "a"}, condition.ErrLiteral},
		{condition.Match{Field: "n", Value: true}, condition.ErrLiteral},
		{condition.Match{Field: "v", Value: int64(1)}, condition.ErrLiteral},
		{condition.QueryString{Field: "n", Pattern: "1*"}, condition.ErrOperator},
		{condition.QueryString{Field: "any", Pattern: "a b*"}, condition.ErrSearchOnly},
		{condition.Nested{Path: "k", X: condition.Exists{Field: "k"}}, condition.ErrOperator},
		{condition.Nested{Path: "missing", X: condition.Exists{Field: "missing"}}, condition.ErrOperator},
		{condition.Nested{Path: "nest", X: condition.Term{Field: "nest.n", Value: "a"}}, condition.ErrLiteral},
		{condition.Range{Field: "t", Gte: "now-1d"}, condition.ErrSearchOnly},
		{condition.Range{Field: "t", Gte: "2026", TimeZone: "Nowhere/Phoenix"}, condition.ErrSearchOnly},
		{condition.CIDR{Field: "ip", Networks: []string{"10.0.0.0/33"}}, condition.ErrLiteral},
		{condition.Term{Field: "n", Value: "a"}, condition.ErrLiteral},
		{condition.Term{Field: "b", Value: "a"}, condition.ErrLiteral},
		{condition.Range{Field: "t", Gte: "a"}, condition.ErrLiteral},
		{condition.Term{Field: "n", Value: "1", Fold: true}, condition.ErrOperator},
		{condition.Wildcard{Field: "n", Pattern: "1*"}, condition.ErrOperator},
		{condition.Term{Field: "b", Value: ""}, condition.ErrLiteral},
		{condition.Terms{Field: "n", Values: []any{int64(1), 1e300}}, condition.ErrLiteral},
		{condition.Range{Field: "n", Lt: "1e300"}, condition.ErrLiteral},
		{condition.Range{Field: "t", Gte: 1767236645100.5}, condition.ErrLiteral},
		{condition.CIDR{Field: "ip", Networks: []string{"::ffff:10.0.0.0/120"}}, condition.ErrLiteral},
	}
	for _, tt := range tests {
		_, err := condition.Compile(condition.Not{X: condition.And{tt.expr}}, fields)
		if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "["+condition.Fields(tt.expr)[0]+"]") {
			t.Errorf("%s: %v, want %v naming the field", tt.expr, err, tt.want)
		}
	}
}

func TestRemainder(t *testing.T) {
	cidr := condition.CIDR{Field: "k", Networks: []string{"10.0.0.0/8"}}
	n := condition.Term{Field: "n", Value: int64(1)}
	text := condition.Match{Field: "txt", Value: "a"}
	tests := []struct {
		in   condition.Expr
		want string
	}{
		{condition.And{n, text}, "true"},
		{condition.And{n, text, cidr}, "(cidr k 10.0.0.0/8)"},
		{condition.And{raw(`{"fuzzy":{"k":"a"}}`), condition.Or{n, cidr}}, "(or (term n 1) (cidr k 10.0.0.0/8))"},
		{condition.And{text, condition.And{n, condition.Not{X: cidr}}}, "(not (cidr k 10.0.0.0/8))"},
		{condition.Or{text, cidr}, `(or (match txt "a") (cidr k 10.0.0.0/8))`},
	}
	for _, tt := range tests {
		if got := condition.Remainder(tt.in, fields); got.String() != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestPushdown(t *testing.T) {
	cidr := condition.CIDR{Field: "k", Networks: []string{"10.0.0.0/8"}}
	n := condition.Term{Field: "n", Value: int64(1)}
	tests := []struct {
		in   condition.Expr
		want string
	}{
		{condition.And{n, cidr}, "(term n 1)"},
		{condition.And{n, condition.Not{X: cidr}}, "(term n 1)"},
		{condition.Nested{Path: "p", X: condition.And{n, cidr}}, "(nested p (term n 1))"},
		{condition.And{n, condition.QueryString{Field: "flat.a", Pattern: "a*"}}, "(term n 1)"},
		{condition.Or{n, cidr}, "true"},
		{condition.Not{X: condition.And{n, cidr}}, "true"},
		{condition.Not{X: condition.Or{n, cidr}}, "(not (term n 1))"},
	}
	for _, tt := range tests {
		superset, exact := condition.Pushdown(tt.in, fields)
		if superset.String() != tt.want || exact {
			t.Errorf("%s: got %s, %t; want %s", tt.in, superset, exact, tt.want)
		}
	}
}

// A value list has hundreds of thousands of values: neither folding nor matching may compare all
// with all.
// TestOneTerm requires a list of one value to be that value, whoever compiles it: a number beyond the range of the
// field's type equals nothing alone, and is an error in a list.
func TestOneTerm(t *testing.T) {
	fields := mapping.Table{"n": {Name: "n", Type: mapping.Integer}}
	huge := json.Number("9007199254740993")
	for _, values := range [][]any{{huge}, {huge, huge}} {
		terms := condition.Terms{Field: "n", Values: values}
		if err := condition.Check(terms, fields); err != nil {
			t.Error(values, err)
		}
		if _, errs := condition.NewSet([]condition.Member{{Expr: terms, Fields: fields}}); errs[0] != nil {
			t.Error(values, errs)
		}
		if diff := cmp.Diff(condition.DSL(condition.Term{Field: "n", Value: huge}), condition.DSL(terms)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", values, diff)
		}
	}
	if err := condition.Check(condition.Terms{Field: "n", Values: []any{huge, json.Number("1")}}, fields); !errors.Is(err, condition.ErrLiteral) {
		t.Error(err)
	}
}

func TestManyTerms(t *testing.T) {
	values := make([]any, 200_000)
	for i := range values {
		values[i] = fmt.Sprintf("value %d", i/2)
	}
	e, ok := condition.Simplify(condition.Terms{Field: "lower", Values: values}).(condition.Terms)
	if !ok || len(e.Values) != len(values)/2 {
		t.Fatalf("%d values are left", len(e.Values))
	}
	m, err := condition.Compile(e, fields)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"VALUE 7": true, "value 99999": true, "value 100000": false} {
		if got := m.Match(event.NewDocument(map[string]any{"lower": text})); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
}

// The trace of a nested group contains the values of all objects.
func TestTraceNested(t *testing.T) {
	doc := event.NewDocument(map[string]any{"nest": []any{map[string]any{"k": "a"}, map[string]any{"k": "b"}}})
	trace, err := condition.NewTrace(nested(condition.Term{Field: "nest.k", Value: "b"}), fields, doc)
	if err != nil || !trace.Holds || strings.Join(trace.Values, " ") != "a b" {
		t.Errorf("%+v, %v", trace, err)
	}
}
