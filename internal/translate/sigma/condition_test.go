package sigma_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/sigma"
)

// identifiers are those of the conditions that are drawn; some look like operators.
var identifiers = []string{"sel_a", "sel_b", "_sel", "android", "not-a", "1x", "Order"}

// drawnCondition is a condition as it is written, and what it means where some identifiers hold.
type drawnCondition struct {
	text  string
	holds func(of map[string]bool) bool
}

// drawCondition draws a condition and writes it with as few brackets as it needs for the precedence of what stands around
// it: 0 or, 1 and, 2 not.
func drawCondition(t *rapid.T, depth, around int) drawnCondition {
	word := func(w string) string {
		if rapid.IntRange(0, 4).Draw(t, "case") == 0 {
			return strings.ToUpper(w)
		}
		return w
	}
	space := func() string { return rapid.SampledFrom([]string{" ", " ", "  ", "\n "}).Draw(t, "space") }
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 {
		kind %= 2
	}
	switch kind {
	case 0:
		name := rapid.SampledFrom(identifiers).Draw(t, "name")
		return drawnCondition{name, func(of map[string]bool) bool { return of[name] }}
	case 1:
		all := rapid.Bool().Draw(t, "all")
		count := word("all")
		if !all {
			count = rapid.SampledFrom([]string{"1", "any", "ANY"}).Draw(t, "count")
		}
		pattern := rapid.SampledFrom([]string{"them", "THEM", "*", "sel_*", "*a", "_*", "*d*", "Order", "*r*r", "sel_a*"}).Draw(t, "pattern")
		var named []string
		for _, name := range identifiers {
			if fits(pattern, name) && (!strings.HasPrefix(name, "_") || strings.HasPrefix(pattern, "_")) {
				named = append(named, name)
			}
		}
		if len(named) == 0 {
			named = []string{"sel_a", "sel_b"}
			pattern = "sel_*"
		}
		return drawnCondition{count + space() + word("of") + space() + pattern, func(of map[string]bool) bool {
			for _, name := range named {
				if of[name] != all {
					return !all
				}
			}
			return all
		}}
	case 2:
		x := drawCondition(t, depth-1, 2)
		return drawnCondition{word("not") + space() + x.text, func(of map[string]bool) bool { return !x.holds(of) }}
	}
	level, joins := 0, word("or")
	if kind > 4 {
		level, joins = 1, word("and")
	}
	x, y := drawCondition(t, depth-1, level), drawCondition(t, depth-1, level)
	text := x.text + space() + joins + space() + y.text
	if around > level || rapid.IntRange(0, 5).Draw(t, "brackets") == 0 {
		text = "(" + text + ")"
	}
	return drawnCondition{text, func(of map[string]bool) bool {
		if level == 0 {
			return x.holds(of) || y.holds(of)
		}
		return x.holds(of) && y.holds(of)
	}}
}

// fits compares a name with a pattern of stars, part by part.
func fits(pattern, name string) bool {
	if strings.EqualFold(pattern, "them") {
		return true
	}
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// TestConditions draws conditions: what they mean depends on nothing but which identifiers hold.
func TestConditions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCondition(t, 4, 0)
		var section strings.Builder
		for i, name := range identifiers {
			fmt.Fprintf(&section, "%q: {F%d: x}\n", name, i)
		}
		text, err := json.Marshal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		d, diags := detection(t, section.String()+"condition: "+string(text))
		if d == nil {
			t.Fatalf("%s: %v", c.text, diags)
		}
		fields := mapping.Table{}
		for i := range identifiers {
			name := fmt.Sprintf("F%d", i)
			fields[name] = mapping.Field{Name: name, Type: mapping.Keyword}
		}
		whole, diags := d.Lower(sigma.Lowering{Fields: fields})
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		of, source := map[string]bool{}, map[string]string{}
		for i, name := range identifiers {
			of[name] = rapid.Bool().Draw(t, name)
			if of[name] {
				source[fmt.Sprintf("F%d", i)] = "x"
			}
		}
		body, err := json.Marshal(source)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := matches(t, whole, fields, &event.Event{Index: "i", ID: "1", Source: body}), c.holds(of); got != want {
			t.Fatalf("%s where %v: %t, want %t", c.text, of, got, want)
		}
	})
}
