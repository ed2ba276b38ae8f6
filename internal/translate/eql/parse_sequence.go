package eql

import (
	"math"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// maxRuns is the maximum number of repetitions of one step in Elasticsearch.
const maxRuns = 100

func (p *parser) sequence() (*Sequence, *syntaxError) {
	s := &Sequence{Span: p.take().span}
	if err := p.sequenceHead(s); err != nil {
		return nil, err
	}
	for p.peek().is(tokSymbol, "[", "![") {
		t, err := p.term(true)
		if err != nil {
			return nil, err
		}
		s.Terms = append(s.Terms, t)
	}
	if len(s.Terms) == 0 {
		return nil, p.unexpected("[")
	}
	if p.accept(tokKeyword, "until") {
		t, err := p.term(false)
		if err != nil {
			return nil, err
		}
		s.Until = &t
	}
	s.Span.End = p.lastEnd()
	return s, checkSequence(s)
}

// sequenceHead parses `by keys` and `with maxspan=…`, which must be in this order.
func (p *parser) sequenceHead(s *Sequence) *syntaxError {
	for {
		switch t := p.peek(); {
		case t.is(tokKeyword, "by"):
			if s.MaxSpan != nil {
				return failAt(t.span, "Please specify sequence [by] before [with] not after")
			}
			p.pos++
			keys, err := p.expressionList()
			if err != nil {
				return err
			}
			s.By = keys
		case t.is(tokKeyword, "with"):
			p.pos++
			span, err := p.maxSpan()
			if err != nil {
				return err
			}
			s.MaxSpan = span
		default:
			return nil
		}
	}
}

func (p *parser) maxSpan() (*MaxSpan, *syntaxError) {
	if _, err := p.expect(tokKeyword, "maxspan"); err != nil {
		return nil, err
	}
	if _, err := p.expect(tokSymbol, "="); err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind == tokDecimal {
		return nil, failAt(t.span, "Decimal time interval [%s] not supported; please use a positive integer", t.text)
	}
	n, number, err := p.integer("a positive integer with a unit, as in 30s")
	if err != nil {
		return nil, err
	}
	unit := p.peek()
	if unit.kind != tokName {
		return nil, failAt(number.span, "No time unit specified, did you mean [s] as in [%ds]?", n)
	}
	p.pos++
	if !slices.Contains(unitNames, unit.text) {
		return nil, failAt(unit.span, "Unrecognized time unit [%s]; the units are %s", unit.text, unitList())
	}
	if n <= 0 {
		return nil, failAt(number.span, "A positive maxspan value is required; found [%d]", n)
	}
	if n > math.MaxInt64/int64(unitLengths[unit.text]) {
		return nil, failAt(number.span, "the maxspan [%d%s] is longer than 292 years", n, unit.text)
	}
	return &MaxSpan{n, unit.text, number.span.To(unit.span)}, nil
}

// term parses [event query] with its keys and, in a sequence, its runs.
func (p *parser) term(sequence bool) (Term, *syntaxError) {
	open := p.peek()
	if !open.is(tokSymbol, "[", "![") {
		return Term{}, p.unexpected("[")
	}
	p.pos++
	t := Term{Missing: open.text == "![", Runs: 1}
	if t.Missing && !sequence {
		return t, failAt(open.span, "Missing events are not supported here")
	}
	q, err := p.eventQuery()
	if err != nil {
		return t, err
	}
	t.Query = *q
	if _, err := p.expect(tokSymbol, "]"); err != nil {
		return t, err
	}
	if p.accept(tokKeyword, "by") {
		if t.By, err = p.expressionList(); err != nil {
			return t, err
		}
	}
	if p.peek().is(tokKeyword, "with") {
		if t.Runs, err = p.runs(sequence); err != nil {
			return t, err
		}
	}
	t.Span = diag.Span{Start: open.span.Start, End: p.lastEnd()}
	return t, nil
}

func (p *parser) runs(sequence bool) (int, *syntaxError) {
	with := p.take()
	if t := p.peek(); !t.is(tokName, "runs") {
		return 0, p.unexpected("runs")
	}
	p.pos++
	if !sequence {
		return 0, failAt(with.span, "runs are not supported here")
	}
	if _, err := p.expect(tokSymbol, "="); err != nil {
		return 0, err
	}
	n, number, err := p.integer("a positive integer")
	if err != nil {
		return 0, err
	}
	if n < 1 {
		return 0, failAt(number.span, "A positive runs value is required; found [%d]", n)
	}
	if n > maxRuns {
		return 0, failAt(number.span, "A query cannot be repeated more than %d times; found [%d]", maxRuns, n)
	}
	return int(n), nil
}

func (p *parser) sample() (*Sample, *syntaxError) {
	s := &Sample{Span: p.take().span}
	if p.accept(tokKeyword, "by") {
		var err *syntaxError
		if s.By, err = p.expressionList(); err != nil {
			return nil, err
		}
	}
	for p.peek().is(tokSymbol, "[", "![") {
		t, err := p.term(false)
		if err != nil {
			return nil, err
		}
		s.Terms = append(s.Terms, t)
	}
	if p.peek().is(tokKeyword, "with") {
		return nil, failAt(p.peek().span, "Samples take neither [maxspan] nor [runs]")
	}
	s.Span.End = p.lastEnd()
	switch {
	case len(s.Terms) < 2:
		return nil, failAt(s.Span, "A sample requires a minimum of 2 queries, found [%d]", len(s.Terms))
	case len(s.Terms) > 5:
		return nil, failAt(s.Span, "A sample cannot contain more than 5 queries; found [%d]", len(s.Terms))
	}
	if p.peek().is(tokSymbol, "|") {
		return nil, failAt(p.peek().span, "Samples do not support pipes")
	}
	for _, t := range s.Terms {
		if len(s.By)+len(t.By) == 0 {
			return nil, failAt(t.Span, "A sample must have at least one join key")
		}
	}
	return s, checkKeys(s.By, s.Terms)
}

// checkSequence checks rules beyond the grammar.
func checkSequence(s *Sequence) *syntaxError {
	events, positive := 0, 0
	for _, t := range s.Terms {
		events += t.Runs
		if !t.Missing {
			positive++
		} else if s.MaxSpan == nil {
			return failAt(t.Span, "Missing events require [with maxspan]")
		}
	}
	switch {
	case events < 2:
		return failAt(s.Span, "A sequence requires a minimum of 2 queries, found [%d]", events)
	case positive == 0:
		return failAt(s.Span, "A sequence requires at least one positive event query")
	}
	terms := s.Terms
	if s.Until != nil {
		terms = append(slices.Clone(terms), *s.Until)
	}
	return checkKeys(s.By, terms)
}

// checkKeys checks that all terms have the same number of keys, each a field.
func checkKeys(by []Node, terms []Term) *syntaxError {
	want := len(by) + len(terms[0].By)
	for _, t := range terms {
		if n := len(by) + len(t.By); n != want {
			return failAt(t.Span, "Inconsistent number of join keys specified; expected [%d] but found [%d]", want, n)
		}
		for _, key := range append(slices.Clone(by), t.By...) {
			if _, ok := key.(*Field); !ok {
				return failAt(key.Pos(), "Unsupported join key: a key has to be a field, not %s", strings.TrimSpace(Print(key)))
			}
		}
	}
	return nil
}
