package lucene

import (
	"errors"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/lregexp"
	"tocsin/internal/match/mapping"
)

// existsField is the name before a field's name in a test for existence.
const existsField = "_exists_"

func (l *lowerer) test(n *Test, field *Field) condition.Expr {
	isText := n.Kind == Word || n.Kind == Sign || n.Kind == Phrase
	isFuzzy := n.Fuzzy != "" && (n.Kind == Word || n.Kind == Sign)
	switch {
	case field == nil || field.Name == "*":
		if n.Kind == Star {
			return condition.Const(true)
		}
		if isText && n.Text != "now" && condition.OfNow(condition.Match{Value: n.Text}) { // now alone is a word
			l.warn(n.Span, CodeValue, "date math without a field is resolved by Elasticsearch's own clock, not for the slot of the run: name a field")
		}
		return l.giveUp()
	case field.Name == existsField:
		if !isText || isFuzzy {
			return condition.Const(false) // It is read as a field's name, and no field has it.
		}
		return l.exists(&Field{n.Text, n.Span})
	case n.Kind == Star:
		return l.exists(field)
	case isText && n.Kind != Phrase && !isFuzzy && isCompared(n.Text):
		return l.rangeOf(comparison(n), field)
	}
	f, decided := l.field(field)
	switch {
	case decided != nil:
		return decided
	case isFuzzy:
		return l.giveUp()
	case f.Type.Family() == mapping.FamilyText:
		return l.analysed(n, f)
	case isText:
		return l.supported(n, f, text(n, f))
	case f.Keyed && n.Kind == Regexp:
		return l.unsupported(n, f)
	case f.Keyed && n.Kind == Wildcard, f.Type == mapping.Version:
		return l.giveUp() // Elasticsearch matches the pattern against its encoding of key and value.
	}
	return l.supported(n, f, pattern(n, f))
}

// text returns the test of a value on a field that is not analysed.
func text(n *Test, f mapping.Field) condition.Expr {
	switch f.Type {
	case mapping.Keyword, mapping.ConstantKeyword, mapping.Wildcard:
		return condition.Term{Field: f.Name, Value: n.Text}
	default:
		return condition.Match{Field: f.Name, Value: n.Text, Phrase: n.Kind == Phrase}
	}
}

func pattern(n *Test, f mapping.Field) condition.Expr {
	switch n.Kind {
	case Prefix:
		return condition.Prefix{Field: f.Name, Value: n.Text}
	case Wildcard:
		return condition.Wildcard{Field: f.Name, Pattern: n.Text}
	default:
		return condition.Regexp{Field: f.Name, Pattern: n.Text}
	}
}

// analysed returns a test of text. Words that the analyser may drop are not clauses to
// Elasticsearch; only the search can decide that.
func (l *lowerer) analysed(n *Test, f mapping.Field) condition.Expr {
	hasWord := strings.ContainsFunc(n.Text, func(r rune) bool {
		return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
	})
	switch {
	case n.Kind == Phrase && n.Fuzzy == "" && hasWord:
		return condition.Match{Field: f.Name, Value: n.Text, Phrase: true}
	case n.Kind == Word && !l.opts.DefaultAnd && hasWord:
		return condition.Match{Field: f.Name, Value: n.Text}
	}
	return l.giveUp()
}

func (l *lowerer) exists(field *Field) condition.Expr {
	if isPattern(field.Name) || l.unknownMetadata(field.Name) {
		return l.giveUp()
	}
	if _, mapped := l.opts.Fields.Field(field.Name); !mapped {
		return l.unmapped(field)
	}
	return condition.Exists{Field: field.Name}
}

// unknownMetadata reports whether a name is a metadata field whose values are not known here.
func (l *lowerer) unknownMetadata(name string) bool {
	_, known := l.opts.Fields.Field(name)
	return mapping.IsMetadata(name) && !known
}

// isCompared reports whether a word is a bound: >5, >=5, <5, <=5.
func isCompared(word string) bool { return len(word) > 1 && (word[0] == '<' || word[0] == '>') }

// comparison returns the range that a word stands for. A >= alone is > with the text =.
func comparison(n *Test) *Range {
	r := &Range{Low: "*", High: "*", Span: n.Span}
	bound, within := n.Text[1:], false
	if len(bound) > 1 && bound[0] == '=' {
		bound, within = bound[1:], true
	}
	if n.Text[0] == '>' {
		r.Low, r.LowIn, r.HighIn = bound, within, true
	} else {
		r.High, r.HighIn, r.LowIn = bound, within, true
	}
	return r
}

func (l *lowerer) rangeOf(n *Range, field *Field) condition.Expr {
	switch {
	case field == nil || field.Name == "*":
		return l.giveUp()
	case field.Name == existsField:
		return condition.Const(false)
	}
	f, decided := l.field(field)
	if decided != nil {
		return decided
	}
	r := rangeLeaf(n, f.Name)
	switch {
	case f.Type.Family() == mapping.FamilyText:
		return l.giveUp()
	case f.Keyed && (n.Low == "*" || n.High == "*"):
		return l.unsupported(n, f)
	}
	return l.supported(n, f, r)
}

// field looks up a field that holds values. If there is none, or only a search knows its values,
// the second result is the result of the test.
func (l *lowerer) field(name *Field) (mapping.Field, condition.Expr) {
	if isPattern(name.Name) || l.unknownMetadata(name.Name) {
		return mapping.Field{}, l.giveUp()
	}
	f, mapped := l.opts.Fields.Field(name.Name)
	if !mapped {
		return f, l.unmapped(name)
	}
	if f.Type.Family() == mapping.FamilyObject {
		l.warn(name.Span, CodeValue, "[%s] is an object, which has no value: name a field of it", name.Name)
		return f, condition.Const(false)
	}
	if err := f.InMemory(); err != nil {
		return f, l.giveUp()
	}
	return f, nil
}

// supported returns a test of a field, if its type supports it.
func (l *lowerer) supported(n Node, f mapping.Field, leaf condition.Expr) condition.Expr {
	err := condition.Check(leaf, l.opts.Fields)
	var syntax *lregexp.SyntaxError
	switch {
	case err == nil, errors.Is(err, condition.ErrNow):
		return leaf
	case errors.Is(err, condition.ErrOperator):
		return l.unsupported(n, f)
	case !errors.Is(err, condition.ErrLiteral) && !errors.As(err, &syntax):
		return l.giveUp()
	case l.opts.Strict:
		return leaf
	}
	l.warn(n.Pos(), CodeValue, "%v: no event can match here", err)
	return condition.Const(false)
}

// unsupported returns the result of a test that Elasticsearch rejects for a field of that type.
func (l *lowerer) unsupported(n Node, f mapping.Field) condition.Expr {
	if l.opts.Strict {
		return l.giveUp()
	}
	l.warn(n.Pos(), CodeValue, "field [%s] of type [%s] cannot be searched for %s: no event can match here", f.Name, f.Type, Print(n))
	return condition.Const(false)
}

// unmapped reports once per name that the test can never match.
func (l *lowerer) unmapped(field *Field) condition.Expr {
	if l.warned[field.Name] {
		return condition.Const(false)
	}
	l.warned[field.Name] = true
	advice := "no index has it, so no event can match here"
	if near := mapping.Nearest(l.opts.Fields, field.Name); near != "" {
		advice += "; did you mean [" + near + "]?"
	}
	l.warn(field.Span, CodeUnmapped, "Unknown field [%s]: %s", field.Name, advice)
	l.diags[len(l.diags)-1].Field = field.Name
	return condition.Const(false)
}

// isPattern reports whether a name matches several fields.
func isPattern(name string) bool { return strings.Contains(name, "*") }
