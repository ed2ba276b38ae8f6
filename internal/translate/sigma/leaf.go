package sigma

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/lregexp"
	"tocsin/internal/match/mapping"
)

// oneOf is true of an event for which one of several tests of a field holds at a place.
func (p place) oneOf(values []value) condition.Expr {
	var out condition.Or
	var rest, long []value
	leaves, searchable := p.leaves(values)
	for i, v := range values {
		e := leaves[i]
		if e == nil || !searchable && (patternSize(e) > 0 || foldsTerm(e)) {
			rest = append(rest, v)
			continue
		}
		out = append(out, e)
		if p.kind == words && p.limit > 0 && takesLong(v, p.limit) {
			long = append(long, v)
		}
	}
	out = sameTerms(out)
	if len(long) > 0 {
		for _, f := range p.limited {
			out = append(out, condition.And{condition.LeftOut{Field: f.Name, Ignored: f.Ignored()}, p.compared(long)})
		}
	}
	if len(rest) > 0 {
		out = append(out, inSource(p, rest))
	}
	return out
}

// leaves are the tests that queries can make of values, nil where only the source tells; searchable reports whether one
// search can make all of them.
func (p place) leaves(values []value) (out []condition.Expr, searchable bool) {
	out = make([]condition.Expr, len(values))
	size, folded := 0, 0
	for i, v := range values {
		if e, ok := p.leaf(v); ok {
			out[i] = e
			size += patternSize(e)
			if foldsTerm(e) {
				folded++
			}
		}
	}
	return out, size <= maxPatterns && folded <= maxFolded
}

// maxFolded is how many terms of one list may ignore case: each is a clause of its own, and Elasticsearch takes a limited
// number of them, which is at least 1,024.
const maxFolded = 1024

func foldsTerm(e condition.Expr) bool {
	t, ok := e.(condition.Term)
	return ok && t.Fold
}

// maxPatterns is how long the patterns of one list may be together. Elasticsearch makes an automaton of each for every
// shard, of some 5 kB for each byte, and refuses the search when they exceed its memory.
const maxPatterns = 16 << 10

// patternSize is the length of the pattern of a test for which Elasticsearch makes an automaton.
func patternSize(e condition.Expr) int {
	switch e := e.(type) {
	case condition.Wildcard:
		return len(e.Pattern)
	case condition.Prefix:
		return len(e.Value)
	case condition.Regexp:
		return len(e.Pattern)
	}
	return 0
}

// takesLong reports whether a test may hold of a text that is longer than a limit.
func takesLong(v value, limit int) bool {
	switch v := v.(type) {
	case text:
		return !v.anything() && (v.has(anyMany) || mapping.UTF16Len(v.literals()) > limit)
	case regex:
		return true
	}
	return false
}

// leaf is the test that a query can make at a place; false when only the source tells.
func (p place) leaf(v value) (condition.Expr, bool) {
	if t, ok := v.(text); ok && t.anything() && p.kind != object {
		return present(p), true
	}
	switch p.kind {
	case object:
		return condition.Const(false), true
	case words:
		return p.words(v)
	case numbers:
		return p.numbers(v)
	case booleans:
		return p.booleans(v)
	case addresses:
		return p.addresses(v)
	default:
		return nil, false
	}
}

// present is true of an event that has a value, also one that the index leaves out.
func present(p place) condition.Expr {
	if p.kind == nowhere {
		return condition.Const(false)
	}
	there := condition.Exists{Field: p.base.Name}
	if p.base.IgnoreAbove > 0 && p.base.Nested == "" && !p.base.Keyed {
		return condition.Or{there, condition.LeftOut{Field: p.base.Name, Ignored: p.base.Ignored()}}
	}
	return there
}

// The limits of a regular expression in a query, which Elasticsearch refuses beyond them: how long it may be, and a
// tenth of what making its automaton may take.
const (
	maxRegexp = 1000
	maxEffort = 10_000
)

// words is a test on values that are texts.
func (p place) words(v value) (condition.Expr, bool) {
	switch v := v.(type) {
	case text:
		return p.text(v)
	case regex:
		if p.exact != "" {
			if pattern, ok := luceneOf(v.source); ok && compiles(pattern) {
				return condition.Regexp{Field: p.exact, Pattern: pattern}, true
			}
		}
	case network:
		field := p.exact
		if field == "" {
			field = p.folded
		}
		return condition.And{condition.Exists{Field: p.base.Name}, condition.CIDR{Field: field, Networks: []string{v.String()}}}, true
	case compared:
		if p.base.Type == mapping.Unknown {
			return v.bounds(p.exact), true
		}
	}
	return nil, false
}

// text compares words with a pattern.
func (p place) text(v text) (condition.Expr, bool) {
	field, folds := p.folded, false
	switch {
	case v.cased && p.exact == "":
		return nil, false
	case v.cased:
		field = p.exact
	case field == "":
		field, folds = p.exact, true
	}
	return textLeaf(field, v, folds)
}

// textLeaf is a test of texts; it folds case, or the field does, or nobody.
func textLeaf(field string, v text, folds bool) (condition.Expr, bool) {
	whole, isWhole := v.whole()
	switch {
	case v.has(dash), folds && v.casedBeyond():
		pattern := v.lucene(folds)
		if !compiles(pattern) {
			return nil, false
		}
		return condition.Regexp{Field: field, Pattern: pattern, Fold: folds && asciiLetters(v.literals())}, true
	case isWhole:
		return condition.Term{Field: field, Value: whole, Fold: folds && asciiLetters(whole)}, true
	}
	folds = folds && asciiLetters(v.literals())
	if n := len(v.pattern); n == 2 && v.pattern[0].kind == literal && v.pattern[1].kind == anyMany {
		return condition.Prefix{Field: field, Value: v.pattern[0].literal, Fold: folds}, true
	}
	return condition.Wildcard{Field: field, Pattern: v.wildcard(), Fold: folds}, true
}

// compiled remembers which patterns a query may have: rules are lowered often, and to find out takes time.
var compiled sync.Map

// compiles reports whether a query may have a pattern.
func compiles(pattern string) bool {
	if len(pattern) > maxRegexp {
		return false
	}
	known, ok := compiled.Load(pattern)
	if !ok {
		known = queryable(pattern)
		compiled.Store(pattern, known)
	}
	return known == true
}

func queryable(pattern string) bool {
	re, err := lregexp.Compile(pattern, lregexp.Options{Flags: lregexp.All})
	return err == nil && re.Effort(maxEffort) <= maxEffort
}

func asciiLetters(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' })
}

// numbers is a test on values that are numbers.
func (p place) numbers(v value) (condition.Expr, bool) {
	switch v := v.(type) {
	case text:
		whole, isWhole := v.whole()
		if !isWhole {
			return nil, false
		}
		if n, ok := literalOf(whole); ok {
			return condition.Term{Field: p.base.Name, Value: n}, true
		}
		return condition.Const(false), true
	case compared:
		return v.bounds(p.base.Name), true
	}
	return nil, false
}

// literalOf returns the number that a text is in the form in which numbers are written.
func literalOf(s string) (any, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, strconv.FormatInt(n, 10) == s
	}
	x, err := strconv.ParseFloat(s, 64)
	plain := err == nil && strings.Trim(s, "0123456789.-") == "" && strings.Contains(s, ".")
	return x, plain
}

// operators are the modifiers that compare.
var operators = map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

// bounds is the range of numbers that a comparison lets through.
func (c compared) bounds(field string) condition.Expr {
	var n any = c.float
	if whole, err := strconv.ParseInt(c.text, 10, 64); err == nil {
		n = whole
	}
	return condition.Compared(field, operators[c.op], n)
}

// booleans is a test on true and false.
func (p place) booleans(v value) (condition.Expr, bool) {
	t, ok := v.(text)
	if !ok {
		return nil, false
	}
	whole, isWhole := t.whole()
	switch {
	case !isWhole:
		return nil, false
	case strings.EqualFold(whole, "true"), strings.EqualFold(whole, "false"):
		return condition.Term{Field: p.base.Name, Value: strings.EqualFold(whole, "true")}, true
	}
	return condition.Const(false), true
}

// addresses is a test on addresses.
func (p place) addresses(v value) (condition.Expr, bool) {
	switch v := v.(type) {
	case network:
		return condition.CIDR{Field: p.base.Name, Networks: []string{v.String()}}, true
	case text:
		whole, isWhole := v.whole()
		if !isWhole {
			return nil, false
		}
		if _, err := netip.ParseAddr(whole); err != nil {
			return condition.Const(false), true
		}
		return condition.Term{Field: p.base.Name, Value: whole}, true
	}
	return nil, false
}

// inSource is a test in memory, over what the source has; at no place over all of its texts.
func inSource(p place, values []value) condition.Expr {
	if p.base.Name == "" {
		return p.compared(values)
	}
	return condition.Simplify(condition.And{p.sent(), p.compared(values)})
}

// compared is true where the source, or the index where sources lack values, meets one of several tests.
func (p place) compared(values []value) condition.Expr {
	name := p.base.Name
	// What a flattened field leaves out is remembered nowhere, so nobody would look for it in the source.
	indexed := p.unsourced() || p.base.Keyed && p.base.IgnoreAbove > 0
	var out condition.Or
	var rest, times []value
	for _, v := range values {
		_, isTime := v.(dated)
		e, ok := condition.Expr(nil), false
		if !indexed {
			e, ok = sourceLeaf(mapping.SourceName(name), v)
		}
		switch {
		case ok:
			out = append(out, e)
		case isTime && p.kind == dates:
			times = append(times, v)
		default:
			rest = append(rest, v)
		}
	}
	if len(times) > 0 {
		out = append(out, residual(name, times, p.textOf))
	}
	switch {
	case len(rest) == 0:
	case indexed:
		out = append(out, residual(name, rest, p.textOf))
	default:
		out = append(out, residual(mapping.SourceName(name), rest, textOf))
	}
	return condition.Simplify(out)
}

// residual tests values in a way that is no test of a query, and true of none where there is none.
func residual(field string, values []value, read func(mapping.Value) string) condition.Expr {
	return condition.Residual{
		Text: field + " " + describe(values), Fields: []string{field}, Wider: condition.Const(true), Holds: holds(values, read), Literals: literalsOf(values),
	}
}

// mostLiterals is the number of literals from which they are no help.
const mostLiterals = 64

// literalsOf returns texts of which every text has one for which one of several regular expressions holds; nil where
// nothing is known.
func literalsOf(values []value) []string {
	var out []string
	for _, v := range values {
		re, ok := v.(regex)
		if !ok {
			return nil
		}
		known, ok := literals.Load(re.source)
		if !ok {
			known, _ = literals.LoadOrStore(re.source, re.literals())
		}
		one, _ := known.([]string)
		if out = append(out, one...); one == nil || len(out) > mostLiterals {
			return nil
		}
	}
	return out
}

// literals remembers the results of [regex.literals] by the expression: rules are lowered often.
var literals sync.Map

// literals returns texts of which one occurs, in lower case, wherever the expression is found; nil where nothing is known.
func (r regex) literals() []string {
	pattern, ok := luceneOf(r.source)
	if !ok {
		return nil
	}
	re, err := lregexp.Compile(pattern, lregexp.Options{Flags: lregexp.All})
	if err != nil {
		return nil
	}
	shortest := func(list []string) int {
		n := len(list[0])
		for _, s := range list {
			n = min(n, len(s))
		}
		return n
	}
	var best []string
	for _, list := range re.Literals() {
		if best == nil || shortest(list) > shortest(best) {
			best = list
		}
	}
	return best
}

// sourceLeaf is a test of texts in a source that is one of a query's in kind, which many rules share.
func sourceLeaf(field string, v value) (condition.Expr, bool) {
	switch v := v.(type) {
	case text:
		if v.anything() {
			return nil, false
		}
		return textLeaf(field, v, !v.cased)
	case regex:
		if pattern, ok := luceneOf(v.source); ok && compiles(pattern) {
			return condition.Regexp{Field: field, Pattern: pattern}, true
		}
	}
	return nil, false
}

// sent is true of every event whose source has a text at the field, as far as a search can tell: the index may
// have left it out for its length or its form.
func (p place) sent() condition.Expr {
	there := condition.Exists{Field: p.base.Name}
	if p.base.Nested != "" || p.base.Keyed {
		return there
	}
	switch p.base.Type.Family() {
	case mapping.FamilyText, mapping.FamilyUnknown, mapping.FamilyObject, mapping.FamilyOther:
		return there
	case mapping.FamilyString:
		return present(p)
	default:
		return condition.Or{there, condition.LeftOut{Field: p.base.Name, Ignored: p.base.Ignored()}}
	}
}

// textOf writes a value that the index has.
func (p place) textOf(v mapping.Value) string {
	switch p.kind {
	case numbers:
		if p.base.Type.Family() == mapping.FamilyInteger {
			return strconv.FormatInt(v.Whole, 10)
		}
		return strconv.FormatFloat(v.Number, 'f', -1, 64)
	case booleans:
		return strconv.FormatBool(v.Bool)
	default:
		return v.Text()
	}
}

// sameTerms joins tests of a field for single values.
func sameTerms(list condition.Or) condition.Or {
	byField := map[string][]any{}
	var order []string
	out := list[:0]
	for _, e := range list {
		if t, ok := e.(condition.Term); ok && !t.Fold {
			if s, isText := t.Value.(string); isText {
				if !slices.Contains(order, t.Field) {
					order = append(order, t.Field)
				}
				byField[t.Field] = append(byField[t.Field], s)
				continue
			}
		}
		out = append(out, e)
	}
	for _, field := range order {
		out = append(out, condition.Terms{Field: field, Values: byField[field]})
	}
	return out
}
