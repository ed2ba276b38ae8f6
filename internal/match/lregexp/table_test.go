package lregexp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/lregexp"
)

const fold = true

type row struct {
	name    string
	pattern string
	flags   lregexp.Flags
	fold    bool
	yes, no []string
}

func (r row) options() lregexp.Options {
	return lregexp.Options{Flags: r.flags, CaseInsensitive: r.fold}
}

type list = []string

// The answers are Elasticsearch's: TestNodeTable asks it again.
var table = []row{
	{"empty pattern", "", lregexp.All, false, list{""}, list{"a"}},
	{"empty group", "()", lregexp.All, false, list{""}, list{"()"}},
	{"empty group in a sequence", "a()b", lregexp.All, false, list{"ab"}, list{"a()b"}},
	{"whole value", "b", lregexp.All, false, list{"b"}, list{"ab", "ba", "b\n"}},
	{"anchors are characters", "^a$", lregexp.All, false, list{"^a$"}, list{"a"}},
	{"any code point", ".", lregexp.All, false, list{"a", "\n", "é", "😀", "\x00"}, list{"", "e\u0301", "ab"}},
	{"alternatives", "ab|c", lregexp.All, false, list{"ab", "c"}, list{"abc", "ac"}},
	{"alternative at the start", "|a", lregexp.All, false, list{"|a"}, list{"", "a"}},
	{"two bars", "a||b", lregexp.All, false, list{"a", "|b"}, list{"", "b"}},
	{"bar in a group", "(|a)", lregexp.All, false, list{"|a"}, list{"", "a"}},
	{"operators at the start", "*a", lregexp.All, false, list{"*a"}, list{"a", ""}},
	{"bounds after an operator at the start", "*{2}", lregexp.All, false, list{"**"}, list{"*"}},
	{"stacked at the start", "**", lregexp.All, false, list{"*"}, list{"", "**"}},
	{"stacked, different", "a|?+", lregexp.All, false, list{"a", "*"}, list{"?", "??"}},
	{"stacked after a quoted backslash", `"a\\"|?+`, lregexp.All, false, list{`a\\`, "*"}, list{"?"}},
	{"stacked, quote not seen to end", `"a\"|?+`, lregexp.All, false, list{`a\`, "?", "??"}, list{"*"}},
	{"stacked in quotes", `"?+"`, lregexp.All, false, list{"?+"}, list{"*"}},
	{"stacked in a class", `[?+]`, lregexp.All, false, list{"?", "+"}, list{"*"}},
	{"stacked in a class, ] escaped", `[\]?+]`, lregexp.All, false, list{"?", "+", "]"}, list{"*"}},
	{"stacked in a class with a first ]", `[]?+]`, lregexp.All, false, list{"]", "*"}, list{"?", "+"}},
	{"stacked after escapes", `\*+\++`, lregexp.All, false, list{"*+", "**++"}, list{"*"}},
	{"brace at the start", "{1}", lregexp.All, false, list{"{1}"}, list{"1"}},
	{"unopened bracket", "}]>", lregexp.All, false, list{"}]>"}, nil},
	{"closing parenthesis at the start", ")a", lregexp.All, false, list{")a"}, list{"a"}},
	{"no modifiers", "(?i)a", lregexp.All, false, list{"?ia"}, list{"a", "A"}},

	{"optional", "ab?", lregexp.All, false, list{"a", "ab"}, list{"abb"}},
	{"star", "ab*", lregexp.All, false, list{"a", "abb"}, list{"b"}},
	{"plus", "a+", lregexp.All, false, list{"a", "aaaa"}, list{""}},
	{"lazy means nothing", "a+?", lregexp.All, false, list{"", "a", "aa"}, list{"a?"}},
	{"exactly", "a{2}", lregexp.All, false, list{"aa"}, list{"a", "aaa"}},
	{"none", "a{0}", lregexp.All, false, list{""}, list{"a"}},
	{"at least", "a{2,}", lregexp.All, false, list{"aa", "aaaa"}, list{"a"}},
	{"between", "a{1,2}", lregexp.All, false, list{"a", "aa"}, list{"", "aaa"}},
	{"repeated bounds", "a{2}{1,2}", lregexp.All, false, list{"aa", "aaaa"}, list{"a", "aaa"}},
	{"nothing repeated", "(){3,}a", lregexp.All, false, list{"a"}, list{""}},
	{"nullable repeated", "(a*){2,}b", lregexp.All, false, list{"b", "aab"}, list{""}},

	{"class", "[abc]", lregexp.All, false, list{"a", "b"}, list{"d", ""}},
	{"negated class", "[^a]", lregexp.All, false, list{"b", "\n", "^", "😀"}, list{"a", "", "bb"}},
	{"class with a first ]", "[]a]", lregexp.All, false, list{"]", "a"}, list{"[]a]"}},
	{"negated class with a first ]", "[^]]", lregexp.All, false, list{"a"}, list{"]"}},
	{"class with a later ^", "[a^]", lregexp.All, false, list{"a", "^"}, nil},
	{"class with operators", `[.*&"(|]`, lregexp.All, false, list{".", "*", "&", `"`, "(", "|"}, list{"a"}},
	{"class with a first -", "[-a]", lregexp.All, false, list{"-", "a"}, list{"b"}},
	{"class with an escaped -", `[a\-c]`, lregexp.All, false, list{"a", "-", "c"}, list{"b"}},
	{"class with an escaped ]", `[\]]`, lregexp.All, false, list{"]"}, list{`\`}},
	{"range beyond ASCII", "[à-ý]", lregexp.All, false, list{"é"}, list{"É", "e"}},
	{"range to an escape", `[a-\d]`, lregexp.All, false, list{"a", "b", "d"}, list{"1", "-"}},
	{"named class before -", `[\d-z]`, lregexp.All, false, list{"1", "-", "z"}, list{"b"}},
	{"escaped backslash before -", `[\\-a]`, lregexp.All, false, list{`\`, "-", "a"}, list{"]", "^"}},
	{"range from a bracket", `[[-a]`, lregexp.All, false, list{`\`, "[", "a"}, list{"-"}},
	{"negated named class", `[^\W]`, lregexp.All, false, list{"a", "_", "1"}, list{"-", "é"}},

	{"digits", `\d`, lregexp.All, false, list{"0", "9"}, list{"٣", "d"}},
	{"no digits", `\D`, lregexp.All, false, list{"٣", "d", "\n"}, list{"0"}},
	{"spaces", `\s`, lregexp.All, false, list{" ", "\t", "\r", "\n"}, list{"\f", "\v", "\u00a0", "\u2028"}},
	{"no spaces", `\S`, lregexp.All, false, list{"\f", "\v", "\u00a0", "s"}, list{" "}},
	{"word characters", `\w`, lregexp.All, false, list{"a", "Z", "0", "_"}, list{"é", "ſ", "-"}},
	{"no word characters", `\W`, lregexp.All, false, list{"é", "-"}, list{"a", "_"}},
	{"escapes", `\.\*\"\é\1\ `, lregexp.All, false, list{`.*"é1 `}, nil},
	{"escaped backslash", `\\d`, lregexp.All, false, list{`\d`}, list{"0"}},

	{"quoted", `"a.*"`, lregexp.All, false, list{"a.*"}, list{"aa"}},
	{"quoted backslash", `"a\"`, lregexp.All, false, list{`a\`}, list{"a"}},
	{"quoted nothing", `""`, lregexp.All, false, list{""}, list{`""`}},
	{"quoted is one operand", `"ab"+`, lregexp.All, false, list{"ab", "abab"}, list{"abb"}},

	{"complement", "~a", lregexp.All, false, list{"", "b", "aa"}, list{"a"}},
	{"complement twice", "~~a", lregexp.All, false, list{"a"}, list{"b"}},
	{"complement before a sequence", "~ab", lregexp.All, false, list{"b", "aab", "bb"}, list{"ab", ""}},
	{"complement before a repetition", "~(ab)*", lregexp.All, false, list{"", "ab", "abab"}, nil},
	{"complement of a repetition", "~((ab)*)", lregexp.All, false, list{"a", "aba"}, list{"", "ab"}},
	{"complement inside", "a(~(.*b.*))c", lregexp.All, false, list{"ac", "axc"}, list{"abc", "axbxc"}},
	{"complement of anything", "~@", lregexp.All, false, nil, list{"", "a"}},
	{"intersection", "a.*&.*b", lregexp.All, false, list{"ab", "axb"}, list{"a", "ba"}},
	{"intersection before union", "a|b&c", lregexp.All, false, list{"a"}, list{"b", "c"}},
	{"intersection of three", ".*a.*&.*b.*&~(.*c.*)", lregexp.All, false, list{"ab", "bxa"}, list{"a", "abc"}},
	{"two ampersands", "&b&&b", lregexp.All, false, list{"&b"}, list{"b"}},
	{"no string repeated", "#*", lregexp.All, false, nil, list{"", "#"}},
	{"no string, sometimes", "#?|(#{0,2}a)", lregexp.All, false, list{"", "a"}, nil},
	{"no string after all, repeated", "(ab&ba)*|~(@)*|[^\\d\\D]{0,}", lregexp.All, false, nil, list{"", "a"}},
	{"any string", "@b", lregexp.All, false, list{"b", "a\nb"}, list{""}},
	{"no string", "#|a#|b", lregexp.All, false, list{"b"}, list{"", "a", "#"}},
	{"complement of no string", "~#", lregexp.All, false, list{"", "a"}, nil},

	{"interval", "<1-12>", lregexp.All, false, list{"1", "9", "10", "12", "01", "012"}, list{"0", "13", "", "1a"}},
	{"interval of one width", "<01-12>", lregexp.All, false, list{"01", "12", "05"}, list{"1", "012", "13", "00"}},
	{"interval of digits", "<1-5>", lregexp.All, false, list{"1", "5"}, list{"01", "6"}},
	{"interval backwards", "<12-9>", lregexp.All, false, list{"9", "12", "0010"}, list{"8", "13"}},
	{"interval with zero", "<0-10>", lregexp.All, false, list{"0", "00", "10"}, list{"", "11"}},
	{"interval with zeros", "<00-0>", lregexp.All, false, list{"0", "00", "000"}, list{""}},
	{"interval with a plus", "<+1-5>", lregexp.All, false, list{"1", "05"}, list{"+1"}},
	{"interval with a plus, width", "<+1-12>", lregexp.All, false, list{"01", "12"}, list{"1"}},
	{"wide interval", "<98-1203>", lregexp.All, false, list{"98", "99", "100", "999", "1000", "1199", "1203"}, list{"97", "1204", "9"}},
	{"largest interval", "<0-2147483647>", lregexp.All, false, list{"2147483647", "1999999999"}, list{"2147483648"}},

	{"no flags", "~a&@#<1-2><x>", 0, false, list{"~a&@#<1-2><x>"}, nil},
	{"no flags, quotes", `"a"`, 0, false, list{"a"}, list{`"a"`}},
	{"intersection only", "~&~", lregexp.Intersection, false, list{"~"}, list{"~&~"}},
	{"complement only", "~&", lregexp.Complement, false, list{"", "~&", "&&"}, list{"&"}},
	{"empty only", "#|@", lregexp.Empty, false, list{"@"}, list{"#", ""}},
	{"any string only", "#@", lregexp.AnyString, false, list{"#", "#a"}, list{"", "a"}},
	{"interval only", "@<1-5>", lregexp.Interval, false, list{"@1"}, list{"1"}},
	{"unknown flags", "~&@#<1>", 0xc0, false, list{"~&@#<1>"}, nil},

	{"case", "a", lregexp.All, false, list{"a"}, list{"A"}},
	{"case folded", "aK", lregexp.All, fold, list{"aK", "AK", "ak"}, list{"a\u212a"}},
	{"case folded, ASCII only", "sé", lregexp.All, fold, list{"sé", "Sé"}, list{"sÉ", "ſé"}},
	{"case not folded from beyond ASCII", "\u212a|ſ|ß", lregexp.All, fold, list{"\u212a", "ſ", "ß"}, list{"k", "s", "ss"}},
	{"case folded in a list", "[ab]", lregexp.All, fold, list{"A", "b"}, list{"c"}},
	{"case not folded in a range", "[a-c]", lregexp.All, fold, list{"b"}, list{"B"}},
	{"case folded in a negated list", "[^a]", lregexp.All, fold, list{"b"}, list{"a", "A"}},
	{"case folded in quotes", `"Ab"`, lregexp.All, fold, list{"aB"}, list{"a"}},
	{"case folded, empty pattern", "", lregexp.All, fold, nil, list{"", "a"}},
	{"case folded, empty text next to text", `.a()|a()`, lregexp.All, fold, list{"a", "ba", "A"}, list{""}},
	{"case folded, empty text next to others", `.()|()(a|b)|()*c`, lregexp.All, fold, nil, list{"", "a", "b", "c"}},
	{"case folded, empty text in the middle", `a().`, lregexp.All, fold, list{"Ab"}, list{"a"}},
	{"case folded, empty text optional", `()?|(){0}`, lregexp.All, fold, list{""}, list{"a"}},
	{"case folded, empty text after a group", `(.a)()|(.[ab])()`, lregexp.All, fold, list{"aa", "bA"}, list{"bb", "ab"}},
	{"case folded, empty text before a group", `()(a.)|()(.c)`, lregexp.All, fold, list{"ab"}, list{"bc"}},
	{"case folded, empty text next to one character", `[a]()|\\()|[b-b]()|[cc]()|[^\D]()`, lregexp.All, fold, list{"A", `\`}, list{"", "b", "c", "1"}},
	{"case folded, empty quotes", `""`, lregexp.All, fold, nil, list{""}},
	{"case folded, not empty", `~()`, lregexp.All, fold, list{"", "a"}, nil},
	{"case folded under a complement", "~a", lregexp.All, fold, list{"b"}, list{"a", "A"}},
	{"case folded in an escaped class", `[\wé]`, lregexp.All, fold, list{"A", "é"}, list{"É"}},
}

func compile(t *testing.T, r row) *lregexp.Regexp {
	t.Helper()
	re, err := lregexp.Compile(r.pattern, r.options())
	if err != nil {
		t.Fatalf("%s: %v", r.pattern, err)
	}
	return re
}

func TestMatch(t *testing.T) {
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			re := compile(t, tt)
			var yes, no []string
			for _, v := range append(append(list{}, tt.yes...), tt.no...) {
				if re.Match(v) {
					yes = append(yes, v)
				} else {
					no = append(no, v)
				}
			}
			if diff := cmp.Diff([]list{tt.yes, tt.no}, []list{yes, no}); diff != "" {
				t.Errorf("%s (-want +got)\n%s", tt.pattern, diff)
			}
		})
	}
}

// Elasticsearch refuses each of these as well: TestNodeTable asks it.
var syntaxErrors = []struct {
	name  string
	in    string
	flags lregexp.Flags
	want  lregexp.SyntaxError
}{
	{"bar at the end", "a|", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "unexpected end"}},
	{"bar at a group's end", "(a|)", lregexp.All, lregexp.SyntaxError{Offset: 4, Message: "expected )"}},
	{"ampersand at the end", "a&", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "unexpected end"}},
	{"complement at the end", "é~", lregexp.All, lregexp.SyntaxError{Offset: 3, Message: "unexpected end"}},
	{"open group", "(a", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "expected )"}},
	{"only an open group", "(", lregexp.All, lregexp.SyntaxError{Offset: 1, Message: "unexpected end"}},
	{"unopened group", "a)b", lregexp.All, lregexp.SyntaxError{Offset: 1, Message: "unbalanced )"}},
	{"no bounds", "a{}", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "expected an integer below 2147483648"}},
	{"no lower bound", "a{,3}", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "expected an integer below 2147483648"}},
	{"space in bounds", "a{1, 2}", lregexp.All, lregexp.SyntaxError{Offset: 4, Message: "expected }"}},
	{"open bounds", "a{1,", lregexp.All, lregexp.SyntaxError{Offset: 4, Message: "expected }"}},
	{"bounds out of order", "a{3,1}", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "repetition bounds out of order"}},
	{"huge bound", "a{2147483648}", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "expected an integer below 2147483648"}},
	{"open class", "[a", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "expected ]"}},
	{"empty class", "[]", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "expected ]"}},
	{"empty negated class", "[^]", lregexp.All, lregexp.SyntaxError{Offset: 3, Message: "expected ]"}},
	{"last - in a class", "x[a-]", lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "range from 'a' to ']' is out of order"}},
	{"range out of order", "[z-a]", lregexp.All, lregexp.SyntaxError{Offset: 1, Message: "range from 'z' to 'a' is out of order"}},
	{"dangling backslash", `a\`, lregexp.All, lregexp.SyntaxError{Offset: 2, Message: "unexpected end"}},
	{"unknown class", `a\n`, lregexp.All, lregexp.SyntaxError{Offset: 1, Message: `unknown class \n`}},
	{"unknown class in a class", `[a\t]`, lregexp.All, lregexp.SyntaxError{Offset: 2, Message: `unknown class \t`}},
	{"after stacked operators", "a**|++)(", lregexp.All, lregexp.SyntaxError{Offset: 6, Message: "unbalanced )"}},
	{"open quote", `"a`, 0, lregexp.SyntaxError{Offset: 2, Message: `expected "`}},
	{"open interval", "<1-2", lregexp.All, lregexp.SyntaxError{Offset: 4, Message: "expected >"}},
	{"automaton", "<a>", lregexp.All, lregexp.SyntaxError{Offset: 1, Message: `no automaton is named "a"`}},
	{"interval as an automaton", "<1-2>", lregexp.Automaton, lregexp.SyntaxError{Offset: 1, Message: "- in the name of an automaton"}},
	{"automaton as an interval", "<a>", lregexp.Interval, lregexp.SyntaxError{Offset: 1, Message: "expected two integers below 2147483648, as in <1-12>"}},
	{"negative interval", "<-1-2>", lregexp.All, lregexp.SyntaxError{Offset: 1, Message: "expected two integers below 2147483648, as in <1-12>"}},
	{"half an interval", "<1->", lregexp.All, lregexp.SyntaxError{Offset: 1, Message: "expected two integers below 2147483648, as in <1-12>"}},
	{"huge interval", "<1-2147483648>", lregexp.All, lregexp.SyntaxError{Offset: 1, Message: "expected two integers below 2147483648, as in <1-12>"}},
}

func TestSyntaxError(t *testing.T) {
	for _, tt := range syntaxErrors {
		t.Run(tt.name, func(t *testing.T) {
			_, err := lregexp.Compile(tt.in, lregexp.Options{Flags: tt.flags})
			var got *lregexp.SyntaxError
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !strings.Contains(err.Error(), tt.want.Message) {
				t.Errorf("text: %v", err)
			}
		})
	}
}
