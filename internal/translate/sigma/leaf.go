package sigma

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/lregexp"
	"tocsin/internal/match/mapping"
)

// leaf is a test on a field at one place.
func leaf(p place, name string, v value) condition.Expr {
	switch v.(type) {
	case null:
		return condition.Not{X: present(p)}
	case exists:
		return present(p)
	}
	switch p.kind {
	case nowhere, object:
		return condition.Const(false)
	case words:
		return p.words(v)
	case numbers:
		return p.numbers(v)
	case booleans:
		return p.booleans(v)
	case addresses:
		return p.addresses(v)
	default:
		return inSource(p, v)
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

// maxRegexp is how long a regular expression may be in a query.
const maxRegexp = 1000

// words is a test on values that are texts.
func (p place) words(v value) condition.Expr {
	switch v := v.(type) {
	case text:
		return p.text(v)
	case regex:
		if p.exact != "" {
			if pattern, ok := luceneOf(v.source); ok && compiles(pattern) {
				return condition.Regexp{Field: p.exact, Pattern: pattern}
			}
		}
	case network:
		field := p.exact
		if field == "" {
			field = p.folded
		}
		return condition.And{condition.Exists{Field: p.base.Name}, condition.CIDR{Field: field, Networks: []string{v.String()}}}
	case compared:
		if p.base.Type == mapping.Unknown {
			return v.bounds(p.exact)
		}
	}
	return inSource(p, v)
}

// text compares words with a pattern.
func (p place) text(v text) condition.Expr {
	field, folds := p.folded, false
	switch {
	case v.cased && p.exact == "":
		return inSource(p, v)
	case v.cased:
		field = p.exact
	case field == "":
		field, folds = p.exact, true
	}
	if v.anything() {
		return present(p)
	}
	whole, isWhole := v.whole()
	switch {
	case v.has(dash), folds && v.casedBeyond():
		pattern := v.lucene(folds)
		if !compiles(pattern) {
			return inSource(p, v)
		}
		return condition.Regexp{Field: field, Pattern: pattern, Fold: folds && asciiLetters(v.literals())}
	case isWhole:
		return condition.Term{Field: field, Value: whole, Fold: folds && asciiLetters(whole)}
	}
	folds = folds && asciiLetters(v.literals())
	if n := len(v.pattern); n == 2 && v.pattern[0].kind == literal && v.pattern[1].kind == anyMany {
		return condition.Prefix{Field: field, Value: v.pattern[0].literal, Fold: folds}
	}
	return condition.Wildcard{Field: field, Pattern: v.wildcard(), Fold: folds}
}

func compiles(pattern string) bool {
	if len(pattern) > maxRegexp {
		return false
	}
	_, err := lregexp.Compile(pattern, lregexp.Options{Flags: lregexp.All})
	return err == nil
}

func asciiLetters(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' })
}

// numbers is a test on values that are numbers.
func (p place) numbers(v value) condition.Expr {
	switch v := v.(type) {
	case text:
		whole, isWhole := v.whole()
		if v.anything() {
			return present(p)
		}
		if !isWhole {
			return inSource(p, v)
		}
		if n, ok := literalOf(whole); ok {
			return condition.Term{Field: p.base.Name, Value: n}
		}
		return condition.Const(false)
	case compared:
		return v.bounds(p.base.Name)
	}
	return inSource(p, v)
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

// bounds is the range of numbers that a comparison lets through.
func (c compared) bounds(field string) condition.Expr {
	var n any = c.float
	if whole, err := strconv.ParseInt(c.text, 10, 64); err == nil {
		n = whole
	}
	r := condition.Range{Field: field}
	switch c.op {
	case "gt":
		r.Gt = n
	case "gte":
		r.Gte = n
	case "lt":
		r.Lt = n
	default:
		r.Lte = n
	}
	return r
}

// booleans is a test on true and false.
func (p place) booleans(v value) condition.Expr {
	t, ok := v.(text)
	if !ok {
		return inSource(p, v)
	}
	if t.anything() {
		return present(p)
	}
	whole, isWhole := t.whole()
	switch {
	case !isWhole:
		return inSource(p, v)
	case strings.EqualFold(whole, "true"), strings.EqualFold(whole, "false"):
		return condition.Term{Field: p.base.Name, Value: strings.EqualFold(whole, "true")}
	}
	return condition.Const(false)
}

// addresses is a test on addresses.
func (p place) addresses(v value) condition.Expr {
	switch v := v.(type) {
	case network:
		return condition.CIDR{Field: p.base.Name, Networks: []string{v.String()}}
	case text:
		whole, isWhole := v.whole()
		switch {
		case v.anything():
			return present(p)
		case isWhole:
			if _, err := netip.ParseAddr(whole); err == nil {
				return condition.Term{Field: p.base.Name, Value: whole}
			}
			return condition.Const(false)
		}
	}
	return inSource(p, v)
}

// inSource is a test in memory, over what the source has.
func inSource(p place, v value) condition.Expr {
	if t, ok := v.(text); ok && t.anything() && p.kind != nowhere {
		return present(p)
	}
	name := p.base.Name
	_, ofTime := v.(dated)
	fromSource := !p.unsourced() && !(ofTime && p.kind == dates)
	read := textOf
	if !fromSource {
		read = p.textOf
	}
	return condition.Residual{
		Text:   name + " " + describe(v),
		Fields: []string{name}, Required: []string{name}, Source: fromSource,
		Holds: holds(v, read),
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
	}
	return v.Text()
}

// anywhereInSource is a test on all texts of an event.
func anywhereInSource(v value) condition.Expr {
	return condition.Residual{Text: "* " + describe(v), Fields: []string{""}, Source: true, Holds: holds(v, textOf)}
}

// sameTerms joins tests of a field for single values.
func sameTerms(e condition.Expr) condition.Expr {
	list, isOr := e.(condition.Or)
	if !isOr {
		return e
	}
	byField := map[string][]any{}
	var order []string
	var out condition.Or
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
