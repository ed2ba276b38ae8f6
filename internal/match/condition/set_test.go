package condition_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// setFields are mappings with the same, different, or no fields of the same names.
var setFields = func() []mapping.Fields {
	parse := func(text string) mapping.Fields {
		table, err := mapping.Parse([]byte(text))
		if err != nil {
			panic(err)
		}
		return table
	}
	one := parse(`{"mappings": {"properties": {
		"k": {"type": "keyword", "fields": {"low": {"type": "keyword", "normalizer": "lowercase"}, "text": {"type": "text"}}},
		"p": {"type": "keyword", "ignore_above": 12}, "null": {"type": "keyword", "null_value": "abcde"},
		"n": {"type": "long"}, "d": {"type": "double"}, "b": {"type": "boolean"}, "t": {"type": "date"}, "ip": {"type": "ip"}, "v": {"type": "version"},
		"flat": {"type": "flattened"}, "o": {"properties": {"k": {"type": "keyword"}, "n": {"type": "long"}}},
		"nested": {"type": "nested", "properties": {"k": {"type": "keyword"}, "t": {"type": "text"}}},
		"always": {"type": "constant_keyword", "value": "Abcde"}, "alias": {"type": "alias", "path": "k"}}}}`)
	two := parse(`{"mappings": {"properties": {
		"k": {"type": "keyword", "normalizer": "lowercase"}, "p": {"type": "wildcard"}, "n": {"type": "integer"}, "ip": {"type": "keyword"},
		"o": {"properties": {"k": {"type": "keyword"}}}, "always": {"type": "keyword"}}}}`)
	return []mapping.Fields{one, two, mapping.Untyped()}
}()

var (
	setNames = []string{"k", "k.low", "p", "null", "n", "d", "b", "t", "ip", "v", "flat", "flat.a", "o", "o.k", "o.n", "nested", "nested.k", "always", "alias", "none", "k.text"}
	setTexts = []string{
		"", "a", "A", "abcde", "ABCDE", "aBcDe", "abcdef", "xabcdex", "abcd", "C:\\Windows\\x.EXE", "c:\\windows\\y.exe", "powershell.exe -enc abcd", "PowerShell.exe",
		"éabcdÉ", "日本語abcd", "😀abcd", "5", "7", "-7", "1.5", "9007199254740993", "true", "false", "10.0.0.1", "10.1.2.3", "192.168.1.1", "fe80::1", "2026-01-01", "2026-01-02T03:04:05Z", "1.2.3", "1.10.0-a",
	}
	setPatterns = []string{
		"*", "?", "", "abc*", "*cde", "*bcd*", "a?cde", "*ABCD*", "*\\\\windows\\\\*", "*.exe", "power*-enc*", "*shell*exe*", "?abcd*", "*a*b*c*d*e*", "\\*", "*é*", "*\ufffd*abcd*", "10.*", "*d?f",
	}
	setRegexps  = []string{"abc.*", ".*(bcde|windows).*", "[a-c]+bcd.*", ".*ABCD.*", "(abcd)?e?", "(abcde)+", "~(abcd.*)", "abcd&.*", ".*\\.exe", "a.c.e", "", "(", "power(shell)+.*", "abcd{1,2}e.*"}
	setNetworks = []string{"10.0.0.0/8", "10.0.0.0/16", "10.1.2.3", "192.168.0.0/16", "0.0.0.0/0", "::/0", "fe80::/10", "fe80::1", "10.0.0.1/32", "10.0.0.0/33"}
)

func setLiteral(t *rapid.T) any {
	text := rapid.SampledFrom(setTexts).Draw(t, "literal")
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && rapid.Bool().Draw(t, "as number") {
		return n
	}
	if x, err := strconv.ParseFloat(text, 64); err == nil && rapid.Bool().Draw(t, "as fraction") {
		return x
	}
	if text == "true" && rapid.Bool().Draw(t, "as bool") {
		return true
	}
	return text
}

var setLeaf = rapid.Custom(func(t *rapid.T) condition.Expr {
	field := rapid.SampledFrom(setNames).Draw(t, "field")
	fold := rapid.Bool().Draw(t, "fold")
	switch rapid.IntRange(0, 13).Draw(t, "test") {
	case 11:
		within := condition.Expr(condition.Term{Field: "nested.k", Value: rapid.SampledFrom(setTexts).Draw(t, "within")})
		if fold {
			within = condition.And{within, condition.Not{X: condition.Exists{Field: "nested.k"}}}
		}
		return condition.Nested{Path: "nested", X: within, IgnoreUnmapped: true}
	case 0:
		return condition.Exists{Field: field}
	case 1:
		return condition.Terms{Field: field, Values: rapid.SliceOfN(rapid.Custom(setLiteral), 0, 8).Draw(t, "values")}
	case 2:
		r := condition.Range{Field: field, Gte: setLiteral(t)}
		if rapid.Bool().Draw(t, "bounded") {
			r.Lt = setLiteral(t)
		}
		return r
	case 3, 4, 5:
		return condition.Wildcard{Field: field, Pattern: rapid.SampledFrom(setPatterns).Draw(t, "pattern"), Fold: fold}
	case 6:
		return condition.Prefix{Field: field, Value: rapid.SampledFrom(setTexts).Draw(t, "prefix"), Fold: fold}
	case 7:
		return condition.Regexp{Field: field, Pattern: rapid.SampledFrom(setRegexps).Draw(t, "regexp"), Fold: fold}
	case 8:
		return condition.CIDR{
			Field: rapid.SampledFrom([]string{"ip", "k", field}).Draw(t, "addresses"), Networks: rapid.SliceOfN(rapid.SampledFrom(setNetworks), 0, 4).Draw(t, "networks"),
		}
	case 9:
		return setResidual(rapid.SampledFrom(setNames).Draw(t, "first"), field)
	case 10:
		return condition.Match{Field: field, Value: setLiteral(t), Phrase: fold}
	}
	value := setLiteral(t)
	_, isText := value.(string)
	return condition.Term{Field: field, Value: value, Fold: fold && isText}
})

// setResidual is true where two fields have values of the same length.
func setResidual(a, b string) condition.Residual {
	return condition.Residual{
		Text: "length(" + a + ") == length(" + b + ")", Fields: []string{a, b},
		Holds: func(row []*mapping.Value) bool {
			return row[0] != nil && row[1] != nil && len(row[0].String) == len(row[1].String)
		},
	}
}

func setTree(depth int, leaf *rapid.Generator[condition.Expr]) *rapid.Generator[condition.Expr] {
	return rapid.Custom(func(t *rapid.T) condition.Expr {
		shape := rapid.IntRange(0, 6).Draw(t, "shape")
		if depth == 0 || shape > 4 {
			return leaf.Draw(t, "leaf")
		}
		members := rapid.SliceOfN(setTree(depth-1, leaf), 0, 4)
		switch shape {
		case 0, 1:
			return condition.And(members.Draw(t, "and"))
		case 2, 3:
			return condition.Or(members.Draw(t, "or"))
		}
		return condition.Not{X: setTree(depth-1, leaf).Draw(t, "not")}
	})
}

func setMembers(t *rapid.T) []condition.Member {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) condition.Member {
		return condition.Member{Expr: setTree(3, setLeaf).Draw(t, "condition"), Fields: rapid.SampledFrom(setFields).Draw(t, "mapping")}
	}), 1, 30).Draw(t, "members")
}

// setSource draws a document whose values often occur in conditions.
func setSource(t *rapid.T) []byte {
	source := map[string]any{}
	for _, name := range []string{"k", "p", "null", "n", "d", "b", "t", "ip", "v", "flat.a", "o.k", "o.n", "nested.k", "always", "none"} {
		var values []any
		for range rapid.IntRange(0, 2).Draw(t, name) {
			values = append(values, rapid.OneOf(rapid.Custom(setLiteral), rapid.Just[any](nil)).Draw(t, name))
		}
		switch len(values) {
		case 0:
		case 1:
			source[name] = values[0]
		default:
			source[name] = values
		}
	}
	if values := source["nested.k"]; values != nil && rapid.Bool().Draw(t, "objects") {
		source["nested"] = []any{map[string]any{"k": values}, map[string]any{"k": setLiteral(t)}}
		delete(source, "nested.k")
	}
	text, err := json.Marshal(source)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSetAgreesWithMatchers: every member of a set gets the answer of its own matcher, however the
// document is read, and is rejected for the same reason.
func TestSetAgreesWithMatchers(t *testing.T) {
	var seen tally
	rapid.Check(t, func(t *rapid.T) { seen.agree(t, setMembers(t)) })
	seen.report(t)
}

// tally counts answers.
type tally struct{ found, compared int }

func (c *tally) report(t *testing.T) {
	t.Helper()
	t.Logf("%d of %d answers are true", c.found, c.compared)
	if c.found == 0 {
		t.Error("no condition was true")
	}
}

// agree compares a set with the matchers of its members on some documents: as made, and arranged by
// a sample of such documents.
func (c *tally) agree(t *rapid.T, members []condition.Member) { c.over(t, members, setSource) }

// over is agree over other documents.
func (c *tally) over(t *rapid.T, members []condition.Member, source func(*rapid.T) []byte) {
	set, errs := condition.NewSet(members)
	matchers := make([]*condition.Matcher, len(members))
	for i, m := range members {
		var err error
		if matchers[i], err = condition.Compile(condition.Simplify(m.Expr), m.Fields); fmt.Sprint(err) != fmt.Sprint(errs[i]) {
			t.Fatalf("%s: the set says %v, the matcher %v", m.Expr, errs[i], err)
		}
		if err := condition.Check(condition.Simplify(m.Expr), m.Fields); fmt.Sprint(err) != fmt.Sprint(errs[i]) {
			t.Fatalf("%s: the set says %v, the check %v", m.Expr, errs[i], err)
		}
	}
	view := event.NewSelection(set.Fields(), set.Objects()).NewView()
	sample := rapid.IntRange(0, 12).Draw(t, "sample")
	tuned := set.Tuned(func() condition.Columns {
		if sample--; sample < 0 {
			return nil
		}
		if err := view.Read(source(t)); err != nil {
			t.Fatal(err)
		}
		return view
	})
	odd := condition.NewScope(len(members), func(i int) bool { return i%2 == 1 })
	matchings := map[string]*condition.Matching{"made": set.NewMatching(), "tuned": tuned.NewMatching()}
	for range 8 {
		e := event.Event{Source: source(t)}
		document, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		want, wantOdd := []int32{}, []int32{}
		for i, m := range matchers {
			if m != nil && m.Match(document) {
				want = append(want, int32(i))
				if i%2 == 1 {
					wantOdd = append(wantOdd, int32(i))
				}
			}
		}
		if err := view.Read(e.Source); err != nil {
			t.Fatal(err)
		}
		for name, matching := range matchings {
			for as, columns := range map[string]condition.Columns{"document": set.Of(document), "view": view} {
				got := append([]int32{}, matching.Match(columns, nil)...)
				if diff := cmp.Diff(want, got, cmp.Transformer("members", func(n int32) string { return members[n].Expr.String() })); diff != "" {
					t.Fatalf("%s as %s, set as %s (-matchers +set):\n%s", e.Source, as, name, diff)
				}
			}
			if got := matching.Match(view, odd); !slices.Equal(wantOdd, got) {
				t.Fatalf("%s: set as %s, with every other member: %v, want %v", e.Source, name, got, wantOdd)
			}
		}
		c.found, c.compared = c.found+len(want), c.compared+len(members)
	}
}

// Members share only what they see alike: the same test on the same name differs if the mapping
// does.
func TestSetUnderSeveralMappings(t *testing.T) {
	upper := condition.Term{Field: "k", Value: "ABCDE"}
	set, _ := condition.NewSet([]condition.Member{
		{Expr: upper, Fields: setFields[0]},
		{Expr: upper, Fields: setFields[1]},
		{Expr: upper, Fields: setFields[2]},
		{Expr: condition.Term{Field: "p", Value: "longer than twelve"}, Fields: setFields[0]},
		{Expr: condition.Term{Field: "p", Value: "longer than twelve"}, Fields: setFields[1]},
	})
	for source, want := range map[string][]int32{
		`{"k": "ABCDE"}`: {0, 1, 2}, `{"k": "abcde"}`: {1}, `{"k": "aBcDe"}`: {1}, `{"p": "longer than twelve"}`: {4}, `{}`: nil,
	} {
		view := event.NewSelection(set.Fields(), set.Objects()).NewView()
		if err := view.Read([]byte(source)); err != nil {
			t.Fatal(err)
		}
		if got := set.NewMatching().Match(view, nil); !slices.Equal(want, got) {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
	}
}

func TestSetNamesWhatOnlyASearchCanMatch(t *testing.T) {
	members := []condition.Member{
		{Expr: condition.Term{Field: "k.text", Value: "a"}, Fields: setFields[0]},
		{Expr: condition.Nested{Path: "nested", X: condition.Match{Field: "nested.t", Value: "a"}}, Fields: setFields[0]},
		{Expr: condition.Const(true), Fields: setFields[0]},
		{Expr: condition.Match{Value: "a"}, Fields: setFields[0]},
	}
	set, errs := condition.NewSet(members)
	for i, want := range []error{condition.ErrAnalysed, condition.ErrAnalysed, nil, condition.ErrSearchOnly} {
		if !errors.Is(errs[i], want) {
			t.Errorf("%s: %v, want %v", members[i].Expr, errs[i], want)
		}
	}
	if got := set.NewMatching().Match(set.Of(event.NewDocument(nil)), nil); !slices.Equal(got, []int32{2}) {
		t.Errorf("found %v, want the one member without an error", got)
	}
}
