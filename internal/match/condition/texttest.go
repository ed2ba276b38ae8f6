package condition

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"tocsin/internal/match/lregexp"
	"tocsin/internal/match/mapping"
)

// textTest tests the text of one value. The zero value holds for no text.
type textTest struct {
	// fold: the text must be folded before the test.
	fold  bool
	holds func(string) bool
	// equal lists the texts for which it holds, folded if it folds; empty if it does more than
	// compare.
	equal []string
	// literals are lists of folded texts: of each list, one occurs in every folded text for which it holds.
	literals [][]string
	// scans: the test takes time for every character, so that looking for a literal first pays.
	scans bool
}

// values returns a test of values by their text, which folds the text if needed.
func (t textTest) values() valueTest {
	out := valueTest{text: t}
	switch {
	case t.holds == nil:
		return valueTest{}
	case t.fold && len(t.equal) == 1:
		out.accept = func(v mapping.Value) bool { return equalFolded(v.String, t.equal[0]) }
	case t.fold:
		out.accept = func(v mapping.Value) bool { return t.holds(foldASCII(v.String)) }
	default:
		out.accept = func(v mapping.Value) bool { return t.holds(v.String) }
	}
	return out
}

// compilePattern makes the test of a leaf that only text fields support.
func compilePattern(leaf Expr, f mapping.Field) (valueTest, error) {
	family := f.Type.Family()
	if family != mapping.FamilyString && family != mapping.FamilyUnknown && family != mapping.FamilyVersion {
		return valueTest{}, fmt.Errorf("%T: %w", leaf, ErrOperator)
	}
	switch l := leaf.(type) {
	case Wildcard:
		if l.Pattern == "" {
			return valueTest{}, nil // In Elasticsearch an empty pattern matches nothing, not even the empty value.
		}
		return lazyPattern(f.Normalize(l.Pattern), l.Fold), nil
	case QueryString:
		return compileQueryString(l, f)
	case Prefix:
		value, fold := f.Normalize(l.Value), l.Fold
		return valueTest{makeText: func() textTest { return beginText(value, fold) }}, nil
	case Regexp:
		l.Pattern = f.Normalize(l.Pattern)
		return valueTest{makeText: func() textTest { return matchRegexp(l) }}, checkRegexp(l)
	}
	return valueTest{}, fmt.Errorf("%T: %w", leaf, ErrOperator)
}

func lazyPattern(pattern string, fold bool) valueTest {
	return valueTest{makeText: func() textTest { return matchPattern(pattern, fold) }}
}

// regexpKey is what a regular expression is compiled from.
type regexpKey struct {
	pattern string
	fold    bool
}

// faults holds the error of each [regexpKey] that was checked, as a result of compiling it: a rule is checked several times
// before it is matched.
var faults sync.Map

type fault struct{ err error }

// checkRegexp returns the error of compiling a regular expression.
func checkRegexp(l Regexp) error {
	key := regexpKey{l.Pattern, l.Fold}
	known, ok := faults.Load(key)
	if !ok {
		_, err := compileRegexp(l)
		known, _ = faults.LoadOrStore(key, fault{err})
	}
	return known.(fault).err //nolint:forcetypeassert // nothing else is stored
}

func compileRegexp(l Regexp) (*lregexp.Regexp, error) {
	re, err := lregexp.Compile(l.Pattern, lregexp.Options{Flags: lregexp.All, CaseInsensitive: l.Fold})
	if err != nil {
		return nil, fmt.Errorf("regexp %q: %w", l.Pattern, err)
	}
	return re, nil
}

// matchRegexp is the test of a regular expression that [checkRegexp] has no error for.
func matchRegexp(l Regexp) textTest {
	re, err := compileRegexp(l)
	if err != nil {
		panic("a regular expression was not checked: " + err.Error())
	}
	return textTest{holds: re.Match, literals: bytesOnly(slices.Clone(re.Literals())), scans: true}
}

func equalText(want string, fold bool) textTest {
	if fold {
		want = foldASCII(want)
	}
	return textTest{fold: fold, holds: func(s string) bool { return s == want }, equal: []string{want}}
}

// fewTexts is the number of texts up to which comparing with each is faster than a map.
const fewTexts = 4

func equalTexts(want []string, fold bool) textTest {
	t := textTest{fold: fold, equal: want}
	if fold {
		t.equal = make([]string, len(want))
		for i, text := range want {
			t.equal[i] = foldASCII(text)
		}
	}
	if len(want) <= fewTexts {
		t.holds = func(s string) bool {
			return slices.Contains(t.equal, s)
		}
		return t
	}
	known := make(map[string]struct{}, len(want))
	for _, text := range t.equal {
		known[text] = struct{}{}
	}
	t.holds = func(s string) bool {
		_, ok := known[s]
		return ok
	}
	return t
}

func beginText(want string, fold bool) textTest {
	literal := foldASCII(want)
	if fold {
		want = literal
	}
	return textTest{fold: fold, holds: func(s string) bool { return strings.HasPrefix(s, want) }, literals: [][]string{{literal}}}
}

// matchPattern matches a pattern as in [Wildcard].
func matchPattern(pattern string, fold bool) textTest {
	w := newWildcard(pattern, fold)
	w.fold = false // The text is folded already.
	return textTest{fold: fold, holds: w.test(), literals: bytesOnly(w.literals())}
}

// literals returns the texts that occur in every value that matches the pattern, each a list of its own.
func (w wildcard) literals() [][]string {
	var out [][]string
	for _, p := range w.pieces {
		if p.text != "" {
			out = append(out, []string{foldASCII(p.text)})
		}
		run := p.runes
		for len(run) > 0 {
			n := 0
			for n < len(run) && run[n] != anyChar {
				n++
			}
			if n > 0 {
				out = append(out, []string{foldASCII(string(run[:n]))})
			}
			run = run[min(n+1, len(run)):]
		}
	}
	return out
}

// bytesOnly drops lists with a literal that may occur in a value as other bytes: invalid UTF-8 reads as U+FFFD.
func bytesOnly(literals [][]string) [][]string {
	return slices.DeleteFunc(literals, func(list []string) bool {
		return slices.ContainsFunc(list, func(literal string) bool { return strings.ContainsRune(literal, utf8.RuneError) })
	})
}
