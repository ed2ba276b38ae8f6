package spl

import (
	"strconv"
	"strings"

	"tocsin/internal/diag"
)

// ForeachMode tells what foreach goes over.
type ForeachMode int

// The modes: over fields, over the values of a field, and over the members of an array in JSON.
const (
	EachField ForeachMode = iota
	EachValue
	EachMember
)

var foreachModes = []string{"multifield", "multivalue", "json_array"}

// Foreach runs its commands once for each field, value or member, with tokens for what it is.
type Foreach struct {
	At
	Mode  ForeachMode
	Names []Name
	// Tokens are the texts that stand for things, by the thing.
	Tokens map[string]string
	// Template is the text between the brackets.
	Template Text
}

// foreachTokens are the usual texts: for the field, for what all its stars stand for and each of the first
// three, for the value, and for its number from 0 on.
var foreachTokens = map[string]string{
	"fieldstr": "<<FIELD>>", "matchstr": "<<MATCHSTR>>", "matchseg1": "<<MATCHSEG1>>", "matchseg2": "<<MATCHSEG2>>",
	"matchseg3": "<<MATCHSEG3>>", "itemstr": "<<ITEM>>", "iterstr": "<<ITER>>",
}

// ItemField and IterField are the fields that commands find the value in, and its number.
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

// foreachThings are the keys of tokens in order.
var foreachThings = []string{"fieldstr", "matchstr", "matchseg1", "matchseg2", "matchseg3", "itemstr", "iterstr"}

// Each is what the commands of foreach run for: a field, what the stars of its pattern stand for, and of a
// value also that and its number.
type Each struct {
	Field string
	Stars []string
	Item  string
	Iter  int
}

// Instance returns the commands for one thing. A value is taken from [ItemField], but within double quotes,
// where its text stands.
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

// Spells reports whether the commands have the text of the value in them: each value has commands of its own.
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

// tokenAt returns the thing whose token a text begins with.
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
