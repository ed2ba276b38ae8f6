package spl

import "strings"

// Multikv makes a row of each line of the table that the text of an event is, with a field for each column.
type Multikv struct {
	At
	// Names are the columns that are wanted, all when it is empty; Filter are words of which a line has one.
	Names  []Name
	Filter []Name
	// Header is the number of the line with the names, 0 where it is found out; NoHeader names columns by
	// their numbers.
	Header   int
	NoHeader bool
	// Keep hands out the event, too, and Bare leaves its fields out of the rows.
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
