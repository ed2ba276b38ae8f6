package lint

import (
	"fmt"

	"tocsin/internal/diag"
	"tocsin/internal/translate/eql"
)

// stage is a condition of a query: of its events, or of one step of a sequence or sample.
type stage struct {
	condition *formula
	verdict   verdict
	found     []finding
	// missing: the step is true if there is no such event.
	missing bool
	// whole: without this step the rule never matches.
	whole bool
	step  int
}

// stages decides the conditions of a query, once for each subject.
func (s *Subject) stages() []stage {
	if s.decided {
		return s.conditions
	}
	s.decided = true
	add := func(f *formula, st stage) {
		var a analysis
		st.condition, st.verdict = f, a.decide(f, nil)
		st.found = a.found
		s.conditions = append(s.conditions, st)
	}
	steps := func(terms []eql.Term) {
		for i, t := range terms {
			add(fromEQL(t.Query.Where), stage{missing: t.Missing, whole: !t.Missing, step: i + 1})
		}
	}
	switch {
	case s.KQL != nil && s.KQL.Where != nil:
		add(fromKQL(s.KQL.Where, ""), stage{whole: true})
	case s.EQL == nil:
	case s.EQL.Event != nil:
		add(fromEQL(s.EQL.Event.Where), stage{whole: true})
	case s.EQL.Sequence != nil:
		steps(s.EQL.Sequence.Terms)
		if until := s.EQL.Sequence.Until; until != nil {
			add(fromEQL(until.Query.Where), stage{})
		}
	case s.EQL.Sample != nil:
		steps(s.EQL.Sample.Terms)
	}
	return s.conditions
}

// why says which parts decide a verdict, and where: the later part of the text, and the earlier one.
func (s *Subject) why(v verdict) (at diag.Span, reason string) {
	if v.because == nil {
		return v.at.span, "it is constant"
	}
	later, earlier := v.at, v.because
	if earlier.span.Start > later.span.Start {
		later, earlier = earlier, later
	}
	query := s.Rule.Query
	line := query.Report(diag.Note, "", earlier.span, "").Line
	if v.same {
		return later.span, fmt.Sprintf("%s is asked for and excluded, first in line %d", s.words(earlier), line)
	}
	return later.span, fmt.Sprintf("%s and %s (line %d) exclude each other", s.words(later), s.words(earlier), line)
}

// maxWords is the length of a part of a query in a message.
const maxWords = 80

// words is a part of the query as it is written, in KQL with its field.
func (s *Subject) words(f *formula) string {
	text := []rune(f.shown)
	if f.shown == "" {
		text = []rune(s.Rule.Query.Value[f.span.Start:f.span.End])
	}
	for i, r := range text {
		if r == '\n' || r == '\t' {
			text[i] = ' '
		}
	}
	if len(text) > maxWords {
		text = append(text[:maxWords], '…')
	}
	return "[" + string(text) + "]"
}

// neverMatches finds a rule that no event can match.
func neverMatches(s *Subject) {
	for _, st := range s.stages() {
		if !st.verdict.known || st.verdict.value {
			continue
		}
		at, reason := s.why(st.verdict)
		switch {
		case st.whole && st.step == 0:
			s.At(at, "the rule can never match: %s. Use or, or another value", reason)
		case st.whole:
			s.At(at, "the rule can never match, as its step %d cannot: %s. Use or, or another value", st.step, reason)
		default:
			s.At(at, "no event can match here: %s. Use or, or another value", reason)
		}
	}
}

// alwaysTrue finds conditions that are true of every event.
func alwaysTrue(s *Subject) {
	for _, st := range s.stages() {
		switch v := st.verdict; {
		case !v.known || !v.value || st.condition.op == constant: // a constant alone is meant
		case v.because == nil:
			s.At(v.at.span, "the condition is true of every event, because this part is. Take it away, or use and")
		default:
			s.At(v.at.span, "the condition is true of every event: this is true wherever %s is not. Take both away, or use and", s.words(v.because))
		}
	}
}

// idlePart finds parts of a conjunction that are true wherever the rest is: exclusions that exclude nothing.
func idlePart(s *Subject) {
	for _, st := range s.stages() {
		for _, f := range st.found {
			switch {
			case f.kind == idle && f.because == nil:
				s.At(f.part.span, "this is true of every event: take it away, or write another value")
			case f.kind == idle:
				s.At(f.part.span, "this is true wherever the rest is, because of %s: take it away, or write another value", s.words(f.because))
			}
		}
	}
}

// deadAlternative finds alternatives that can never be true, and those that another one has in it.
func deadAlternative(s *Subject) {
	for _, st := range s.stages() {
		for _, f := range st.found {
			switch {
			case f.kind == dead && f.because == nil:
				s.At(f.part.span, "this alternative is never true: it is constant")
			case f.kind == dead:
				s.At(f.part.span, "this alternative is never true here: %s and %s exclude each other. Take it away, or write another value", s.words(f.at), s.words(f.because))
			case f.kind == repeated:
				s.At(f.part.span, "this alternative adds nothing: wherever it is true, %s is. Take it away, or write another value", s.words(f.because))
			}
		}
	}
}
