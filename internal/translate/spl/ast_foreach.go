package spl

import (
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

// ForeachMode is what foreach iterates over.
type ForeachMode int

// The modes: fields, the values of a multivalue field, and the elements of a JSON array.
const (
	EachField ForeachMode = iota
	EachValue
	EachMember
)

var foreachModes = []string{"multifield", "multivalue", "json_array"}

// Foreach runs its commands once for each field, value or element, with tokens replaced.
type Foreach struct {
	At
	Mode  ForeachMode
	Names []Name
	// Tokens maps what a token stands for to its text.
	Tokens map[string]string
	// Template is the text in the brackets.
	Template Text
}

// foreachTokens are the default tokens: for the field, for the text that all stars match, for the text of each of
// the first three stars, for the value, and for its index from 0.
var foreachTokens = map[string]string{
	"fieldstr": "<<FIELD>>", "matchstr": "<<MATCHSTR>>", "matchseg1": "<<MATCHSEG1>>", "matchseg2": "<<MATCHSEG2>>",
	"matchseg3": "<<MATCHSEG3>>", "itemstr": "<<ITEM>>", "iterstr": "<<ITER>>",
}

// ItemField and IterField are the fields with the current value and its index.
const (
	ItemField = "<<ITEM>>"
	IterField = "<<ITER>>"
)

// Command returns foreach.
func (*Foreach) Command() string { return "foreach" }

// String writes foreach with its commands.
func (f *Foreach) String() string {
	parts := []string{"foreach"}
	if f.Mode != EachField {
		parts = append(parts, "mode="+foreachModes[f.Mode])
	}
	for _, thing := range foreachThings {
		parts = append(parts, setting(thing, f.Tokens[thing], foreachTokens[thing]))
	}
	return line(append(parts, printNames(f.Names), "["+f.Template.Value+"]")...)
}

// foreachThings are the keys of Tokens in order.
var foreachThings = []string{"fieldstr", "matchstr", "matchseg1", "matchseg2", "matchseg3", "itemstr", "iterstr"}

// Each is one iteration of foreach: a field and the texts that the stars of its pattern match, or a value and its
// index.
type Each struct {
	Field string
	Stars []string
	Item  string
	Iter  int
}

// Instance returns the commands of one iteration. A value is read from [ItemField], except in double quotes, where
// its text is inserted.
func (f *Foreach) Instance(e Each) (*Search, diag.List) {
	var b strings.Builder
	var quote byte
	text := f.Template.Value
	for i := 0; i < len(text); {
		if thing := f.tokenAt(text[i:]); thing != "" {
			b.WriteString(e.text(thing, quote))
			i += len(f.Tokens[thing])
			continue
		}
		switch {
		case text[i] == '\\' && i+1 < len(text):
			b.WriteString(text[i : i+2])
			i += 2
			continue
		case quote == 0 && (text[i] == '"' || text[i] == '\''):
			quote = text[i]
		case text[i] == quote:
			quote = 0
		}
		b.WriteByte(text[i])
		i++
	}
	return ParsePipe(&Source{Text: diag.NewText("foreach", b.String()), Value: b.String()})
}

// Spells reports whether the commands contain the text of the value, so that each value needs its own commands.
func (f *Foreach) Spells() bool {
	var quote byte
	text := f.Template.Value
	for i := 0; i < len(text); i++ {
		thing := f.tokenAt(text[i:])
		switch {
		case quote == '"' && (thing == "itemstr" || thing == "iterstr"):
			return true
		case text[i] == '\\':
			i++
		case quote == 0 && (text[i] == '"' || text[i] == '\''):
			quote = text[i]
		case text[i] == quote:
			quote = 0
		}
	}
	return false
}

// tokenAt returns the meaning of the token at the start of a text.
func (f *Foreach) tokenAt(text string) string {
	for _, thing := range foreachThings {
		if strings.HasPrefix(text, f.Tokens[thing]) {
			return thing
		}
	}
	return ""
}

func (e Each) text(thing string, quote byte) string {
	field := func(name string) string {
		if quote == 0 && !plainName(name) {
			return "'" + name + "'"
		}
		return name
	}
	star := func(n int) string {
		if n < len(e.Stars) {
			return e.Stars[n]
		}
		return ""
	}
	switch thing {
	case "fieldstr":
		return field(e.Field)
	case "matchstr":
		return strings.Join(e.Stars, "")
	case "itemstr":
		if quote == '"' {
			return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(e.Item)
		}
		return field(ItemField)
	case "iterstr":
		if quote == '"' {
			return strconv.Itoa(e.Iter)
		}
		return field(IterField)
	}
	return star(int(thing[len(thing)-1] - '1'))
}
