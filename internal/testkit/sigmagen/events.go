package sigmagen

import (
	"encoding/base64"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"pgregory.net/rapid"

	"tocsin/internal/diag/yamltree"
)

// Event is an event under the names of rules; a field has one or several values.
type Event map[string][]string

// generator makes events of one rule.
type generator struct {
	*Rule
	*rand.Rand
}

// Keyword is the field of the words that a rule looks for in any field.
const Keyword = "message"

// Events makes events near the rule, the same for the same seed: tries times one that looks for all at once, and those that
// differ from it in one field.
func (r *Rule) Events(seed uint64, tries int) []Event {
	g := generator{r, rand.New(rand.NewPCG(seed, 7))} //nolint:gosec // events of tests are no secrets
	var out []Event
	for n := range tries {
		e := g.event(n)
		out = append(out, e)
		for _, field := range slices.Sorted(maps.Keys(e)) {
			out = append(out, g.near(e, field)...)
		}
	}
	return out
}

// event has what the selections look for that the condition wants, and sometimes what it does not want.
func (g generator) event(n int) Event {
	e := Event{}
	for _, s := range g.selections {
		if len(s.alternatives) == 0 || s.negated && n%3 != 2 || !s.negated && n > 1 && g.IntN(4) == 0 {
			continue
		}
		for _, i := range s.alternatives[g.IntN(len(s.alternatives))] {
			g.add(e, i)
		}
	}
	return e
}

// add puts values into an event that meet an item.
func (g generator) add(e Event, i item) {
	field := i.field
	if field == "" {
		field = Keyword
	}
	values := i.values
	if len(values) == 0 {
		return
	}
	if !i.has("all") {
		values = []*yamltree.Node{values[g.IntN(len(values))]}
	}
	var made []string
	for _, v := range values {
		if text, ok := g.value(i, v); ok && !i.has("neq") {
			made = append(made, text)
		}
	}
	switch {
	case len(made) == 0:
		return
	case len(made) > 1 && i.has("contains") || field == Keyword:
		made = []string{strings.Join(append(e[field], made...), " ")}
		if field == Keyword {
			e[field] = made
			return
		}
	}
	e[field] = append(e[field], made...)
}

// value makes a text that a value of an item is true of; false where it has to be missing, or that is not known.
func (g generator) value(i item, v *yamltree.Node) (string, bool) {
	switch {
	case v.Kind == yamltree.Null:
		return "", false
	case i.has("exists"):
		return "there", v.Value == "true"
	case i.has("re"):
		return g.matching(v.Value), true
	case i.has("cidr"):
		return g.address(v.Value)
	}
	text := g.filled(v.Value)
	for _, m := range i.mods {
		switch m {
		case "wide", "utf16le":
			text = wide(text)
		case "base64":
			text = base64.StdEncoding.EncodeToString([]byte(text))
		case "base64offset":
			shift := g.IntN(3)
			all := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))
			text = all[[]int{0, 2, 3}[shift] : len(all)-[]int{0, 3, 2}[(shift+len(text))%3]]
		case "windash":
			text = g.dashes(text)
		}
	}
	if i.has("contains") || i.has("endswith") || i.field == "" {
		text = g.padding() + text
	}
	if i.has("contains") || i.has("startswith") || i.field == "" {
		text += g.padding()
	}
	return text, true
}

// filled reads a text as rules write it, and puts something into the place of wildcards.
func (g generator) filled(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`*?\`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case c == '*':
			b.WriteString(g.padding())
		case c == '?':
			b.WriteByte("qZ7"[g.IntN(3)])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (g generator) padding() string {
	return []string{"", "", "x", " Y ", `\z\`, `"`, "-", "\n"}[g.IntN(8)]
}

// dashes writes options with another dash.
func (g generator) dashes(s string) string {
	if g.IntN(2) == 0 {
		return s
	}
	return strings.Replace(s, "-", []string{"/", "–", "—", "―"}[g.IntN(4)], 1)
}

func wide(s string) string {
	var b strings.Builder
	for _, r := range []byte(s) {
		b.WriteByte(r)
		b.WriteByte(0)
	}
	return b.String()
}

// matching makes a text that a regular expression is true of as a whole.
func (g generator) matching(pattern string) string {
	text := rapid.StringMatching(pattern).Example(int(g.Uint32() >> 8))
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) && r != ' ' {
			return ' '
		}
		return r
	}, text)
}

func (g generator) address(network string) (string, bool) {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		return "", false
	}
	return p.Addr().Next().String(), true
}

// near are events that differ from one in a field: without it, in another case, and with a character more, less or other.
func (g generator) near(e Event, field string) []Event {
	values := e[field]
	at := g.IntN(len(values))
	with := func(text string) Event {
		c := maps.Clone(e)
		c[field] = slices.Clone(values)
		c[field][at] = text
		return c
	}
	gone := maps.Clone(e)
	delete(gone, field)
	out := []Event{gone}
	text := []rune(values[at])
	out = append(out, with(swapped(values[at])), with(values[at]+"1"), with("1"+values[at]), with(""))
	if len(text) > 0 {
		k := g.IntN(len(text))
		out = append(out, with(string(text[:k])+"§"+string(text[k+1:])), with(string(text[:len(text)-1])), with(string(text[1:])))
	}
	return out
}

// swapped is a text in the other case.
func swapped(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, s)
}
