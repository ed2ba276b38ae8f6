package spl_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// evaluating works out macros that are expressions.
type evaluating struct{ library }

func (evaluating) EvalMacro(expression string) (string, error) {
	if expression == "bad" {
		return "", errors.New("no value")
	}
	return strings.ReplaceAll(expression, "+", " plus "), nil
}

var expanded = library{
	"cond":    {{Name: "cond", Definition: "a=1 OR b=2"}},
	"in":      {{Name: "in", Definition: "a IN (1)"}},
	"group":   {{Name: "group", Definition: "(a=1)"}},
	"negated": {{Name: "negated", Definition: "NOT a=1"}},
	"phrase":  {{Name: "phrase", Definition: `"a b"`}},
	"star":    {{Name: "star", Definition: "*"}},
	"word":    {{Name: "word", Definition: "plain"}},
	"head":    {{Name: "head", Definition: "head=1 c=2"}},
	"makes":   {{Name: "makes", Definition: "makeresults"}},
	"frob":    {{Name: "frob", Definition: "frob x=1"}},
	"two":     {{Name: "two", Args: []string{"x", "y"}, Definition: "a=$x$ b=$y$ $x$$y$ $z$"}},
	"quoted":  {{Name: "quoted", Args: []string{"x"}, Definition: `a="$x$"`}},
	"many":    {{Name: "many"}, {Name: "many", Args: []string{"x"}}, {Name: "many", Args: []string{"x", "y", "z"}}},
	"one":     {{Name: "one", Args: []string{"x"}}},
	"eval":    {{Name: "eval", Definition: "x+$v$", Args: []string{"v"}, Eval: true}, {Name: "eval", Definition: "bad", Eval: true}},
	"inner":   {{Name: "inner", Definition: "c=3 | frob"}},
	"mid":     {{Name: "mid", Definition: "b=2 `inner`"}},
	"outmost": {{Name: "outmost", Definition: "a=1 `mid`"}},
	"open":    {{Name: "open", Definition: "a=1 ```"}},
	"huge":    {{Name: "huge", Definition: strings.Repeat("x", 1<<19)}},
}

// TestMacros pins what a call is replaced by, with its arguments.
func TestMacros(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"`two(1, 2)`", "a=1 b=2 12 $z$"},
		{"`two( p q ,\"r, s\" )`", "a=p q b=r, s p qr, s $z$"},
		{"`two((1,2), f(3,4))`", "a=(1,2) b=f(3,4) (1,2)f(3,4) $z$"},
		{`x ` + "`two(\"a\\\"b\", c)`", `x a=a\"b b=c a\"bc $z$`},
		{`x ` + "`two(a\\,b, c)`", `x a=a\,b b=c a\,bc $z$`},
		{"`quoted(\"`\")` x", "a=\"`\" x"},
		{"` cond `", "a=1 OR b=2"},
		{"`cond()`", "a=1 OR b=2"},
		{"`cond( )`", "a=1 OR b=2"},
		{"`eval(5)`", "x plus 5"},
		{"`outmost`", "a=1 b=2 c=3 | frob"},
		{"a```b`c```d", "a d"},
		{"a\u00a0b\"\u00a0\"", "a b\"\u00a0\""},
		{`\` + "`cond x", `\` + "`cond x"},
		{`a\`, `a\`},
	} {
		src, diags := spl.Expand(diag.NewText("f", tt.in), evaluating{expanded})
		if src == nil {
			t.Errorf("%s: %v", tt.in, diags)
			continue
		}
		if src.Value != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, src.Value, tt.want)
		}
	}
}

// TestMacroFaults requires that an error in a call, or in its expansion, is reported at the call.
func TestMacroFaults(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"x `many(1, 2)`", "f:1:3: error: the macro many takes 0 or 1 or 3 arguments, not 2 [spl/macro]"},
		{"x `one`", "f:1:3: error: the macro one takes 1 argument, not 0 [spl/macro]"},
		{"x `eval`", "f:1:3: error: the macro eval is defined by an expression that has no value: no value [spl/macro]"},
		{"x `a b`", "f:1:3: error: `a b` is no call of a macro [spl/syntax]"},
		{"x ``", "f:1:3: error: `` is no call of a macro [spl/syntax]"},
		{"x `two(1`", "f:1:3: error: `two(1` is no call of a macro [spl/syntax]"},
		{"x `(1)`", "f:1:3: error: `(1)` is no call of a macro [spl/syntax]"},
		{"x `cond | y`", "f:1:3: error: `cond | y` is no call of a macro [spl/syntax]"},
		{"x `open`", "f:1:3: error: the comment does not end (in the macro open) [spl/syntax]"},
		{"x `outmost` | zap", "f:1:3: error: the command frob is not supported: did you mean from? (in the macro outmost > mid > inner) [spl/unsupported]\n" +
			"f:1:15: error: the command zap is not supported: did you mean map? [spl/unsupported]"},
		{"x `huge` `huge` `huge`", "f:1:10: error: the search has more than 1048576 bytes when its macros are replaced (in the macro huge) [spl/macro]"},
		{"`nowhere` `noplace`", "f:1:1: error: the macro nowhere is not defined [spl/unsupported]"},
		{"x ```y``` z | zap", "f:1:15: error: the command zap is not supported: did you mean map? [spl/unsupported]"},
		{"x\u00a0y | zap", "f:1:7: error: the command zap is not supported: did you mean map? [spl/unsupported]"},
		{"x \"\u00e9\" | zap", "f:1:9: error: the command zap is not supported: did you mean map? [spl/unsupported]"},
		{"`word` | where x=(1", "f:1:20: error: expected ), and the search ends here [spl/syntax]"},
		{"x | where y=`word`(", "f:1:20: error: expected an expression, and the search ends here [spl/syntax]"},
	} {
		s, diags := spl.ParseText(diag.NewText("f", tt.in), evaluating{expanded})
		if s != nil {
			t.Errorf("%s is read as %s", tt.in, s)
			continue
		}
		if got := diags.Err().Error(); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

// TestPipeBeforeMacro wants a pipe before a macro that is a condition to be passed over, as Splunk does, and one
// before a command to stay.
func TestPipeBeforeMacro(t *testing.T) {
	for in, want := range map[string]string{
		"| `cond` c":     "search (a=1 OR b=2) AND c",
		"|| `cond`":      "search a=1 OR b=2",
		"| `in`":         "search a IN (1)",
		"| `group`":      "search a=1",
		"| `negated`":    "search NOT a=1",
		"| `phrase`":     `search "a b"`,
		"| `star`":       "search *",
		"| `head`":       "search head=1 AND c=2",
		"| `makes`":      "| makeresults",
		"[| `cond`]":     "search [search a=1 OR b=2]",
		"x [| `makes`]":  "search x AND [| makeresults]",
		"| `frob`":       "f:1:3: error: the command frob is not supported: did you mean from? (in the macro frob) [spl/unsupported]",
		"| `word`":       "f:1:3: error: the command plain is not supported (in the macro word) [spl/unsupported]",
		"| a=1":          "f:1:3: error: the command a is not supported [spl/unsupported]",
		"x | `cond`":     "f:1:5: error: the command a is not supported (in the macro cond) [spl/unsupported]",
		"`cond` | x=`q`": "f:1:12: error: the macro q is not defined [spl/unsupported]",
	} {
		s, diags := spl.ParseText(diag.NewText("f", in), expanded)
		got := fmt.Sprint(diags.Err())
		if s != nil {
			got = s.String()
		}
		if got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// TestDepth requires an error for too deep nesting of every kind, and accepts the maximum depth.
func TestDepth(t *testing.T) {
	for _, tt := range []struct{ before, open, inner, shut string }{
		{"", "(", "a", ")"},
		{"", "NOT ", "a", ""},
		{"", "[search ", "a", "]"},
		{"* | where ", "(", "a", ")"},
		{"* | where ", "NOT ", "a", ""},
		{"* | where ", "!", "a", ""},
		{"* | eval x=", "-", "a", ""},
		{"* | eval x=", "+", "a", ""},
		{"* | eval x=", "len(", "a", ")"},
		{"", "x | append [search ", "a", "]"},
		{"* ", "| appendpipe [", "head 1", "]"},
		{"* | eval x=", "[search y | eval z=", "1", "]"},
		{"* ", "| foreach a [eval b=1 ", "", "]"},
		{"* | where ", "a IN (", "b", ")"},
	} {
		nested := func(n int) string {
			return tt.before + strings.Repeat(tt.open, n) + tt.inner + strings.Repeat(tt.shut, n)
		}
		if s, diags := spl.ParseText(diag.NewText("f", nested(30)), macros); s == nil {
			t.Errorf("%s: %v", nested(2), diags)
		}
		s, diags := spl.ParseText(diag.NewText("f", nested(3000)), macros)
		if s != nil || !strings.Contains(fmt.Sprint(diags.Err()), "nested too deeply") {
			t.Errorf("%s, 3000 deep: %.200s", nested(2), fmt.Sprint(diags.Err()))
		}
	}
}
