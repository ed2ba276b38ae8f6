package querydsl_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/querydsl"
)

// testFields is a small mapping with one field of every kind.
var testFields = mapping.Table{
	"k":      {Name: "k", Type: mapping.Keyword},
	"n":      {Name: "n", Type: mapping.Long},
	"t":      {Name: "t", Type: mapping.Date},
	"v":      {Name: "v", Type: mapping.Version},
	"txt":    {Name: "txt", Type: mapping.Text},
	"nest":   {Name: "nest", Type: mapping.Nested},
	"nest.k": {Name: "nest.k", Type: mapping.Keyword},
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var q map[string]any
	if err := json.Unmarshal([]byte(text), &q); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return q
}

func TestLower(t *testing.T) {
	tests := []struct{ name, query, want string }{
		{"all", `{"match_all":{"boost":2}}`, `true`},
		{"none", `{"match_none":{}}`, `false`},
		{"exists", `{"exists":{"field":"k"}}`, `(exists k)`},
		{"term", `{"term":{"k":"a"}}`, `(term k "a")`},
		{"term with parameters", `{"term":{"k":{"value":"a","case_insensitive":true,"boost":1.5,"_name":"x"}}}`, `(term~ k "a")`},
		{"term of a number", `{"term":{"n":5}}`, `(term n 5)`},
		{"term of a fraction", `{"term":{"n":5.5}}`, `(term n 5.5)`},
		{"terms", `{"terms":{"k":["a",1,true],"boost":1}}`, `(terms k "a" 1 true)`},
		{"no terms", `{"terms":{"k":[]}}`, `false`},
		{"prefix", `{"prefix":{"k":"a*"}}`, `(prefix k "a*")`},
		{"wildcard", `{"wildcard":{"k":{"value":"a*","case_insensitive":true}}}`, `(wildcard~ k "a*")`},
		{"wildcard by its other key", `{"wildcard":{"k":{"wildcard":"a*"}}}`, `(wildcard k "a*")`},
		{"regexp", `{"regexp":{"k":{"value":"a.*","flags":"ALL"}}}`, `(regexp k "a.*")`},
		{"short regexp", `{"regexp":{"k":"a.*"}}`, `(regexp k "a.*")`},
		{"range", `{"range":{"n":{"gte":1,"lt":5,"boost":1}}}`, `(range n gte 1 lt 5)`},
		{"range of old", `{"range":{"n":{"from":1,"to":5,"include_lower":false,"include_upper":true}}}`, `(range n gt 1 lte 5)`},
		{"range without a bound", `{"range":{"n":{"gte":null,"lte":5}}}`, `(range n lte 5)`},
		{"range of dates", `{"range":{"t":{"gte":"2026","format":"yyyy","time_zone":"Zulu"}}}`, `(range t gte "2026" format "yyyy" time-zone "Zulu")`},
		{"match", `{"match":{"txt":"a b"}}`, `(match txt "a b")`},
		{"match with defaults", `{"match":{"txt":{"query":"a b","operator":"OR","zero_terms_query":"none"}}}`, `(match txt "a b")`},
		{"match_phrase", `{"match_phrase":{"txt":{"query":"a b"}}}`, `(match-phrase txt "a b")`},
		{"multi_match of all fields", `{"multi_match":{"type":"phrase","query":"a","lenient":true}}`, `(match-phrase * "a")`},
		{"multi_match", `{"multi_match":{"query":"a","fields":["k^2","txt"]}}`, `(or (match k "a") (match txt "a"))`},
		{"query_string", `{"query_string":{"query":"k:a AND n:>5","analyze_wildcard":true}}`, `(and (term k "a") (range n gt "5"))`},
		{"query_string of one field", `{"query_string":{"query":"a\\-b*","fields":["k"]}}`, `(prefix k "a-b")`},
		{"query_string that is joined", `{"query_string":{"query":"a n:5","default_field":"k","default_operator":"AND"}}`, `(and (term k "a") (match n "5"))`},
		{"query_string that is lenient", `{"query_string":{"query":"n:a OR k:b"}}`, `(term k "b")`},
		{"query_string that is not", `{"query_string":{"query":"n:a OR k:b","lenient":false}}`, `(or (match n "a") (term k "b"))`},
		{"blank query_string", `{"query_string":{"query":" "}}`, `false`},
		{"query_string with more", `{"query_string":{"query":"k:a~"}}`, `(raw {"query_string":{"query":"k:a~"}})`},
		{"query_string of several fields", `{"query_string":{"query":"a","fields":["k","n"]}}`, `(raw {"query_string":{"fields":["k","n"],"query":"a"}})`},
		{"query_string of a list without comparisons", `{"query_string":{"query":">5","fields":["n"]}}`, `(raw {"query_string":{"fields":["n"],"query":">5"}})`},
		{"query_string with a zone", `{"query_string":{"query":"t:>2026","time_zone":"+01:00"}}`, `(raw {"query_string":{"query":"t:>2026","time_zone":"+01:00"}})`},
		{"constant_score", `{"constant_score":{"filter":{"term":{"k":"a"}},"boost":3}}`, `(term k "a")`},
		{"boosting", `{"boosting":{"positive":{"term":{"k":"a"}},"negative":{"term":{"k":"b"}},"negative_boost":0.1}}`, `(term k "a")`},
		{"dis_max", `{"dis_max":{"queries":[{"term":{"k":"a"}},{"term":{"k":"b"}}],"tie_breaker":0.5}}`, `(or (term k "a") (term k "b"))`},
		{"nested", `{"nested":{"path":"nest","query":{"term":{"nest.k":"a"}},"score_mode":"avg"}}`, `(nested nest (term nest.k "a"))`},

		{"empty bool", `{"bool":{}}`, `true`},
		{"must and filter", `{"bool":{"must":{"term":{"k":"a"}},"filter":[{"term":{"k":"b"}}]}}`, `(and (term k "a") (term k "b"))`},
		{"must_not", `{"bool":{"must_not":[{"term":{"k":"a"}},{"term":{"k":"b"}}]}}`, `(and (not (term k "a")) (not (term k "b")))`},
		{"must_not with a minimum", `{"bool":{"must_not":{"term":{"k":"a"}},"minimum_should_match":1}}`, `(not (term k "a"))`},
		{"should alone", `{"bool":{"should":[{"term":{"k":"a"}},{"term":{"k":"b"}}]}}`, `(or (term k "a") (term k "b"))`},
		{"should beside must_not", `{"bool":{"should":{"term":{"k":"a"}},"must_not":{"term":{"n":1}}}}`, `(and (term k "a") (not (term n 1)))`},
		{"should beside must", `{"bool":{"should":{"term":{"k":"a"}},"must":{"term":{"n":1}}}}`, `(term n 1)`},
		{"none of should beside nothing", `{"bool":{"should":{"term":{"k":"a"}},"minimum_should_match":0}}`, `(term k "a")`},
		{"one of should beside must", `{"bool":{"should":{"term":{"k":"a"}},"must":{"term":{"n":1}},"minimum_should_match":"1"}}`, `(and (term n 1) (term k "a"))`},
		{"all of should", `{"bool":{"should":[{"term":{"k":"a"}},{"term":{"k":"b"}}],"minimum_should_match":2}}`, `(and (term k "a") (term k "b"))`},
		{"more than should", `{"bool":{"should":[{"term":{"k":"a"}}],"minimum_should_match":2}}`, `false`},
		{
			"some of should",
			`{"bool":{"should":[{"term":{"k":"a"}},{"term":{"k":"b"}},{"term":{"k":"c"}}],"minimum_should_match":2,"must_not":{"term":{"n":1}}}}`,
			`(and (raw {"bool":{"minimum_should_match":2,"should":[{"term":{"k":"a"}},{"term":{"k":"b"}},{"term":{"k":"c"}}]}}) (not (term n 1)))`,
		},
		{
			"a share of should beside must",
			`{"bool":{"should":[{"term":{"k":"a"}}],"minimum_should_match":"50%","must":{"term":{"n":1}}}}`,
			`(and (term n 1) (raw {"bool":{"filter":[{"match_all":{}}],"minimum_should_match":"50%","should":[{"term":{"k":"a"}}]}}))`,
		},
		{"must_not that does not stand alone", `{"bool":{"must_not":{"term":{"k":"a"}},"adjust_pure_negative":false}}`, `(raw {"bool":{"adjust_pure_negative":false,"must_not":{"term":{"k":"a"}}}})`},

		{"a clause that is not known", `{"bool":{"filter":[{"term":{"k":"a"}},{"fuzzy":{"k":"b"}}]}}`, `(and (term k "a") (raw {"fuzzy":{"k":"b"}}))`},
		{"a parameter that is not known", `{"term":{"k":{"value":"a","new":1}}}`, `(raw {"term":{"k":{"new":1,"value":"a"}}})`},
		{"a query of terms", `{"terms":{"k":{"index":"x","id":"1","path":"p"}}}`, `(raw {"terms":{"k":{"id":"1","index":"x","path":"p"}}})`},
		{"all words", `{"match":{"txt":{"query":"a b","operator":"and"}}}`, `(raw {"match":{"txt":{"operator":"and","query":"a b"}}})`},
		{"slop", `{"match_phrase":{"txt":{"query":"a b","slop":1}}}`, `(raw {"match_phrase":{"txt":{"query":"a b","slop":1}}})`},
		{"fewer operators", `{"regexp":{"k":{"value":"a","flags":"NONE"}}}`, `(raw {"regexp":{"k":{"flags":"NONE","value":"a"}}})`},
		{"rewriting", `{"prefix":{"k":{"value":"a","rewrite":"top_terms_1"}}}`, `(raw {"prefix":{"k":{"rewrite":"top_terms_1","value":"a"}}})`},
		{"case of a number", `{"term":{"k":{"value":1,"case_insensitive":true}}}`, `(raw {"term":{"k":{"case_insensitive":true,"value":1}}})`},
		{"a field of the document", `{"term":{"_routing":"a"}}`, `(raw {"term":{"_routing":"a"}})`},
		{"fields by a pattern", `{"exists":{"field":"k*"}}`, `(raw {"exists":{"field":"k*"}})`},
		{"relation", `{"range":{"n":{"gte":1,"relation":"within"}}}`, `(raw {"range":{"n":{"gte":1,"relation":"within"}}})`},
		{"pattern of a version", `{"wildcard":{"v":"1.*"}}`, `(raw {"wildcard":{"v":"1.*"}})`},
		{"ids", `{"ids":{"values":["a"]}}`, `(raw {"ids":{"values":["a"]}})`},
		{"other fields", `{"multi_match":{"query":"a","fields":["k*"]}}`, `(raw {"multi_match":{"fields":["k*"],"query":"a"}})`},
		{"many fields", `{"multi_match":{"query":"a","type":"cross_fields","fields":["k"]}}`, `(raw {"multi_match":{"fields":["k"],"query":"a","type":"cross_fields"}})`},
		{"hits of nested", `{"nested":{"path":"nest","query":{"match_all":{}},"inner_hits":{}}}`, `(raw {"nested":{"inner_hits":{},"path":"nest","query":{"match_all":{}}}})`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := querydsl.Lower(object(t, tt.query), testFields)
			if err != nil {
				t.Fatal(err)
			}
			if e.String() != tt.want {
				t.Errorf("got %s, want %s", e, tt.want)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	tests := []struct{ query, want string }{
		{`{}`, `a query is an object of one clause, not of 0`},
		{`{"term":{"k":"a"},"exists":{"field":"k"}}`, `a query is an object of one clause, not of 2`},
		{`{"term":[]}`, `term: a clause is an object, not an array`},
		{`{"bool":{"must":["x"]}}`, `bool.must[0]: a query is an object, not a string`},
		{`{"bool":{"should":[{"match_all":{}},null]}}`, `bool.should[1]: a query is an object, not null`},
		{`{"bool":{"must_not":{}}}`, `bool.must_not: a query is an object of one clause, not of 0`},
		{`{"bool":{"filter":[{"bool":{"must":{"term":{}}}}]}}`, `bool.filter[0].bool.must.term: one field is wanted, not 0 []`},
		{`{"term":{"k":"a","boost":1}}`, `term: one field is wanted, not 2 [boost, k]`},
		{`{"term":{"k":["a"]}}`, `term.k: one value is wanted, not an array`},
		{`{"term":{"k":null}}`, `term.k: a value is wanted`},
		{`{"terms":{"k":"a"}}`, `terms.k: an array of values is wanted, not a string`},
		{`{"wildcard":{"k":{}}}`, `wildcard.k: a value is wanted`},
		{`{"match":{"txt":{"operator":"or"}}}`, `match.txt: a value is wanted`},
		{`{"exists":{"field":["k"]}}`, `exists.field: the name of a field is wanted`},
		{`{"range":{"n":5}}`, `range.n: the bounds of a range are an object`},
		{`{"range":{"n":{"gt":1,"gte":2}}}`, `range.n: [gt] and [gte] are bounds on the same side: write one`},
		{`{"query_string":{"query":"k:(a"}}`, `query_string.query:1:5: error: the query ends where an operator or ")" is expected [lucene/syntax]`},
		{`{"query_string":{}}`, `query_string.query: a text is wanted`},
		{`{"nested":{"path":"nest","query":{"term":1}}}`, `nested.query.term: a clause is an object, not a number`},
	}
	for _, tt := range tests {
		e, err := querydsl.Lower(object(t, tt.query), testFields)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.query, e, err, tt.want)
		}
	}
	if _, err := querydsl.Lower(map[string]any{"term": func() {}}, testFields); err == nil {
		t.Error("a function is JSON")
	}
}

// Numbers may have any type that a JSON decoder makes.
func TestNumbers(t *testing.T) {
	tests := []struct {
		value any
		want  string
	}{
		{float64(5), `(term n 5)`},
		{int64(5), `(term n 5)`},
		{json.Number("5"), `(term n 5)`},
		{json.Number("9007199254740993"), `(term n 9007199254740993)`},
		{json.Number("5.5"), `(term n 5.5)`},
		{json.Number("5.0"), `(raw {"term":{"n":5.0}})`},
		{json.Number("18446744073709551615"), `(raw {"term":{"n":18446744073709551615}})`},
	}
	for _, tt := range tests {
		e, err := querydsl.Lower(map[string]any{"term": map[string]any{"n": tt.value}}, testFields)
		if err != nil || e.String() != tt.want {
			t.Errorf("%#v: got %v, %v, want %s", tt.value, e, err, tt.want)
		}
	}
}

// The rest of a query is matched even if a part is kept for Elasticsearch.
func TestMatchesWhatIsKnown(t *testing.T) {
	d, err := (&event.Event{Source: json.RawMessage(`{"k":"Ab","n":[3,7]}`)}).Document()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		query string
		want  bool
	}{
		{`{"bool":{"must":[{"wildcard":{"k":{"value":"a?","case_insensitive":true}}}],"must_not":[{"range":{"n":{"gt":3,"lt":7}}}]}}`, true},
		{`{"bool":{"should":[{"term":{"k":"ab"}},{"terms":{"n":[1,2]}}]}}`, false},
	}
	for _, tt := range tests {
		e, err := querydsl.Lower(object(t, tt.query), testFields)
		if err != nil {
			t.Fatal(err)
		}
		m, err := condition.Compile(e, testFields)
		if err != nil {
			t.Fatal(err)
		}
		if m.Match(d) != tt.want {
			t.Errorf("%s is %t", tt.query, !tt.want)
		}
	}
	e, err := querydsl.Lower(object(t, `{"fuzzy":{"k":"a"}}`), testFields)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := condition.Compile(e, testFields); !errors.Is(err, condition.ErrSearchOnly) {
		t.Errorf("fuzzy: %v", err)
	}
}

func TestNames(t *testing.T) {
	q := `{"bool":{
		"must":[{"term":{"a":1}},{"terms":{"b":[1],"boost":1}},{"exists":{"field":"c"}},{"range":{"d":{"gte":1}}}],
		"filter":{"nested":{"path":"e","query":{"match":{"e.f":"x"}}}},
		"should":[{"multi_match":{"query":"x","fields":["g^2","h*"]}},{"fuzzy":{"i":{"value":"term"}}},{"function_score":{"query":{"term":{"j":1}}}}],
		"must_not":[{"term":{"a":{"value":"exists"}}},{"query_string":{"query":"k:(x OR l:>5) y","fields":["m^2"]}}]
	}}`
	want := strings.Fields("a b c d e e.f g h* i j k l m")
	if diff := cmp.Diff(want, querydsl.Names(object(t, q))); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
