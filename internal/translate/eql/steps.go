package eql

import (
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Steps is a sequence or a sample with its conditions lowered.
type Steps struct {
	// Sample means a sample, whose terms are in no order.
	Sample bool
	// MaxSpan is the longest time from the first to the last event; 0 means unlimited.
	MaxSpan time.Duration
	Terms   []Step
	// Until is the event that ends open sequences; nil when there is none.
	Until *Step
}

// Step is one term: the condition on its event, and its keys.
type Step struct {
	// Where is the condition, including that all keys that are not optional exist.
	Where   condition.Expr
	Keys    []StepKey
	Missing bool // there must be no such event
	Runs    int  // how often the step is repeated
}

// StepKey is a join key of a step.
type StepKey struct {
	// Name is the field as written.
	Name string
	// Field contains the values. If Mapped is false, the field is not mapped and the key is null.
	Field    mapping.Field
	Mapped   bool
	Optional bool
}

// LowerSteps lowers the conditions of a sequence or sample. Diagnostics have positions in text; the
// result is nil when one of them is an error.
func LowerSteps(q *Query, text diag.Text, opts Options) (*Steps, diag.List) {
	l := newLowerer(text, &opts)
	steps := &Steps{Sample: q.Sample != nil}
	var by []Node
	var terms []Term
	if q.Sample != nil {
		by, terms = q.Sample.By, q.Sample.Terms
	} else {
		by, terms = q.Sequence.By, q.Sequence.Terms
		steps.MaxSpan = q.Sequence.MaxSpan.Duration()
		if until := q.Sequence.Until; until != nil {
			s := l.step(*until, by, opts.CategoryField)
			steps.Until = &s
		}
	}
	for _, t := range terms {
		steps.Terms = append(steps.Terms, l.step(t, by, opts.CategoryField))
	}
	l.diags.Sort()
	if l.diags.HasErrors() {
		return nil, l.diags
	}
	return steps, l.diags
}

// unitLengths are the durations of maxspan's units.
var unitLengths = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// Duration returns the length of the span, 0 for none.
func (m *MaxSpan) Duration() time.Duration {
	if m == nil {
		return 0
	}
	return time.Duration(m.Count) * unitLengths[m.Unit]
}

func (l *lowerer) step(t Term, by []Node, category string) Step {
	s := Step{Missing: t.Missing, Runs: t.Runs}
	where := condition.And{l.eventQuery(&t.Query, category)}
	for _, key := range append(append([]Node(nil), by...), t.By...) {
		n, _ := key.(*Field)
		f, state := l.resolve(n)
		k := StepKey{Name: n.Name, Field: f, Mapped: state == mapped, Optional: n.Optional}
		if k.Mapped && !k.Optional {
			where = append(where, condition.Exists{Field: f.Name})
		}
		s.Keys = append(s.Keys, k)
	}
	s.Where = condition.Simplify(where)
	return s
}
