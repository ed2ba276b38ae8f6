package lucene_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/lucene"
)

// testFields is a small mapping with one field of every kind.
var testFields = mapping.Table{
	"k":      {Name: "k", Type: mapping.Keyword},
	"k.b":    {Name: "k.b", Type: mapping.Keyword},
	"n":      {Name: "n", Type: mapping.Long},
	"b":      {Name: "b", Type: mapping.Boolean},
	"t":      {Name: "t", Type: mapping.Date},
	"ip":     {Name: "ip", Type: mapping.IP},
	"v":      {Name: "v", Type: mapping.Version},
	"txt":    {Name: "txt", Type: mapping.Text},
	"mixed":  {Name: "mixed", Type: mapping.Keyword, Conflict: []string{"long in [idx-2]"}},
	"flat":   {Name: "flat", Type: mapping.Flattened},
	"nest":   {Name: "nest", Type: mapping.Nested},
	"nest.k": {Name: "nest.k", Type: mapping.Keyword, Nested: "nest"},
	"obj":    {Name: "obj", Type: mapping.Object},
}

func TestLower(t *testing.T) {
	tests := []struct{ name, query, want string }{
		{"nothing", " \t", `true`},
		{"everything", `*:*`, `true`},
		{"a lone star", `*`, `true`},
		{"keyword", `k:a`, `(term k "a")`},
		{"phrase", `k:"a b"`, `(term k "a b")`},
		{"a phrase's distance means nothing beside a keyword", `k:"a b"~2^3`, `(term k "a b")`},
		{"prefix", `k:a\*b*`, `(prefix k "a*b")`},
		{"wildcard", `k:a?b\**`, `(wildcard k "a?b\\**")`},
		{"regular expression", `k:/a[^\/]+/`, `(regexp k "a[^\\/]+")`},
		{"number", `n:5`, `(match n "5")`},
		{"boolean", `b:true`, `(match b "true")`},
		{"network", `ip:"10.0.0.0/8"`, `(match-phrase ip "10.0.0.0/8")`},
		{"flattened key", `flat.a:x`, `(match flat.a "x")`},
		{"prefix of a flattened key", `flat.a:x*`, `(prefix flat.a "x")`},
		{"words", `txt:error`, `(match txt "error")`},
		{"phrase of text", `txt:"out of memory"`, `(match-phrase txt "out of memory")`},
		{"exists", `_exists_:k`, `(exists k)`},
		{"exists by a star", `obj:*`, `(exists obj)`},
		{"exists of several", `_exists_:(k OR n)`, `(or (exists k) (exists n))`},

		{"range", `n:[1 TO 5}`, `(range n gte "1" lt "5")`},
		{"open range", `n:{1 TO *]`, `(range n gt "1")`},
		{"quoted bounds", `t:["2026-01-01 00:00" TO "*"]`, `false`},
		{"date math", `t:[now-1d TO now} OR t:"now/d" OR t:>2026-01-01||\/d`, `(or (range t gte "now-1d" lt "now") (match-phrase t "now/d") (range t gt "2026-01-01||/d"))`},
		{"dates", `t:[2026-01-01 TO 2026-01-02]`, `(range t gte "2026-01-01" lte "2026-01-02")`},
		{"at least", `n:>=5`, `(range n gte "5")`},
		{"below", `n:<5`, `(range n lt "5")`},
		{"comparison by an escaped sign", `n:\>5`, `(range n gt "5")`},
		{"a lone sign of a comparison", `k:>`, `(term k ">")`},
		{"a bound that is a sign", `k:>=`, `(range k gt "=")`},
		{"no comparison in quotes", `k:">5"`, `(term k ">5")`},
		{"a range of a flattened key", `flat.a:[a TO b]`, `(range flat.a gte "a" lte "b")`},

		{"nothing between is OR", `k:a n:5`, `(or (term k "a") (match n "5"))`},
		{"AND", `k:a AND n:5`, `(and (term k "a") (match n "5"))`},
		{"symbols", `k:a && n:5 || !k:b`, `(and (term k "a") (match n "5") (not (term k "b")))`},
		{"OR before AND", `k:a OR k:b AND n:5`, `(and (term k "b") (match n "5"))`},
		{"AND before OR", `k:a AND k:b OR n:5`, `(and (term k "a") (term k "b"))`},
		{"parentheses", `k:a OR (k:b AND n:5)`, `(or (term k "a") (and (term k "b") (match n "5")))`},
		{"signs", `+k:a -k:b n:5`, `(and (term k "a") (not (term k "b")))`},
		{"NOT alone", `NOT k:a`, `(not (term k "a"))`},
		{"OR NOT is not an or", `k:a OR NOT k:b`, `(and (not (term k "b")) (term k "a"))`},
		{"OR of a negation in parentheses", `k:a OR (NOT k:b)`, `(or (term k "a") (not (term k "b")))`},
		{"NOT before AND", `NOT k:a AND n:5`, `(and (match n "5") (not (term k "a")))`},

		{"group of a field", `k:(a OR "b c" OR n:5)`, `(or (term k "a") (term k "b c") (match n "5"))`},
		{"words in a row are one text", `k:(a b)`, `(term k "a b")`},
		{"and so before others", `k:(a b c OR d)`, `(or (term k "a b") (term k "c") (term k "d"))`},
		{"a sign between blanks is a word", `k:(a - b)`, `(or (term k "a") (term k "-") (term k "b"))`},
		{"boost", `(k:a^2 AND k:/b/^0.5)^3`, `(and (term k "a") (regexp k "b"))`},
		{"escapes", `k.b:\u0041\:\"\ b\\`, `(term k.b "A:\" b\\")`},
		{"surrogates", `k:\ud83d\ude00`, `(term k "😀")`},
		{"words with signs inside", `k:a-b+c`, `(term k "a-b+c")`},
		{"operators within words", `k:ANDROID&&x`, `(term k "ANDROID&&x")`},
		{"fuzziness that says nothing", `k:a*~1`, `(prefix k "a")`},
		{"nothing is named like that", `_exists_:k*`, `false`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := diag.NewText("query", tt.query)
			q, diags := lucene.Parse(text)
			if q == nil {
				t.Fatal(diags)
			}
			checkRoundTrip(t, q)
			e, diags := lucene.Lower(q, text, lucene.Options{Fields: testFields})
			if e == nil {
				t.Fatal(diags)
			}
			if e.String() != tt.want {
				t.Errorf("got %s, want %s", e, tt.want)
			}
		})
	}
}

// A part that is not a condition leaves the whole query to the search.
func TestLeft(t *testing.T) {
	for _, query := range []string{
		`error`, `k:a error`, `k:a "b c"`, `*:a`, `err*`, `k:a~`, `k:a~1`, `txt:"a b"~2`, `txt:err*`, `txt:e?r`, `txt:/a/`, `txt:[a TO b]`,
		`txt:"--"`, `k\*:a`, `_id:x`, `_exists_:k\*`, `v:1.*`, `flat.a:*x`, `mixed:a`, `>5`, `[a TO b]`,
	} {
		text := diag.NewText("query", query)
		q, diags := lucene.Parse(text)
		if q == nil {
			t.Fatal(diags)
		}
		checkRoundTrip(t, q)
		e, diags := lucene.Lower(q, text, lucene.Options{Fields: testFields})
		want, err := condition.NewRaw(condition.Query{"query_string": condition.Query{"query": query, "analyze_wildcard": true}})
		if err != nil {
			t.Fatal(err)
		}
		if e != condition.Expr(want) || len(diags) > 0 {
			t.Errorf("%s: got %v, %v", query, e, diags)
		}
	}
}

// TestOptions is about clauses that Kibana does not write.
func TestOptions(t *testing.T) {
	whole := condition.Query{"query_string": condition.Query{"query": "?"}}
	tests := []struct {
		query string
		opts  lucene.Options
		want  string
	}{
		{`k:a n:5`, lucene.Options{DefaultAnd: true}, `(and (term k "a") (match n "5"))`},
		{`k:a OR n:5`, lucene.Options{DefaultAnd: true}, `(or (term k "a") (match n "5"))`},
		{`k:a OR n:5 k:b`, lucene.Options{DefaultAnd: true}, `(term k "b")`},
		{`k:a OR +n:5 AND k:b`, lucene.Options{DefaultAnd: true}, `(and (match n "5") (term k "b"))`},
		{`txt:a`, lucene.Options{DefaultAnd: true, Whole: whole}, `(raw {"query_string":{"query":"?"}})`},
		{`a AND b*`, lucene.Options{DefaultField: "k"}, `(and (term k "a") (prefix k "b"))`},
		{`*`, lucene.Options{DefaultField: "k"}, `(exists k)`},
		{`n:a`, lucene.Options{Strict: true}, `(match n "a")`},
		{`flat.a:/x/`, lucene.Options{Strict: true, Whole: whole}, `(raw {"query_string":{"query":"?"}})`},
	}
	for _, tt := range tests {
		text := diag.NewText("query", tt.query)
		q, diags := lucene.Parse(text)
		if q == nil {
			t.Fatal(diags)
		}
		tt.opts.Fields = testFields
		if e, diags := lucene.Lower(q, text, tt.opts); e == nil || e.String() != tt.want {
			t.Errorf("%s: got %v, %v, want %s", tt.query, e, diags, tt.want)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	tests := []struct{ query, want string }{
		{`k:a OR`, `query:1:7: error: the query ends where a word, a phrase, a range or a group is expected [lucene/syntax]`},
		{`AND k:a`, `query:1:1: error: "AND" stands where a word, a phrase, a range or a group is expected [lucene/syntax]`},
		{"k:a AND\nAND n:5", `query:2:1: error: "AND" stands where a word, a phrase, a range or a group is expected [lucene/syntax]`},
		{`NOT NOT k:a`, `query:1:5: error: "NOT" stands where a word, a phrase, a range or a group is expected [lucene/syntax]`},
		{`k:(a`, `query:1:5: error: the query ends where an operator or ")" is expected [lucene/syntax]`},
		{`k:a)`, `query:1:4: error: ")" stands where an operator or the end of the query is expected [lucene/syntax]`},
		{`()`, `query:1:2: error: ")" stands where a word, a phrase, a range or a group is expected [lucene/syntax]`},
		{`a:b:c`, `query:1:4: error: ":" stands where an operator or the end of the query is expected [lucene/syntax]`},
		{`k*:a`, `query:1:3: error: ":" stands where an operator or the end of the query is expected [lucene/syntax]`},
		{`k:"a b`, `query:1:3: error: the quotes are not closed [lucene/syntax]`},
		{`k:a/b`, `query:1:4: error: the regular expression is not closed: write \/ for a slash [lucene/syntax]`},
		{`k:a\`, `query:1:4: error: nothing is behind the backslash [lucene/syntax]`},
		{`k:\u12`, `query:1:3: error: four hexadecimal digits have to follow \u [lucene/syntax]`},
		{`k:/\u/`, `query:1:4: error: four hexadecimal digits have to follow \u [lucene/syntax]`},
		{`k:a^b`, `query:1:4: error: a number has to follow: write \^ for the character [lucene/syntax]`},
		{`k:a]`, `query:1:4: error: "]" ends no range: write \] for the character [lucene/syntax]`},
		{`n:[1 5]`, `query:1:6: error: "5" stands where TO is expected [lucene/syntax]`},
		{`n:[1 TO 5`, `query:1:10: error: the query ends where "]" or "}" is expected [lucene/syntax]`},
		{`n:[TO]`, `query:1:6: error: "]" stands where TO is expected [lucene/syntax]`},
		{`n:[1 TO ]`, `query:1:9: error: "]" stands where a bound is expected [lucene/syntax]`},
		{`k:a~3`, `query:1:4: error: the distance of a fuzzy word is 0, 1, 2 or AUTO [lucene/syntax]`},
		{"k:a\xff", `query:1:4: error: the query is not valid UTF-8 [lucene/syntax]`},
		{strings.Repeat("(", 300) + "a", `query:1:201: error: the query is nested too deeply [lucene/syntax]`},

		{`k:a AND k:b OR n:5`, `query:1:16: warning: n:5 changes nothing: the clauses beside it are required, this one is not; write parentheses around what belongs together [lucene/optional]`},
		{`host.nam:a OR host.nam:b`, `query:1:1: warning: Unknown field [host.nam]: no index has it, so no event can match here; did you mean [host.name]? [lucene/unmapped-field]`},
		{`obj:a`, `query:1:1: warning: [obj] is an object, which has no value: name a field of it [lucene/value]`},
		{`k:a OR n:b`, `query:1:8: warning: field [n] of type [long]: "b" is not a number: value does not fit the field's type: no event can match here [lucene/value]`},
		{`k:a OR "now-1d/d"`, `query:1:8: warning: date math without a field is resolved by Elasticsearch's own clock, not for the slot of the run: name a field [lucene/value]`},
		{`ip:10.0.*`, `query:1:1: warning: field [ip] of type [ip] cannot be searched for ip:10.0.*: no event can match here [lucene/value]`},
		{`k:/a(/`, `query:1:1: warning: field [k] of type [keyword]: regexp "a(": regular expression: unexpected end at offset 2: no event can match here [lucene/value]`},
		{`flat.a:/x/`, `query:1:1: warning: field [flat.a] of type [flattened] cannot be searched for flat.a:/x/: no event can match here [lucene/value]`},
	}
	for _, tt := range tests {
		text := diag.NewText("query", tt.query)
		q, diags := lucene.Parse(text)
		if q != nil {
			_, diags = lucene.Lower(q, text, lucene.Options{Fields: testFields})
		}
		var got []string
		for _, d := range diags {
			got = append(got, d.Error())
		}
		if strings.Join(got, "\n") != tt.want {
			t.Errorf("%q:\ngot  %s\nwant %s", tt.query, strings.Join(got, "\n"), tt.want)
		}
	}
}

func TestPrint(t *testing.T) {
	tests := []struct{ query, want string }{
		{` k : a  &&  !n:5 || + k:b`, `k:a AND NOT n:5 OR +  k:b`},
		{`k:(a b)`, `k:(a\ b)`},
		{`k:"a\"\\b"`, `k:"a\"\\b"`},
		{`k:[ "a b" TO * }`, `k:["a b" TO *}`},
		{`k:\AND k:\u0041\:*`, `k:\AND k:A\:*`},
		{`(a~2^3)^4`, `(a~2^3)^4`},
		{`a - b -`, ``},
	}
	for _, tt := range tests {
		q, diags := lucene.Parse(diag.NewText("query", tt.query))
		if q == nil {
			if tt.want != "" {
				t.Errorf("%s: %v", tt.query, diags)
			}
			continue
		}
		if q.String() != tt.want {
			t.Errorf("%q: got %q, want %q", tt.query, q.String(), tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	q, diags := lucene.Parse(diag.NewText("query", `a:(x OR b:y) AND _exists_:c AND d:[1 TO 2] -free *:* e.\*:z AND a:*`))
	if q == nil {
		t.Fatal(diags)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e.*"}, q.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

// checkRoundTrip prints a tree and parses the text again: the second tree is the same.
func checkRoundTrip(t *testing.T, q *lucene.Query) {
	t.Helper()
	again, diags := lucene.Parse(diag.NewText("printed", q.String()))
	if again == nil {
		t.Errorf("the printed query is refused: %q\n%v", q.String(), diags)
		return
	}
	if diff := cmp.Diff(q, again, cmpopts.IgnoreTypes(diag.Span{})); diff != "" {
		t.Errorf("printed %q, read again (-first +second):\n%s", q.String(), diff)
	}
}
