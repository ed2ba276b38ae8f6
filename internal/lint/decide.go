package lint

import (
	"slices"
	"strings"

	"tocsin/internal/match/mapping"
)

// excludes reports whether no value is one of both patterns.
func (p pattern) excludes(q pattern) bool {
	a, b := p.text, q.text
	if p.fold || q.fold {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	switch {
	case !p.wild && !q.wild:
		return a != b
	case !p.wild:
		return !mapping.Glob(star(b), a)
	case !q.wild:
		return !mapping.Glob(star(a), b)
	}
	// Two patterns: what stands before the first wildcard, and after the last, has to agree.
	head := func(s string) string { return s[:strings.IndexAny(s, "*?")] }
	tail := func(s string) string { return s[strings.LastIndexAny(s, "*?")+1:] }
	ha, hb, ta, tb := head(a), head(b), tail(a), tail(b)
	return !strings.HasPrefix(ha, hb) && !strings.HasPrefix(hb, ha) || !strings.HasSuffix(ta, tb) && !strings.HasSuffix(tb, ta)
}

// star widens a pattern to one that has only stars, as ? is any character.
func star(s string) string { return strings.ReplaceAll(s, "?", "*") }

// covers reports whether every value of q is one of p.
func (p pattern) covers(q pattern) bool {
	a, b := p.text, q.text
	if q.fold && !p.fold {
		return p.wild && strings.Trim(p.text, "*") == ""
	}
	if p.fold {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	switch {
	case a == b:
		return p.wild || !q.wild
	case !p.wild || strings.Contains(a, "?"):
		return false
	case !q.wild:
		return mapping.Glob(a, b)
	}
	return strings.Trim(a, "*") == "" && a != ""
}

// excludes reports whether no event can have both: the field holds one value, and no value fits both.
func (a *atom) excludes(b *atom) bool {
	if a.field != b.field || a.list || b.list {
		return false
	}
	for _, p := range a.values {
		for _, q := range b.values {
			if !p.excludes(q) {
				return false
			}
		}
	}
	switch {
	case len(a.values) > 0 && len(b.values) > 0:
		return true
	case len(a.values)+len(b.values) > 0:
		return false // a value and a range
	}
	return beyond(a.low, b.high) || beyond(b.low, a.high)
}

// beyond reports whether a lower bound is above an upper one.
func beyond(low, high *bound) bool {
	return low != nil && high != nil && (low.at > high.at || low.at == high.at && (low.strict || high.strict))
}

// covers reports whether a is true whenever b is.
func (a *atom) covers(b *atom) bool {
	if a.field != b.field || len(a.values) == 0 || len(b.values) == 0 {
		return false
	}
	for _, q := range b.values {
		covered := false
		for _, p := range a.values {
			covered = covered || p.covers(q)
		}
		if !covered {
			return false
		}
	}
	return true
}

// fact is a leaf that holds, or does not, wherever a part of a condition is decided.
type fact struct {
	of    *formula
	holds bool
}

// verdict is what the logic of a condition says of its value.
type verdict struct {
	// known: it always has the value.
	known, value bool
	// at is the part that decides it, because the part that is in conflict with it, or the same as it; nil for constants.
	at, because *formula
	// same: because is the same test, not another one.
	same bool
}

// or returns the verdict that can be explained: the other one, unless it is only about a constant.
func (v verdict) or(other verdict) verdict {
	if v.known && other.because == nil {
		return v
	}
	return other
}

// facts adds what holds if f has the value.
func facts(f *formula, value bool, out []fact) []fact {
	switch {
	case f.op == leaf:
		return append(out, fact{f, value})
	case f.op == not:
		return facts(f.xs[0], !value, out)
	case f.op == and && value, f.op == or && !value:
		for _, x := range f.xs {
			out = facts(x, value, out)
		}
	}
	return out
}

// decide decides a leaf by a fact.
func (k fact) decide(f *formula) verdict {
	switch a, b := f.atom, k.of.atom; {
	case f.text == k.of.text:
		return verdict{true, k.holds, f, k.of, true}
	case a == nil || b == nil:
	case k.holds && b.excludes(a), !k.holds && b.covers(a):
		return verdict{true, false, f, k.of, false}
	}
	return verdict{}
}

// findingKind is what is amiss with a part of a condition.
type findingKind int

const (
	// dead is an alternative that is never true, repeated one that adds nothing to another.
	dead findingKind = iota
	repeated
	// idle is a part of a conjunction that is true wherever the rest is.
	idle
)

// finding is a part of a condition that decides nothing.
type finding struct {
	kind findingKind
	part *formula
	verdict
}

// analysis finds the parts of a condition that decide nothing.
type analysis struct{ found []finding }

// decide returns what a condition is wherever the facts hold, and records parts that decide nothing. Parts of a condition
// that is known itself are not recorded.
func (a *analysis) decide(f *formula, known []fact) verdict {
	switch f.op {
	case constant:
		return verdict{known: true, value: f.constant, at: f}
	case leaf:
		for _, k := range known {
			if v := k.decide(f); v.known {
				return v
			}
		}
	case not:
		v := a.decide(f.xs[0], known)
		v.value = v.known && !v.value
		return v
	case and:
		return a.all(f, known)
	case or:
		return a.any(f, known)
	}
	return verdict{}
}

// all decides a conjunction: each member where it stands, and in view of the others.
func (a *analysis) all(f *formula, known []fact) verdict {
	var inner analysis
	last, open := verdict{known: true, value: true, at: f}, 0
	for i, x := range f.xs {
		v := new(analysis).decide(x, known)
		always := v.known && v.value
		if always {
			last = last.or(v)
		} else {
			around := slices.Clip(known)
			for j, y := range f.xs {
				if j != i {
					around = facts(y, true, around)
				}
			}
			open++
			v = inner.decide(x, around)
		}
		switch {
		case v.known && !v.value:
			return v
		case v.known && (v.because == nil || x.op == or || x.op != leaf && !v.same): // an equal leaf stands elsewhere
			inner.found = append(inner.found, finding{idle, x, v})
		}
	}
	if open == 0 {
		return last
	}
	a.found = append(a.found, inner.found...)
	return verdict{}
}

// any decides a disjunction: each alternative where it stands, and where no other one is true.
func (a *analysis) any(f *formula, known []fact) verdict {
	var inner analysis
	var last verdict
	var open []int
	for i, x := range f.xs {
		var branch analysis
		v := branch.decide(x, known)
		switch {
		case v.known && v.value:
			return v
		case v.known:
			last = last.or(v)
			inner.found = append(inner.found, finding{dead, x, v})
		default:
			open = append(open, i)
			inner.found = append(inner.found, branch.found...)
		}
	}
	if len(open) == 0 {
		return last
	}
	// Of two alternatives that say the same, the later one is superfluous.
	for at := len(open) - 1; at >= 0 && len(open) > 1; at-- {
		x := f.xs[open[at]]
		around := slices.Clip(known)
		for other, j := range open {
			if other != at {
				around = facts(f.xs[j], false, around)
			}
		}
		v := new(analysis).decide(x, around)
		j, covered := f.repeats(open[at], open)
		switch {
		case v.known && v.value:
			v.at = x
			return v
		case covered:
			v = verdict{at: x, because: f.xs[j]}
		case !v.known:
			continue
		}
		inner.found = append(inner.found, finding{repeated, x, v})
		open = slices.Delete(open, at, at+1)
	}
	a.found = append(a.found, inner.found...)
	return verdict{}
}

// repeats returns an alternative of those in others that has fewer of the parts of the conjunction that alternative i is.
func (f *formula) repeats(i int, others []int) (int, bool) {
	for _, j := range others {
		if x := f.xs[i]; j != i && x.op == and && x.requires(f.xs[j]) {
			return j, true
		}
	}
	return 0, false
}

// requires reports whether a conjunction has all parts of another condition, and more.
func (f *formula) requires(y *formula) bool {
	parts := []*formula{y}
	if y.op == and {
		parts = y.xs
	}
	if len(parts) >= len(f.xs) {
		return false
	}
	for _, p := range parts {
		if !slices.ContainsFunc(f.xs, func(x *formula) bool { return x.text == p.text }) {
			return false
		}
	}
	return true
}
