package spl_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// library is a set of macros by name and number of arguments.
type library map[string][]spl.Macro

func (l library) Macro(name string, args int) (spl.Macro, []int, bool) {
	var others []int
	for _, m := range l[name] {
		if len(m.Args) == args {
			return m, nil, true
		}
		others = append(others, len(m.Args))
	}
	return spl.Macro{}, others, false
}

var macros = library{
	"source":  {{Name: "source", Definition: "sourcetype=a OR sourcetype=b"}},
	"is":      {{Name: "is", Args: []string{"f"}, Definition: `$f$="x"`}, {Name: "is", Args: []string{"f", "v"}, Definition: `$f$="$v$"`}},
	"outer":   {{Name: "outer", Definition: "search `is(a, \"q r\")` | frobnicate"}},
	"loop":    {{Name: "loop", Definition: "`loop`"}},
	"code":    {{Name: "code", Definition: "\"x\"", Eval: true}},
	"comment": {{Name: "comment", Definition: "a=1 ```why``` b=2"}},
}

func TestExpand(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"none", `a=1`, `a=1`},
		{"plain", "`source` x=1", `sourcetype=a OR sourcetype=b x=1`},
		{"by number of arguments", "`is(a)` `is(b, c)`", `a="x" b="c"`},
		{"quoted argument", "`is(\"a\", \"b, c\")`", `a="b, c"`},
		{"not in quotes", "x=\"`source`\" | eval y=mvcount(split(z, \"`\"))", "x=\"`source`\" | eval y=mvcount(split(z, \"`\"))"},
		{"quotes that are escaped", `x=*\"a\" ` + "`source`", `x=*\"a\" sourcetype=a OR sourcetype=b`},
		{"comments", "a=1 ```b=2 | `c` ```| stats count", "a=1  | stats count"},
		{"comment in a macro", "`comment`", "a=1   b=2"},
	} {
		src, diags := spl.Expand(diag.NewText("f", tt.in), macros)
		if src == nil {
			t.Errorf("%s: %v", tt.name, diags)
			continue
		}
		if src.Value != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, src.Value, tt.want)
		}
	}
}

// TestFaults requires each error at its position, also in macros.
func TestFaults(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a=1 | frobnicate x=2 | stats count", `f:1:7: error: the command frobnicate is not supported [spl/unsupported]`},
		{"a=1 | stat count", `f:1:7: error: the command stat is not supported: did you mean stats? [spl/unsupported]`},
		{"a=1\n| eval x=frob(1),\n y=zap(2) | where nope(x)", "f:2:10: error: the function frob is not supported [spl/unsupported]\nf:3:4: error: the function zap is not supported [spl/unsupported]\nf:3:19: error: the function nope is not supported [spl/unsupported]"},
		{"a=1 | stats frob(x)", `f:1:13: error: the function frob is not supported [spl/unsupported]`},
		{"a=1 | sort limit=5 x foo=2 y", `f:1:25: error: expected the name of a field [spl/syntax]`},
		{"a=1 | fillnull colour=red", `f:1:16: error: the option colour of fillnull is not supported [spl/unsupported]`},
		{"a=1 | join type=cross x [search b=1]", `f:1:12: error: the option type of join cannot be "cross" [spl/unsupported]`},
		{"a=1 | `outer`", `f:1:7: error: the command frobnicate is not supported (in the macro outer) [spl/unsupported]`},
		{"é=1 | `nowhere`", `f:1:7: error: the macro nowhere is not defined [spl/unsupported]`},
		{"`is(a, b, c)`", `f:1:1: error: the macro is takes 1 or 2 arguments, not 3 [spl/macro]`},
		{"`loop`", "f:1:1: error: macros are nested more than 32 deep: does loop call itself? (in the macro loop > loop > loop > … > loop) [spl/macro]"},
		{"`code`", `f:1:1: error: the macro code is defined by an expression, which is not supported [spl/unsupported]`},
		{"a=1 `source", "f:1:5: error: the macro does not end: there is no second back quote [spl/syntax]"},
		{"a=1 ```x", "f:1:5: error: the comment does not end [spl/syntax]"},
		{"a=\"b", `f:1:3: error: the quotes do not end [spl/syntax]`},
		{"(a=1", `f:1:5: error: expected ), and the search ends here [spl/syntax]`},
		{"a=1)", `f:1:4: error: unexpected ) [spl/syntax]`},
		{"a=1 ]", `f:1:5: error: there is no opening bracket for this one [spl/syntax]`},
		{"a IN ()", `f:1:6: error: the list is empty [spl/syntax]`},
		{"a=1 OR", `f:1:7: error: expected a condition, and the search ends here [spl/syntax]`},
		{"a=1 | where x >", `f:1:16: error: expected an expression, and the search ends here [spl/syntax]`},
		{"a=1 | eval x", `f:1:13: error: expected =, and the search ends here [spl/syntax]`},
		{"a=1 | eval x=if(a, b)", `f:1:14: error: if takes 3 arguments, not 2 [spl/syntax]`},
		{"a=1 | eval x=case(a, b, c)", `f:1:14: error: case takes pairs of arguments, not 3 [spl/syntax]`},
		{"a=1 | rename a b", `f:1:16: error: expected AS and a new name [spl/syntax]`},
		{"a=1 | regex x=\"(a\"", `f:1:15: error: the pattern "(a" does not compile: error parsing regexp: missing closing ) in ` + "`(a`" + ` [spl/value]`},
		{"a=1 | table x | tstats count from datamodel=Web", `f:1:17: error: tstats can only be the first command of a search, or have append=true [spl/syntax]`},
		{"", `f:1:1: error: the search is empty [spl/syntax]`},
		{"a=1 | stats by x", `f:1:7: error: stats has no function, such as count [spl/syntax]`},
		{"a=1 | stats sum by x", `f:1:13: error: sum wants a field: sum(field) [spl/syntax]`},
		{"a=1 | foreach b* [eval x=frob('<<FIELD>>')]", `f:1:26: error: the function frob is not supported [spl/unsupported]`},
		{"a=1 | join x [search b=1 | frob]", `f:1:28: error: the command frob is not supported: did you mean from? [spl/unsupported]`},
		{"a=1 (earliest=yesterday b=2)", `f:1:6: error: "yesterday" is no time such as -24h@h, 1772450000 or 03/05/2026:12:00:00 [spl/value]`},
		{"a=1 latest>5", `f:1:5: error: latest takes =, not > [spl/value]`},
		{"a=1 NOT (b=2 earliest=-1h)", `f:1:14: error: earliest behind NOT is not supported [spl/unsupported]`},
		{"|tstats count where b=2 earliest=rt", `f:1:25: error: "rt" is no time such as -24h@h, 1772450000 or 03/05/2026:12:00:00 [spl/value]`},
		{"a=\xff", `f:1:3: error: the search is not valid UTF-8 [spl/syntax]`},
		{strings.Repeat("(", 500), `f:1:100: error: the search is nested too deeply [spl/syntax]`},
	} {
		s, diags := spl.ParseText(diag.NewText("f", tt.in), macros)
		if s != nil {
			t.Errorf("%q is read as %s", tt.in, s)
			continue
		}
		if got := diags.Err().Error(); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// TestWarnings pins what Splunk takes all the same.
func TestWarnings(t *testing.T) {
	s, diags := spl.ParseText(diag.NewText("f", "a=1 | eval x=relative_time(now(), \"yesterday\")"), macros)
	want := `f:1:35: warning: "yesterday" is no time modifier such as -24h@h: relative_time has no value [spl/value]`
	if s == nil || len(diags) != 1 || diags[0].Error() != want {
		t.Errorf("%v, want %s", diags, want)
	}
}

// TestPrint pins how searches are understood: the printed form shows what binds to what.
func TestPrint(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`a b OR c NOT d=1`, `search a AND (b OR c) AND NOT d=1`},
		{`a AND b OR c`, `search a AND (b OR c)`},
		{`NOT (a OR b) and c`, `search NOT (a OR b) AND "and" AND c`},
		{`x = "a b" y!=2 z IN (1,"b c" d)`, `search x="a b" AND y!=2 AND z IN (1, "b c", d)`},
		{"`source` EventCode=1", `search (sourcetype=a OR sourcetype=b) AND EventCode=1`},
		{"a=1\u00a0b=2 |\u00a0search c=\"\u00a0\"", "search a=1 AND b=2 | search c=\"\u00a0\""},
		{`a=1|predict n as p upper90=hi future_timespan=1 m`, `search a=1 | predict future_timespan=1 n as p upper90="hi" m upper90=""`},
		{`a=1|where x=1 OR y=2 AND NOT z`, `search a=1 | where x = 1 OR y = 2 AND NOT z`},
		{`a=1|eval b=1+2*3."x", c=(1+2)*3`, `search a=1 | eval b = 1 + 2 * 3 . "x", c = (1 + 2) * 3`},
		{`a=1|eval b='x.y{}'.c`, `search a=1 | eval b = 'x.y{}' . c`},
		{`a=1 | STATS Count values(b) AS c, dc("d e") min(_time) by f,g`, `search a=1 | stats count as count, values(b) as c, dc("d e") as "dc(d e)", min(_time) as "min(_time)" by f, g`},
		{
			`|tstats summariesonly=t count FROM datamodel="Endpoint.Processes" WHERE Processes.a=1 Processes.b=2 OR Processes.c=3 BY _time span=1h Processes.d`,
			`| tstats summariesonly=true count as count from datamodel="Endpoint.Processes" where Processes.a=1 AND (Processes.b=2 OR Processes.c=3) by _time, Processes.d span=1h`,
		},
		{`a=1 | join x [search b=1 | fields x]`, `search a=1 | join x [search b=1 | fields x]`},
		{`a=1 | rex "(?<x>\w+\\\)"`, `search a=1 | rex field="_raw" "(?<x>\\w+\\\\)"`},
		{`a=1 | lookup t k AS f OUTPUTNEW v`, `search a=1 | lookup t k AS f OUTPUTNEW v AS v`},
	} {
		s, diags := spl.ParseText(diag.NewText("f", tt.in), macros)
		if s == nil {
			t.Errorf("%s: %v", tt.in, diags)
			continue
		}
		if s.String() != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.in, s, tt.want)
		}
		roundTrip(t, s)
	}
}

// sameTree compares searches without their places. Whether a value or a name had quotes, and blanks and comments
// within an expression, are no part of what is asked.
var sameTree = []cmp.Option{
	cmp.Comparer(func(_, _ diag.Span) bool { return true }),
	cmp.Comparer(func(_, _ *spl.Source) bool { return true }),
	cmp.Comparer(func(a, b spl.Value) bool { return a.Text == b.Text && a.Exact == b.Exact }),
}

// roundTrip requires that a printed search is parsed to the same tree.
func roundTrip(tb interface {
	Helper()
	Errorf(format string, args ...any)
}, s *spl.Search,
) {
	tb.Helper()
	printed := s.String()
	again, diags := spl.Parse(&spl.Source{Text: diag.NewText("printed", printed), Value: printed})
	if again == nil {
		tb.Errorf("%q is printed and not read: %v", printed, diags)
		return
	}
	if again.String() != printed {
		tb.Errorf("printed %q, read again %q", printed, again.String())
	}
	if diff := cmp.Diff(s, again, sameTree...); diff != "" {
		tb.Errorf("%q is read as another search (-first +again):\n%s", printed, diff)
	}
}
