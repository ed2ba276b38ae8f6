package translate

import (
	"maps"
	"slices"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate/eql"
)

// Options are the settings of a rule that affect the meaning of its query.
type Options struct {
	// CategoryField is EQL's event category field; "" means event.category.
	CategoryField string
	// Strict makes an unmapped field an error.
	Strict bool
}

// Shape is the kind of result of a query.
type Shape int

// The shapes. Events are single events, the others combine several events.
const (
	Events Shape = iota
	Sequence
	Sample
)

// Limit is one pipe: the first Count results, or the last.
type Limit struct {
	Last  bool
	Count int
}

// Steps is a sequence or sample lowered for a mapping.
type Steps = eql.Steps

// Step is one term of a sequence or sample.
type Step = eql.Step

// Query is a parsed query.
type Query interface {
	// String returns the query in its language's canonical form.
	String() string
	// Names returns the fields that the query uses.
	Names() []string
	// Shape says which of Lower and LowerSteps the query has.
	Shape() Shape
	// Limits returns the query's pipes, in order.
	Limits() []Limit
	// Lower returns the condition of an event query under a mapping; nil when a diagnostic is an
	// error.
	Lower(fields mapping.Fields) (condition.Expr, diag.List)
	// LowerSteps returns the steps of a sequence or sample; nil when a diagnostic is an error.
	LowerSteps(fields mapping.Fields) (*Steps, diag.List)
}

// parsers has one line per language.
var parsers = map[rule.Language]func(diag.Text, Options) (Query, diag.List){
	rule.EQL:    parseEQL,
	rule.Kuery:  parseKQL,
	rule.Lucene: parseLucene,
}

// Languages returns the names of the languages that can be parsed, sorted.
func Languages() []rule.Language { return slices.Sorted(maps.Keys(parsers)) }

// Supports reports whether there is a parser for the language.
func Supports(l rule.Language) bool { return parsers[l] != nil }

// Parse parses a query in a supported language. The query is nil when a diagnostic is an error.
func Parse(l rule.Language, text diag.Text, o Options) (Query, diag.List) {
	return parsers[l](text, o)
}

// eqlQuery is a parsed EQL query with its source text.
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

func (q eqlQuery) lowering(fields mapping.Fields) eql.Options {
	return eql.Options{CategoryField: q.options.CategoryField, Fields: fields, Strict: q.options.Strict}
}

func (q eqlQuery) Lower(fields mapping.Fields) (condition.Expr, diag.List) {
	return eql.Lower(q.Query, q.text, q.lowering(fields))
}

func (q eqlQuery) LowerSteps(fields mapping.Fields) (*Steps, diag.List) {
	return eql.LowerSteps(q.Query, q.text, q.lowering(fields))
}

func (q eqlQuery) Shape() Shape {
	switch {
	case q.Sequence != nil:
		return Sequence
	case q.Sample != nil:
		return Sample
	}
	return Events
}

func (q eqlQuery) Limits() []Limit {
	var limits []Limit
	for _, p := range q.Pipes {
		limits = append(limits, Limit{p.Name == "tail", p.Limit()})
	}
	return limits
}
