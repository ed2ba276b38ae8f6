package translate

import (
	"maps"
	"slices"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate/eql"
)

// Options are the settings of a rule that change what its query means.
type Options struct {
	// CategoryField is EQL's event category field; "" means event.category.
	CategoryField string
}

// Query is a parsed query.
type Query interface {
	// String writes the query in its language's canonical form.
	String() string
	// Names returns the fields that the query asks for.
	Names() []string
	// Lower writes the condition under a mapping; nil when a diagnostic is an error.
	Lower(fields mapping.Fields) (condition.Expr, diag.List)
}

// parsers has one line per language.
var parsers = map[rule.Language]func(diag.Text, Options) (Query, diag.List){
	rule.EQL: parseEQL,
}

// Languages returns the names of the languages that can be parsed, sorted.
func Languages() []rule.Language { return slices.Sorted(maps.Keys(parsers)) }

// Supports reports whether there is a parser for the language.
func Supports(l rule.Language) bool { return parsers[l] != nil }

// Parse reads a query in a supported language. The query is nil when a diagnostic is an error.
func Parse(l rule.Language, text diag.Text, o Options) (Query, diag.List) {
	return parsers[l](text, o)
}

// eqlQuery is a parsed EQL query with what it was parsed from.
type eqlQuery struct {
	*eql.Query
	text    diag.Text
	options Options
}

func parseEQL(text diag.Text, o Options) (Query, diag.List) {
	q, diags := eql.Parse(text)
	if q == nil {
		return nil, diags
	}
	return eqlQuery{q, text, o}, diags
}

func (q eqlQuery) Names() []string { return q.Query.Names(q.options.CategoryField) }

func (q eqlQuery) Lower(fields mapping.Fields) (condition.Expr, diag.List) {
	return eql.Lower(q.Query, q.text, eql.Options{CategoryField: q.options.CategoryField, Fields: fields})
}
