package kql_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/kql"
)

// testFields is a small mapping with one field of every kind.
var testFields = mapping.Table{
	"k":         {Name: "k", Type: mapping.Keyword},
	"kind":      {Name: "kind", Type: mapping.Wildcard},
	"n":         {Name: "n", Type: mapping.Long},
	"b":         {Name: "b", Type: mapping.Boolean},
	"t":         {Name: "t", Type: mapping.Date},
	"ip":        {Name: "ip", Type: mapping.IP},
	"txt":       {Name: "txt", Type: mapping.Text},
	"mixed":     {Name: "mixed", Type: mapping.Keyword, Conflict: []string{"long in [idx-2]"}},
	"flat":      {Name: "flat", Type: mapping.Flattened},
	"nest":      {Name: "nest", Type: mapping.Nested},
	"nest.k":    {Name: "nest.k", Type: mapping.Keyword},
	"nest.in":   {Name: "nest.in", Type: mapping.Nested},
	"nest.in.k": {Name: "nest.in.k", Type: mapping.Keyword},
	"obj":       {Name: "obj", Type: mapping.Object},
}

func TestLower(t *testing.T) {
	tests := []struct{ name, query, want string }{
		{"nothing", ` `, `true`},
		{"everything", `*:*`, `true`},
		{"keyword", `k:a`, `(term k "a")`},
		{"keyword of another type", `kind:"a b"`, `(term kind "a b")`},
		{"keyword pattern", `k:a*b`, `(wildcard k "a*b")`},
		{"a question mark is a character", `k:a?*\*\\`, `(wildcard k "a\\?*\\*\\\\")`},
		{"no pattern in quotes", `k:"a*"`, `(term k "a*")`},
		{"boolean beside a keyword", `k:true`, `(term k true)`},
		{"null beside a keyword", `k:null`, `(term k null)`},
		{"null", `n:null`, `(match n null)`},
		{"pattern as it is sent", `k:C\:\\a-b/*`, `(wildcard k "C\\:\\\\a\\-b\\/*")`},
		{"two stars are not one", `k:** or n:**`, `(or (wildcard k "**") (query-string n "**"))`},
		{"everything in a group", `nest:{ *:* }`, `(nested nest true)`},
		{"words", `txt:a b`, `(match txt "a b")`},
		{"phrase", `txt:"a b"`, `(match-phrase txt "a b")`},
		{"pattern of text", `txt:a*`, `(query-string txt "a*")`},
		{"number", `n:5`, `(match n "5")`},
		{"range of numbers", `n >= 5`, `(range n gte "5")`},
		{"boolean", `b:true`, `(match b true)`},
		{"network", `ip:10.0.0.0/8`, `(match ip "10.0.0.0/8")`},
		{"date", `t:"2026-01-01"`, `(range t gte "2026-01-01" lte "2026-01-01")`},
		{"range of dates", `t < now-1d`, `(range t lt "now-1d")`},
		{"exists", `obj:*`, `(exists obj)`},
		{"different types", `mixed:a`, `(match mixed "a")`},
		{"flattened key", `flat.a:x*`, `(query-string flat.a "x*")`},
		{"without a field", `a b`, `(match * "a b")`},
		{"phrase without a field", `"a b"`, `(match-phrase * "a b")`},
		{"pattern without a field", `a*`, `(query-string * "a*")`},
		{"list", `k:(a or b and not c)`, `(or (term k "a") (and (term k "b") (not (term k "c"))))`},
		{"precedence", `not k:a and b:true or n:1`, `(or (and (not (term k "a")) (match b true)) (match n "1"))`},
		{"case of keywords", `k:a AND NOT k:b`, `(and (term k "a") (not (term k "b")))`},
		{"group", `nest:{ k:a and in:{ k:b } }`, `(nested nest (and (term nest.k "a") (nested nest.in (term nest.in.k "b"))))`},
		{"star in a name", `k*:a`, `(or (term k "a") (term kind "a"))`},
		{"star finds nested fields", `*.k:a`, `(or (nested nest.in (term nest.in.k "a")) (nested nest (term nest.k "a")))`},
		{"star in a group", `nest:{ k*:a }`, `(nested nest (term nest.k "a"))`},
		{"escapes", `k:\u0041\:\\\(x\)\tb`, `(term k "A:\\(x)\tb")`},
		{"surrogates", `k:"\ud83d\ude00"`, `(term k "😀")`},
		{"a backslash in quotes", `k:"C:\Windows"`, `(term k "C:\\Windows")`},
		{"escaped keywords", `k:a \or b`, `(term k "a or b")`},
		{"keyword within a word", `k:oregon nothing`, `(term k "oregon nothing")`},
		{"keywords at the ends", `or k`, `(match * "or k")`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := diag.NewText("query", tt.query)
			q, diags := kql.Parse(text)
			if q == nil {
				t.Fatal(diags)
			}
			checkRoundTrip(t, q)
			e, diags := kql.Lower(q, text, kql.Options{Fields: testFields})
			if e == nil || slices.ContainsFunc(diags, func(d diag.Diagnostic) bool { return d.Severity != diag.Note }) {
				t.Fatal(diags)
			}
			if e.String() != tt.want {
				t.Errorf("got %s, want %s", e, tt.want)
			}
		})
	}
}

func TestDiagnostics(t *testing.T) {
	tests := []struct{ query, want string }{
		{`k:a or`, ``},
		{`k:a && l:b`, `query:1:9: error: Expected AND, OR, end of input, or whitespace but ":" found. (&& is no operator in KQL: write and) [kql/syntax]`},
		{`k:"a && b" l:b`, `query:1:12: error: Expected end of input or whitespace but "l" found. [kql/syntax]`},
		{`k:cmd?exe`, `query:1:3: note: ? is no wildcard in KQL, it stands for itself; * is one [kql/value]`},
		{`k:("a?" or b?*)`, `query:1:12: note: ? is no wildcard in KQL, it stands for itself; * is one [kql/value]`},
		{`k:"a?b"`, ``},
		{`k:a or `, `query:1:8: error: Expected "(", NOT, fieldName, or value but end of input found. [kql/syntax]`},
		{`k:(a or )`, `query:1:9: error: Expected "(", NOT, or value but ")" found. [kql/syntax]`},
		{"k:a and\nn:b:c", `query:2:4: error: Expected AND, OR, end of input, or whitespace but ":" found. [kql/syntax]`},
		{`k:cannot be`, `query:1:6: error: Expected AND, OR, end of input, or whitespace but "n" found. [kql/syntax]`},
		{`k:\x`, `query:1:3: error: Expected "(", "{", value, or whitespace but "\\" found. [kql/syntax]`},
		{`k: a or "now/d"`, `query:1:9: warning: date math without a field is resolved by Elasticsearch's own clock, not for the slot of the run: name a field [kql/value]`},
		{`n > 5*`, `query:1:5: warning: in a bound * is a character like any other [kql/value]`},
		{`nest:{ a }`, `query:1:8: warning: Unknown field [nest.null]: no index has it, so no event can match here [kql/unmapped-field]`},
		{`n > null`, `query:1:5: error: null is no bound of a range: write a value [kql/value]`},
		{`nest.k:a`, `query:1:1: error: nest.k is a nested field, but is not in a nested group in the KQL expression. [kql/nested]`},
		{`nest:{ in.k:a }`, `query:1:8: error: Nested field nest.in.k is being queried with the incorrect nested path. The correct path is nest.in. [kql/nested]`},
		{`host.nam:a and host.nam:b`, `query:1:1: warning: Unknown field [host.nam]: no index has it, so no event can match here; did you mean [host.name]? [kql/unmapped-field]`},
		{`none.*:a`, `query:1:1: warning: Unknown field [none.*]: no index has it, so no event can match here [kql/unmapped-field]`},
		{"k:a\xff", `query:1:4: error: the query is not valid UTF-8 [kql/syntax]`},
		{strings.Repeat("(", 300) + "a", `query:1:201: error: the query is nested too deeply [kql/syntax]`},
	}
	for _, tt := range tests {
		text := diag.NewText("query", tt.query)
		q, diags := kql.Parse(text)
		if q != nil {
			_, diags = kql.Lower(q, text, kql.Options{Fields: testFields})
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
		{` k : ( a  or b ) `, `k:(a or b)`},
		{`k:a or k:b`, `k:(a or b)`},
		{`(k:a) AND NOT (n > 5 OR x)`, `k:a and not (n > 5 or x)`},
		{`a:{b:{c:d}}`, `a:{ b:{ c:d } }`},
		{`k:\u0041 \and \u006eot`, `k:A \and \u006eot`},
		{`"a\"\\b\t":x`, `"a\"\\b\t":x`},
	}
	for _, tt := range tests {
		q, diags := kql.Parse(diag.NewText("query", tt.query))
		if q == nil {
			t.Fatalf("%s: %v", tt.query, diags)
		}
		if q.String() != tt.want {
			t.Errorf("%q: got %q, want %q", tt.query, q.String(), tt.want)
		}
	}
}
