package spl

import "strings"

// Multikv makes a row for each line of a table in the text of an event, with a field for each column.
type Multikv struct {
	At
	// Names are the wanted columns, all if empty. Filter are words of which a line must have one.
	Names  []Name
	Filter []Name
	// Header is the number of the line with the column names, 0 to detect it. NoHeader numbers the columns.
	Header   int
	NoHeader bool
	// Keep also passes on the event itself. Bare omits the event's fields from the rows.
	Keep, Bare bool
}

// Command returns multikv.
func (*Multikv) Command() string { return "multikv" }

// String writes multikv with its fields.
func (m *Multikv) String() string {
	list := func(word string, names []Name) string {
		if len(names) == 0 {
			return ""
		}
		return word + " " + printNames(names)
	}
	return line("multikv", number("forceheader", m.Header, 0), flag("noheader", m.NoHeader), off("rmorig", m.Keep), off("copyattrs", m.Bare),
		list("fields", m.Names), list("filter", m.Filter))
}

func parseMultikv(p *parser, start int) Stage {
	m := &Multikv{}
	remove, attributes := true, true
	options := map[string]func(string) bool{
		"forceheader": toCount(&m.Header), "noheader": toFlag(&m.NoHeader), "rmorig": toFlag(&remove), "copyattrs": toFlag(&attributes),
		"multitable": only("false", "f"),
	}
	for p.separator(); !p.failed && !p.stageEnd(); p.separator() {
		switch {
		case p.oneOption("multikv", options):
		case p.keyword("fields"):
			m.Names = p.wantNamesAnd("multikv", options, "filter")
		case p.keyword("filter"):
			m.Filter = p.wantNamesAnd("multikv", options, "fields")
		default:
			word, span := p.word(wordEnd)
			p.fail(span, "multikv takes fields or filter, not %s", strings.TrimSpace(word))
		}
	}
	m.Keep, m.Bare = !remove, !attributes
	m.At = p.at(start)
	return m
}
