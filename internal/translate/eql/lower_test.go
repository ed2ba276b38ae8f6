package eql_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/eql"
)

// testFields is a small mapping with one field of every kind.
var testFields = mapping.Table{
	"event.category": {Name: "event.category", Type: mapping.Keyword},
	"k":              {Name: "k", Type: mapping.Keyword},
	"args":           {Name: "args", Type: mapping.Keyword},
	"n":              {Name: "n", Type: mapping.Long},
	"d":              {Name: "d", Type: mapping.Double},
	"b":              {Name: "b", Type: mapping.Boolean},
	"t":              {Name: "t", Type: mapping.Date},
	"ip":             {Name: "ip", Type: mapping.IP},
	"txt":            {Name: "txt", Type: mapping.Text},
	"both":           {Name: "both", Type: mapping.Text, Exact: "both.keyword"},
	"both.keyword":   {Name: "both.keyword", Type: mapping.Keyword, Path: "both"},
	"mixed":          {Name: "mixed", Type: mapping.Keyword, Conflict: []string{"long in [idx-2]"}},
	"nest":           {Name: "nest", Type: mapping.Nested},
	"nest.k":         {Name: "nest.k", Type: mapping.Keyword},
	"obj":            {Name: "obj", Type: mapping.Object},
	"my-field/x":     {Name: "my-field/x", Type: mapping.Keyword},
}

func TestLower(t *testing.T) {
	tests := []struct{ name, query, want string }{
		{"category comes first", `process where k == "a"`, `(and (term event.category "process") (term k "a"))`},
		{"any category", `any where true`, `true`},
		{"category in quotes", `"my cat" where true`, `(term event.category "my cat")`},
		{"equality is exact", `any where k == "a*"`, `(term k "a*")`},
		{"inequality is the complement", `any where k != "a"`, `(not (term k "a"))`},
		{"literal on the left", `any where 5 > n`, `(range n lt 5)`},
		{"negative literal", `any where n >= -5`, `(range n gte -5)`},
		{"number", `any where d < 1.5`, `(range d lt 1.5)`},
		{"precedence", `any where not n == 1 and b or k == "x"`, `(or (and (not (term n 1)) (term b true)) (term k "x"))`},
		{"boolean field", `any where b`, `(term b true)`},
		{"boolean comparison", `any where b == false`, `(term b false)`},
		{"in", `any where k in ("a", "b", "a")`, `(terms k "a" "b")`},
		{"in with null", `any where k in ("a", null)`, `(term k "a")`},
		{"in null alone", `any where k in (null)`, `false`},
		{"not in", `any where k not in ("a", "b")`, `(not (terms k "a" "b"))`},
		{"in ignoring case has no wildcards", `any where k in~ ("a*", "b")`, `(or (term~ k "a*") (term~ k "b"))`},
		{"colon ignores case", `any where k : "A"`, `(term~ k "A")`},
		{"colon with wildcards", `any where k : ("a*", "b?", "c")`, `(or (wildcard~ k "a*") (wildcard~ k "b?") (term~ k "c"))`},
		{"like minds case", `any where k like "a*"`, `(wildcard k "a*")`},
		{"like without wildcard", `any where k like "a"`, `(term k "a")`},
		{"like~", `any where args like~ ("*A*", "b")`, `(or (wildcard~ args "*A*") (term~ args "b"))`},
		{"a backslash is a character in patterns", `any where k : "C:\\x*"`, `(wildcard~ k "C:\\\\x*")`},
		{"regex", `any where k regex "a.*b"`, `(regexp k "a.*b")`},
		{"regex~ joins", `any where k regex~ ("a.*", "b+")`, `(regexp~ k "a.*|b+")`},
		{"regex of one string", `any where k regex "net\\.exe"`, `(term k "net.exe")`},
		{"raw string", `any where k == """C:\x"y"""`, `(term k "C:\\x\"y")`},
		{"escapes", `any where k == "a\t\u{202e}\"\\"`, `(term k "a\t\u202e\"\\")`},
		{"null test", `any where k == null`, `(not (exists k))`},
		{"not null", `any where null != k`, `(exists k)`},
		{"null test of text needs no keyword", `any where txt != null`, `(exists txt)`},
		{"startsWith", `any where startsWith(k, "A")`, `(prefix k "A")`},
		{"function names ignore case", `any where STARTSWITH~(k, "A")`, `(prefix~ k "A")`},
		{"endsWith escapes", `any where endsWith(k, "*c\\")`, `(wildcard k "*\\*c\\\\")`},
		{"stringContains", `any where stringContains~(k, "a?")`, `(wildcard~ k "*a\\?*")`},
		{"empty text is in nothing", `any where stringContains(k, "")`, `false`},
		{"function compared with false", `any where startsWith(k, "A") == false`, `(not (prefix k "A"))`},
		{"function compared with not true", `any where endsWith(k, "A") != true`, `(not (wildcard k "*A"))`},
		{"function of null", `any where startsWith(k, null)`, `false`},
		{"cidrMatch", `any where cidrmatch(ip, "10.0.0.0/8", "fe80::/10")`, `(cidr ip 10.0.0.0/8 fe80::/10)`},
		{"address", `any where ip == "::1"`, `(term ip "::1")`},
		{"network as a term", `any where ip in ("10.0.0.0/8")`, `(term ip "10.0.0.0/8")`},
		{"date", `any where t >= "2026-01-01"`, `(range t gte "2026-01-01")`},
		{"text goes to its keyword", `any where both == "a" and both : "b*"`, `(and (term both.keyword "a") (wildcard~ both.keyword "b*"))`},
		{"back-quoted", "any where `my-field/x` == \"a\"", `(term my-field/x "a")`},
		{"comments", "any /* a /* nested */ b */ where // rest\n k == \"/*\"", `(term k "/*")`},
		{"constants fold", `any where 1 < 2 and "a" == "a" and n == 1`, `(term n 1)`},
		{"constants fold to false", `any where 2 < 1 and n == 1`, `false`},

		{"function in memory", `any where length(k) > 5`, `(residual "length(k) > 5")`},
		{"literal first", `any where 5 < length(k)`, `(residual "length(k) > 5")`},
		{"two fields", `any where startsWith~(k, args)`, `(residual "startsWith~(k, args)")`},
		{"constant first", `any where stringContains("abc", k)`, `(residual "stringContains(\"abc\", k)")`},
		{"its negation is outside", `any where not length(k) > 5`, `(not (residual "length(k) > 5"))`},
		{"compared with false", `any where startsWith(k, args) == false`, `(not (residual "startsWith(k, args)"))`},
		{"arithmetic", `any where n + 1 == 2`, `(residual "n + 1 == 2")`},
		{"list", `any where substring(k, 0, 2) in ("a", "b")`, `(residual "substring(k, 0, 2) in (\"a\", \"b\")")`},
		{"pattern", `any where concat(k, "x") : "a*"`, `(residual "concat(k, \"x\") : \"a*\"")`},
		{"null test of an expression", `any where (n > -1) == null`, `(residual "(n > -1) == null")`},
		{"constant call", `any where n == number("0x32", 16)`, `(term n 50)`},
		{"constant arithmetic", `any where n == 2 * 3 + 4 / 3`, `(term n 7)`},
		{"constant condition", `any where startsWith("abc", "a") and n == 1`, `(term n 1)`},
		{"pushed with a folded argument", `any where startsWith(k, concat("a", "b"))`, `(prefix k "ab")`},
		{"residual of null", `any where length(?x) > 5`, `false`},
		{"its negation too", `any where not length(?x) > 5`, `false`},
		{"null test of null", `any where null == length(?x)`, `true`},

		{"optional and mapped is the field", `any where ?k == "a"`, `(term k "a")`},
		{"optional unmapped equals null", `any where ?x == null`, `true`},
		{"optional unmapped is not unequal to null", `any where ?x != null`, `false`},
		{"optional unmapped equals nothing", `any where ?x == "a"`, `false`},
		{"optional unmapped differs from all", `any where ?x != "a"`, `true`},
		{"not of it", `any where not ?x == "a"`, `true`},
		{"ordering with null is null", `any where ?x > 5`, `false`},
		{"and so is its negation", `any where not (?x > 5)`, `false`},
		{"pattern on null", `any where not ?x : "a*"`, `false`},
		{"in on null", `any where ?x not in ("a")`, `false`},
		{"function of null field", `any where not startsWith(?x, "a")`, `false`},
		{"null and", `any where not (?x : "a" and k == "b")`, `false`},
		{"false beats null", `any where not (?x : "a" and false)`, `true`},
		{"null or", `any where not (?x : "a" or k == "b")`, `(not (term k "b"))`},
		{"true beats null", `any where ?x : "a" or true`, `true`},
		{"bare optional", `any where ?x`, `false`},
		{"number for a keyword", `any where k == 1`, `(term k 1)`},
		{"decimal for a keyword", `any where k == 1.0`, `(term k "1.0")`},
		{"decimals are written as by Java", `any where k in (1.50, 1e3, 1e7, 0.0001, "x", 5)`, `(terms k "1.5" "1000.0" "1.0E7" "1.0E-4" "x" 5)`},
		{"negative decimal", `any where k != -1.0`, `(not (term k "-1.0"))`},
		{"ordered by a decimal", `any where k >= 1.0`, `(range k gte "1.0")`},
		{"decimal for a text with a keyword", `any where both == 2.0`, `(term both.keyword "2.0")`},
		{"decimal for a number", `any where d == 1.0 and n == 1.0`, `(and (term d 1) (term n 1))`},
		{"null equals null", `any where ?x == ?y`, `true`},
		{"null alone", `any where not null`, `false`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, diags := lower(t, tt.query)
			if len(diags) > 0 {
				t.Fatalf("diagnostics: %v", diags)
			}
			if got != tt.want {
				t.Errorf("%s\ngot  %s\nwant %s", tt.query, got, tt.want)
			}
		})
	}
}

func lower(t *testing.T, query string) (string, diag.List) {
	t.Helper()
	text := diag.NewText("query", query)
	q, diags := eql.Parse(text)
	if diags.HasErrors() {
		return "", diags
	}
	checkRoundTrip(t, q)
	e, diags := eql.Lower(q, text, eql.Options{Fields: testFields})
	if e == nil {
		return "", diags
	}
	return e.String(), diags
}

func TestLowerProblems(t *testing.T) {
	tests := []struct{ name, query, want string }{
		{"unmapped", `any where x == 1`, "query:1:11: warning: Unknown column [x]"},
		{"unmapped category", `any where ?x == 1 and y : "a" or y : "b"`, "query:1:23: warning: Unknown column [y]"},
		{"not boolean", `any where n`, "query:1:11: error: Condition expression needs to be boolean, found [LONG]"},
		{"not boolean literal", `any where "a"`, "query:1:11: error: Condition expression needs to be boolean, found [KEYWORD]"},
		{"field with field", `any where k == args`, "query:1:16: error: Comparisons against fields are not (currently) supported; offender [args] in [==]"},
		{"string for a number", `any where n == "1"`, "query:1:16: error: 2nd argument of the comparison with [n] must be [long]"},
		{"string in a list of numbers", `any where n in (1, "a")`, "query:1:20: error: 2nd argument of [n in (1, \"a\")] must be [long]"},
		{"pattern on a number", `any where n : "1*"`, "query:1:11: error: first argument of [n : \"1*\"] must be [string], found value [n] type [long]"},
		{"number as a pattern", `any where k : 5`, "query:1:15: error: 2nd argument of [k : 5] must be [string]"},
		{"text without keyword", `any where txt == "a"`, "query:1:11: error: [txt] is analysed text"},
		{"conflict", `any where mixed == "a"`, "query:1:11: error: Cannot use field [mixed] due to ambiguities being mapped as [2] incompatible types: [keyword], long in [idx-2]"},
		{"nested", `any where nest == 0`, "query:1:11: error: Cannot use field [nest] type [nested]"},
		{"below nested", `any where nest.k == "a"`, "query:1:11: error: Cannot use field [nest.k] with unsupported nested type in hierarchy (field [nest])"},
		{"object", `any where obj == "a"`, "query:1:11: error: Cannot use field [obj] with unsupported type [object]"},
		{"bad network", `any where cidrMatch(ip, "10.0.0.0/8", "10.0.0.0/33")`, "query:1:39: error: [10.0.0.0/33] is not a network"},
		{"bad address", `any where ip == "a"`, "query:1:17: error: 2nd argument"},
		{"unknown function", `any where startWith(k, "a")`, "query:1:11: error: Unknown function [startWith], did you mean [startswith]?"},
		{"arity", `any where startsWith(k)`, "query:1:11: error: error building [startswith]: expects exactly two arguments"},
		{"number compared with text", `any where length(k) == "a"`, "query:1:24: error: 2nd argument of [length(k) == \"a\"] must be [integer]"},
		{"arithmetic is no condition", `any where n + 1`, "query:1:11: error: Condition expression needs to be boolean, found [LONG]"},
		{"function that is no condition", `any where length(k)`, "query:1:11: error: Condition expression needs to be boolean, found [INTEGER]"},
		{"arithmetic on text", `any where k * 2 == 2`, "query:1:11: error: first argument of [k * 2] must be [numeric], found value [k] type [keyword]"},
		{"function of a number", `any where number(n) == 1`, "query:1:18: error: first argument of [number(n)] must be [string], found value [n] type [long]"},
		{"base is no fraction", `any where number(k, 1.0) == 1`, "query:1:21: error: second argument of [number(k, 1.0)] must be [integer], found value [1.0] type [double]"},
		{"network from a field", `any where cidrMatch(ip, k)`, "query:1:25: error: second argument of [cidrMatch(ip, k)] must be a constant, received [k]"},
		{"fewer arguments than needed", `any where between(k, "a") == "b"`, "query:1:11: error: error building [between]: expects three or four arguments"},
		{"more arguments than needed", `any where length(k, k) == 1`, "query:1:11: error: error building [length]: expects exactly one argument"},
		{"text without keyword in a function", `any where length(txt) > 0`, "query:1:18: error: [txt] is analysed text"},
		{"no such tilde", `any where length~(k) > 0`, "query:1:11: error: function [length] has no case-insensitive form [length~]"},
		{"constant that cannot be", `any where n == 1 / 0`, "query:1:16: error: 1 / 0: division by zero"},
		{"list of fields", `any where k in ("a", args)`, "query:1:22: error: Comparisons against fields are not (currently) supported; offender [args]"},
		{"expression against a field", `any where length(k) == n`, "query:1:24: error: Comparisons against fields are not (currently) supported; offender [n]"},
		{"bad regex", `any where k regex "a("`, "query:1:"},
		{"syntax", "any where k = \"a\"", "query:1:13: error: = is no comparison"},
		{"chained", "any where n < 1 < 2", "query:1:17: error: comparisons cannot be chained"},
		{"and of other languages", `any where true && true`, "query:1:16: error: && is no operator: write and"},
		{"or of other languages", `any where true || true`, "query:1:16: error: || is no operator: write or"},
		{"not like", `any where k not like "a"`, "query:1:13: error: expected an operator"},
		{"single quotes", `any where k == 'a'`, "query:1:16: error: Use double quotes"},
		{"unknown escape", `any where k == "\*"`, "query:1:17: error: unknown escape \\*"},
		{"open string", "any where k == \"a\n\"", "query:1:16: error: this string is not closed on its line"},
		{"open comment", "any where true /* ", "query:1:16: error: this comment is not closed"},
		{"field on the right", `any where k : args`, "query:1:15: error: expected a constant but found \"args\""},
		{"upper case keyword", `any WHERE true`, "query:1:5: error: expected where but found \"WHERE\""},
		{"too deep", "any where " + strings.Repeat("(", 300) + "true" + strings.Repeat(")", 300), "nested more than 200 levels"},
		{"two at once", `any where n == "1" and b == 2`, "query:1:29: error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := lower(t, tt.query)
			var b strings.Builder
			if err := diag.Render(&b, diags); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("%s\ngot  %s\nwant %s", tt.query, b.String(), tt.want)
			}
		})
	}
}
