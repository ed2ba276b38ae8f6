package fieldmap

import (
	"slices"
	"strings"
)

// Place is where the value of a name may be: the texts of its parts, one after the other.
type Place struct {
	Parts []Part
	// Values are the words of rules for those that events have, these in lower case.
	Values map[string]string
}

// Part is a field, or a text that stands beside fields. A field may have stars: it is each field of such a name.
type Part struct{ Field, Text string }

// Field returns the name of the field whose values the place has as they are; none where it has more than a field.
func (p Place) Field() (string, bool) {
	if len(p.Parts) != 1 || p.Parts[0].Field == "" {
		return "", false
	}
	return p.Parts[0].Field, true
}

// Fields are the names of the fields that the place is made of.
func (p Place) Fields() []string {
	var out []string
	for _, part := range p.Parts {
		if part.Field != "" && !slices.Contains(out, part.Field) {
			out = append(out, part.Field)
		}
	}
	return out
}

// Texts are what an event has at the place, as rules mean it: none unless it has values of all fields.
func (p Place) Texts(values func(field string) []string) []string {
	out := []string{""}
	for _, part := range p.Parts {
		next := []string{part.Text}
		if part.Field != "" {
			next = values(part.Field)
		}
		var longer []string
		for _, before := range out {
			for _, text := range next {
				longer = append(longer, before+text)
			}
		}
		out = longer
	}
	for i, text := range out {
		if word, ok := p.Values[strings.ToLower(text)]; ok {
			out[i] = word
		}
	}
	return out
}

// String is the place as a map has it.
func (p Place) String() string {
	if f, ok := p.Field(); ok {
		return f
	}
	var b strings.Builder
	for _, part := range p.Parts {
		if part.Field != "" {
			b.WriteString("{" + part.Field + "}")
		} else {
			b.WriteString(part.Text)
		}
	}
	return b.String()
}

// at is the place that is a field.
func at(field string) Place { return Place{Parts: []Part{{Field: field}}} }

// readParts reads a field, or a text in which fields stand in braces.
func readParts(text string) ([]Part, bool) {
	if !strings.ContainsAny(text, "{}") {
		return []Part{{Field: text}}, text != ""
	}
	var out []Part
	for text != "" {
		before, rest, braced := strings.Cut(text, "{")
		if strings.Contains(before, "}") {
			return nil, false
		}
		if before != "" {
			out = append(out, Part{Text: before})
		}
		if !braced {
			break
		}
		field, after, closed := strings.Cut(rest, "}")
		if !closed || field == "" || strings.Contains(field, "{") {
			return nil, false
		}
		out, text = append(out, Part{Field: field}), after
	}
	return out, true
}
