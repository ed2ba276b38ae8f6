package fieldmap

import (
	"slices"
	"unicode"
)

// Glyph is one character of a pattern with wildcards: a letter, or one of [One] and [Many].
type Glyph rune

// The wildcards: exactly one character, and any number of them.
const (
	One  Glyph = -1
	Many Glyph = -2
)

// Split says what the fields of a place have to be like for its text to match a pattern, in any case of letters: in one
// of the ways that are returned, each of which has a pattern for every field among the parts, in order. A text beside a
// field parts it from others: no value of the field has the character of the text that stands next to it.
func (p Place) Split(pattern []Glyph) [][][]Glyph {
	return split(p.Parts, 0, pattern)
}

// split splits a pattern over the parts from at on.
func split(parts []Part, at int, pattern []Glyph) [][][]Glyph {
	if at == len(parts) {
		if slices.ContainsFunc(pattern, func(g Glyph) bool { return g != Many }) {
			return nil
		}
		return [][][]Glyph{{}}
	}
	var out [][][]Glyph
	add := func(way [][]Glyph) {
		if !slices.ContainsFunc(out, func(o [][]Glyph) bool { return slices.EqualFunc(o, way, slices.Equal[[]Glyph]) }) {
			out = append(out, way)
		}
	}
	if text := parts[at].Text; parts[at].Field == "" {
		for _, left := range behind(pattern, text) {
			for _, way := range split(parts, at+1, left) {
				add(way)
			}
		}
		return out
	}
	parting := separators(parts, at)
	if at == len(parts)-1 {
		if slices.ContainsFunc(pattern, parting) {
			return nil
		}
		return [][][]Glyph{{pattern}}
	}
	for i := range len(pattern) + 1 {
		mine, left := pattern[:i], pattern[i:]
		if i < len(pattern) && pattern[i] == Many {
			mine = pattern[:i+1] // the star may end in the field, and goes on behind it
		}
		if slices.ContainsFunc(mine, parting) {
			break // and so has everything that is longer
		}
		if i > 0 && pattern[i-1] == Many {
			continue // as it did one before
		}
		for _, way := range split(parts, at+1, left) {
			add(append([][]Glyph{mine}, way...))
		}
	}
	return out
}

// separators tells the characters that part a field from the texts beside it.
func separators(parts []Part, at int) func(Glyph) bool {
	var letters []rune
	if at > 0 && parts[at-1].Field == "" {
		text := []rune(parts[at-1].Text)
		letters = append(letters, fold(text[len(text)-1]))
	}
	if at < len(parts)-1 && parts[at+1].Field == "" {
		letters = append(letters, fold([]rune(parts[at+1].Text)[0]))
	}
	return func(g Glyph) bool { return g >= 0 && slices.Contains(letters, fold(rune(g))) }
}

// behind returns what is left of a pattern behind a text that it begins with, in each way in which it can.
func behind(pattern []Glyph, text string) [][]Glyph {
	states := closure(pattern, []int{0})
	for _, r := range text {
		var next []int
		for _, s := range states {
			switch {
			case s == len(pattern):
			case pattern[s] == Many:
				next = append(next, s)
			case pattern[s] == One || fold(rune(pattern[s])) == fold(r):
				next = append(next, s+1)
			}
		}
		states = closure(pattern, next)
	}
	var out [][]Glyph
	for _, s := range states {
		// What begins behind a star is within what begins with it.
		if s > 0 && pattern[s-1] == Many && slices.Contains(states, s-1) {
			continue
		}
		out = append(out, pattern[s:])
	}
	return out
}

// closure adds the states behind stars, which may stand for nothing.
func closure(pattern []Glyph, states []int) []int {
	for i := 0; i < len(states); i++ {
		if s := states[i]; s < len(pattern) && pattern[s] == Many {
			states = append(states, s+1)
		}
	}
	slices.Sort(states)
	return slices.Compact(states)
}

// fold returns the least of the letters that differ from r in case only.
func fold(r rune) rune {
	least := r
	for x := unicode.SimpleFold(r); x != r; x = unicode.SimpleFold(x) {
		least = min(least, x)
	}
	return least
}
