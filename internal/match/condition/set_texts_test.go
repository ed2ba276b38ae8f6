package condition_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// textWords are what texts are made of: of every length up to that of a gram and beyond, in either case, with letters
// beyond ASCII that have one, that fold to ASCII (the Kelvin sign, the long s), and bytes that are no character.
var textWords = []string{
	"a", "K", "-", " ", "ab", "\\C", "é", "É", "exe", ".ps", "Т", "т", "cmd.", "\u212aey", "kEy", "ſhell", "Shell", "日本", "😀", "Powershell", "rundll32.exe", "\ufffd", "ß", "SS", "İ", "i",
}

// textOf draws a text of some words, often longer than what the field p takes.
func textOf(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(textWords), 0, 6).Draw(t, "words"), "")
}

// cutOf draws a part of a text, mostly none of its ends.
func cutOf(t *rapid.T) string {
	runes := []rune(textOf(t))
	from := rapid.IntRange(0, len(runes)).Draw(t, "from")
	return string(runes[from:rapid.IntRange(from, len(runes)).Draw(t, "to")])
}

var (
	escapeWildcard = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
	escapeRegexp   = strings.NewReplacer(`\`, `\\`, `.`, `\.`, `-`, `\-`)
)

// anyCase writes a text as a regular expression of classes, as Sigma's letters beyond ASCII are.
func anyCase(s string) string {
	var b strings.Builder
	for _, r := range s {
		if lower, upper := strings.ToLower(string(r)), strings.ToUpper(string(r)); lower != upper && len([]rune(upper)) == 1 && len([]rune(lower)) == 1 {
			b.WriteString("[" + lower + upper + "]")
			continue
		}
		b.WriteString(escapeRegexp.Replace(string(r)))
	}
	return b.String()
}

// textLeaf draws a test for a part of a text, in any way in which a rule may ask for it.
var textLeaf = rapid.Custom(func(t *rapid.T) condition.Expr {
	field := rapid.SampledFrom([]string{"p", "k", "o.k", mapping.SourceName("p"), mapping.SourceName("o"), mapping.SourceName("")}).Draw(t, "field")
	cut, fold := cutOf(t), rapid.Bool().Draw(t, "fold")
	switch rapid.IntRange(0, 7).Draw(t, "test") {
	case 0:
		return condition.Term{Field: field, Value: textOf(t), Fold: fold}
	case 1:
		return condition.Prefix{Field: field, Value: cut, Fold: fold}
	case 2:
		return condition.Wildcard{Field: field, Pattern: "*" + escapeWildcard.Replace(cut), Fold: fold}
	case 3:
		return condition.Wildcard{Field: field, Pattern: "*" + escapeWildcard.Replace(cut) + "?" + escapeWildcard.Replace(cutOf(t)) + "*", Fold: fold}
	case 4:
		return condition.Regexp{Field: field, Pattern: ".*" + anyCase(cut) + ".*", Fold: fold}
	case 5:
		return condition.Regexp{Field: field, Pattern: ".*(" + anyCase(cut) + "|x" + anyCase(cutOf(t)) + "?)" + anyCase(cutOf(t)) + ".*", Fold: fold}
	case 6:
		if cut != "" {
			return contains(mapping.SourceName("p"), lowerASCII(cut))
		}
	}
	return condition.Wildcard{Field: field, Pattern: "*" + escapeWildcard.Replace(cut) + "*", Fold: fold}
})

// contains is a test that only memory can make, and that a text leads to.
func contains(field, lower string) condition.Residual {
	return condition.Residual{
		Text: field + " has " + lower, Fields: []string{field}, Literals: []string{lower},
		Holds: func(row []*mapping.Value) bool {
			return row[0] != nil && strings.Contains(lowerASCII(row[0].String), lower)
		},
	}
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// sourceRule draws a rule like those of Sigma: what it asks of events of a log source, of events that name none, and of
// values that the index leaves out.
var sourceRule = rapid.Custom(func(t *rapid.T) condition.Expr {
	some := rapid.SliceOfN(textLeaf, 1, 6)
	asked := condition.And{condition.Or(some.Draw(t, "selection"))}
	if rapid.Bool().Draw(t, "longer") {
		asked = condition.And{condition.Or{
			condition.Or(some.Draw(t, "indexed")),
			condition.And{condition.LeftOut{Field: "p", Ignored: "p"}, condition.Or(some.Draw(t, "left out"))},
		}}
	}
	if rapid.Bool().Draw(t, "filtered") {
		asked = append(asked, condition.Not{X: condition.Or(some.Draw(t, "filter"))})
	}
	source := condition.Term{Field: "k", Value: rapid.SampledFrom([]string{"linux", "windows", "cisco"}).Draw(t, "source")}
	told := condition.Or{condition.Exists{Field: "k"}, condition.Exists{Field: "n"}}
	switch rapid.IntRange(0, 3).Draw(t, "form") {
	case 0:
		return asked
	case 1:
		return append(condition.And{source}, asked...)
	}
	return condition.Or{append(condition.And{source}, asked...), append(condition.And{condition.Not{X: told}}, asked...)}
})

// textSource draws a document with such texts, at several depths.
func textSource(t *rapid.T) []byte {
	source := map[string]any{}
	if rapid.Bool().Draw(t, "told") {
		source["k"] = rapid.SampledFrom([]string{"linux", "windows", "cisco", "other"}).Draw(t, "k")
	}
	if rapid.IntRange(0, 5).Draw(t, "numbered") == 0 {
		source["n"] = 7
	}
	var value func(depth int) any
	value = func(depth int) any {
		switch shape := rapid.IntRange(0, 6).Draw(t, "shape"); {
		case shape == 0:
			return nil
		case shape == 1 && depth > 0:
			return []any{value(depth - 1), value(depth - 1)}
		case shape == 2 && depth > 0:
			return map[string]any{"k": value(depth - 1), "x.y": value(depth - 1)}
		case shape == 3:
			return rapid.IntRange(0, 99).Draw(t, "number")
		}
		return textOf(t)
	}
	for _, name := range []string{"p", "o", "further"} {
		if rapid.Bool().Draw(t, name) {
			source[name] = value(2)
		}
	}
	text, err := json.Marshal(source)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSetOfTextsAgreesWithMatchers: parts of texts, whatever their case, length and form, lead to the rules that ask for
// them: of what the index has, of what it leaves out, and of a whole source.
func TestSetOfTextsAgreesWithMatchers(t *testing.T) {
	var seen tally
	rapid.Check(t, func(t *rapid.T) {
		rules := rapid.SliceOfN(sourceRule, 1, 12).Draw(t, "rules")
		members := make([]condition.Member, len(rules))
		for i, r := range rules {
			members[i] = condition.Member{Expr: r, Fields: rapid.SampledFrom(setFields).Draw(t, "mapping")}
		}
		seen.over(t, members, textSource)
	})
	seen.report(t)
}
