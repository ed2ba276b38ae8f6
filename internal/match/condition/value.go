package condition

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/match/mapping"
)

// accept tests one indexed value of a field.
type accept func(mapping.Value) bool

// valueTest is accept and, where possible, an equivalent text test, networks or numbers. The zero
// value accepts no value.
type valueTest struct {
	accept accept
	// text tests values by their text alone.
	text textTest
	// networks, when not nil: the value's address must be in one of them.
	networks []netip.Prefix
	// numbers, when not nil: the value must be one of them.
	numbers []number
	// makeText makes the text test when it is needed: it takes time, and not every test is used.
	makeText func() textTest
}

// complete returns the test with later evaluated.
func (v valueTest) complete() valueTest {
	if v.makeText == nil {
		return v
	}
	return v.makeText().values()
}

// never reports whether the test accepts no value.
func (v valueTest) never() bool { return v.accept == nil && v.makeText == nil }

func acceptTest(a accept, err error) (valueTest, error) { return valueTest{accept: a}, err }

func compileValue(leaf Expr, f mapping.Field) (valueTest, error) {
	family := f.Type.Family()
	if family == mapping.FamilyText && f.Analyzer != mapping.Standard {
		return valueTest{}, ErrAnalysed
	}
	if err := f.InMemory(); err != nil {
		return valueTest{}, err
	}
	if family == mapping.FamilyText {
		return compileAnalysed(leaf)
	}
	if f.DocValuesOnly && folds(leaf) {
		return valueTest{}, fmt.Errorf("it is not indexed, and ignoring case then means more than ASCII: %w", ErrSearchOnly)
	}
	switch l := leaf.(type) {
	case Term:
		return compileTerm(l.Value, l.Fold, f)
	case Terms:
		if alone, ok := simplifyTerms(l).(Term); ok {
			return compileTerm(alone.Value, false, f)
		}
		return compileTerms(l.Values, f)
	case Range:
		return acceptTest(compileRange(l, f))
	case Match:
		return compileMatch(l, f)
	case CIDR:
		if family != mapping.FamilyIP && family != mapping.FamilyString && family != mapping.FamilyUnknown {
			return valueTest{}, fmt.Errorf("%T: %w", leaf, ErrOperator)
		}
		return compileCIDR(l.Networks)
	}
	return compilePattern(leaf, f)
}

// folds reports whether a test ignores case.
func folds(leaf Expr) bool {
	switch l := leaf.(type) {
	case Term:
		return l.Fold
	case Wildcard:
		return l.Fold
	case Prefix:
		return l.Fold
	case Regexp:
		return l.Fold
	}
	return false
}

// compileTerms differs from several Terms in one point: a number beyond the type's range is an
// error among others, while alone it equals nothing.
func compileTerms(values []any, f mapping.Field) (valueTest, error) {
	if texts, ok := allTexts(values); ok && f.Type.Family() == mapping.FamilyString {
		for i, text := range texts {
			texts[i] = f.Normalize(text)
		}
		return equalTexts(texts, false).values(), nil
	}
	tests := make([]valueTest, len(values))
	for i, value := range values {
		if text := literalText(value); f.Type.Family().IsNumber() && !inRange(text, f) && !dropped(text, f) {
			return valueTest{}, fmt.Errorf("%s is out of the range of [%s]: %w", text, f.Type, ErrLiteral)
		}
		t, err := compileTerm(value, false, f)
		if err != nil {
			return valueTest{}, err
		}
		tests[i] = t
	}
	return anyOf(tests, f), nil
}

// anyOf accepts values that one of several tests accepts. The tests do not ignore case.
func anyOf(tests []valueTest, f mapping.Field) valueTest {
	tests = slices.DeleteFunc(tests, valueTest.never)
	var texts []string
	var networks []netip.Prefix
	var numbers []number
	ofText, ofNetworks, ofNumbers := 0, 0, 0
	for _, t := range tests {
		switch {
		case t.text.equal != nil:
			ofText, texts = ofText+1, append(texts, t.text.equal...)
		case t.networks != nil:
			ofNetworks, networks = ofNetworks+1, append(networks, t.networks...)
		case t.numbers != nil:
			ofNumbers, numbers = ofNumbers+1, append(numbers, t.numbers...)
		}
	}
	switch len(tests) {
	case 0:
		return valueTest{}
	case ofText:
		return equalTexts(texts, false).values()
	case ofNetworks:
		return inNetworks(networks)
	case ofNumbers:
		return equalNumbers(numbers, f)
	}
	return valueTest{accept: func(v mapping.Value) bool {
		return slices.ContainsFunc(tests, func(t valueTest) bool { return t.accept(v) })
	}}
}

// allTexts returns values as strings if all of them are.
func allTexts(values []any) ([]string, bool) {
	texts := make([]string, len(values))
	for i, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil, false
		}
		texts[i] = text
	}
	return texts, true
}

func compileTerm(value any, fold bool, f mapping.Field) (valueTest, error) {
	text := literalText(value)
	family := f.Type.Family()
	if family == mapping.FamilyUnknown {
		family = familyOf(value)
	}
	switch family {
	case mapping.FamilyString:
		return equalText(f.Normalize(text), fold).values(), nil
	case mapping.FamilyVersion:
		return equalText(text, fold).values(), wantVersion(value, f)
	case mapping.FamilyBoolean:
		b, err := parseBool(text) // A boolean has no case to be ignored.
		return acceptTest(func(v mapping.Value) bool { return v.Bool == b }, err)
	default:
	}
	if fold {
		return valueTest{}, fmt.Errorf("ignoring case: %w", ErrOperator)
	}
	switch family {
	case mapping.FamilyIP:
		return equalIP(text)
	case mapping.FamilyInteger, mapping.FamilyFloat:
		return equalNumber(text, f)
	default:
		return acceptTest(compileRange(Range{Gte: value, Lte: value}, f))
	}
}

// wantVersion rejects numbers, booleans, and text that cannot be a value of a version field.
func wantVersion(value any, f mapping.Field) error {
	text, isText := value.(string)
	if _, ok := f.Index(text); !ok || !isText {
		return fmt.Errorf("%v is not a version: %w", value, ErrLiteral)
	}
	return nil
}

// equalIP matches one address or, as in Elasticsearch, a network in the place of an address.
func equalIP(text string) (valueTest, error) {
	if _, ok := mapping.ParseIP(text); !ok && !strings.Contains(text, "/") {
		return valueTest{}, fmt.Errorf("%q is not an IP address: %w", text, ErrLiteral)
	}
	return compileCIDR([]string{text})
}

func compileCIDR(networks []string) (valueTest, error) {
	prefixes, err := prefixesOf(networks)
	if err != nil {
		return valueTest{}, err
	}
	return inNetworks(prefixes), nil
}

// inNetworks accepts addresses that are in one of the networks, all in IPv6 form.
func inNetworks(prefixes []netip.Prefix) valueTest {
	if len(prefixes) == 0 {
		return valueTest{}
	}
	return valueTest{networks: prefixes, accept: func(v mapping.Value) bool {
		ip, ok := v.Address()
		return ok && slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
	}}
}

// prefixesOf parses networks into IPv6 form.
func prefixesOf(networks []string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		p, err := ParseNetwork(n)
		if err != nil {
			return nil, err
		}
		prefixes[i] = mapped(p)
	}
	return prefixes, nil
}

// mapped returns a network in IPv6 form, in which Elasticsearch stores all addresses: ::/0 includes
// the IPv4 addresses.
func mapped(p netip.Prefix) netip.Prefix {
	if !p.Addr().Is4() {
		return p
	}
	return netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), p.Bits()+96)
}

// ParseNetwork parses an IPv4 or IPv6 network, or a single address. Bits below the mask are
// ignored; an IPv4 network cannot be written in IPv6 form.
func ParseNetwork(s string) (netip.Prefix, error) {
	text, mask, isNetwork := strings.Cut(s, "/")
	addr, ok := mapping.ParseIP(text)
	if !ok {
		return netip.Prefix{}, fmt.Errorf("%q is not a network: %w", s, ErrLiteral)
	}
	if !isNetwork {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	bits, err := strconv.Atoi(mask)
	if err != nil || addr.Is4() && strings.Contains(text, ":") {
		return netip.Prefix{}, fmt.Errorf("%q is not a network: %w", s, ErrLiteral)
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not a network: %w", s, ErrLiteral)
	}
	return p, nil
}

func compareIP(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	return cmp.Compare(string(x[:]), string(y[:]))
}
