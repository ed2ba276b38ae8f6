package condition

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"tocsin/internal/mapping"
)

// accept judges one indexed value of a field.
type accept func(mapping.Value) bool

func never(mapping.Value) bool { return false }

func compileValue(leaf Expr, f mapping.Field) (accept, error) {
	family := f.Type.Family()
	if family == mapping.FamilyText {
		return nil, ErrAnalysed
	}
	if err := f.InMemory(); err != nil {
		return nil, err
	}
	switch l := leaf.(type) {
	case Term:
		return compileTerm(l.Value, l.Fold, f)
	case Terms:
		return compileTerms(l.Values, f)
	case Range:
		return compileRange(l, f)
	case Match:
		return compileMatch(l, f)
	case CIDR:
		if family != mapping.FamilyIP && family != mapping.FamilyString && family != mapping.FamilyUnknown {
			return nil, fmt.Errorf("%T: %w", leaf, ErrOperator)
		}
		return compileCIDR(l.Networks)
	}
	t, err := compilePattern(leaf, f)
	return t.accept(), err
}

// compileTerms differs from several Terms in one point: a number beyond the type's range is
// refused among others, while alone it just equals nothing.
func compileTerms(values []any, f mapping.Field) (accept, error) {
	if texts, ok := allTexts(values); ok && f.Type.Family() == mapping.FamilyString {
		return oneOfTexts(texts, f), nil
	}
	tests := make([]accept, len(values))
	for i, value := range values {
		if text := literalText(value); f.Type.Family().IsNumber() && !inRange(text, f) && !passedOver(text, f) {
			return nil, fmt.Errorf("%s is out of the range of [%s]: %w", text, f.Type, ErrLiteral)
		}
		t, err := compileTerm(value, false, f)
		if err != nil {
			return nil, err
		}
		tests[i] = t
	}
	return func(v mapping.Value) bool {
		for _, t := range tests {
			if t(v) {
				return true
			}
		}
		return false
	}, nil
}

// allTexts returns values that are all strings.
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

// oneOfTexts looks a value up among many.
func oneOfTexts(texts []string, f mapping.Field) accept {
	known := make(map[string]bool, len(texts))
	for _, text := range texts {
		known[f.Normalize(text)] = true
	}
	return func(v mapping.Value) bool { return known[v.String] }
}

func compileTerm(value any, fold bool, f mapping.Field) (accept, error) {
	text := literalText(value)
	family := f.Type.Family()
	if family == mapping.FamilyUnknown {
		family = familyOf(value)
	}
	switch family {
	case mapping.FamilyString:
		return equalText(f.Normalize(text), fold).accept(), nil
	case mapping.FamilyVersion:
		return equalText(text, fold).accept(), wantVersion(value, f)
	case mapping.FamilyBoolean:
		b, err := parseBool(text) // A boolean has no case to be ignored.
		return func(v mapping.Value) bool { return v.Bool == b }, err
	default:
	}
	if fold {
		return nil, fmt.Errorf("ignoring case: %w", ErrOperator)
	}
	switch family {
	case mapping.FamilyIP:
		return equalIP(text)
	case mapping.FamilyInteger, mapping.FamilyFloat:
		return equalNumber(text, f)
	default:
		return compileRange(Range{Gte: value, Lte: value}, f)
	}
}

// wantVersion refuses numbers and booleans, and what cannot be a value of a version field.
func wantVersion(value any, f mapping.Field) error {
	text, isText := value.(string)
	if _, ok := f.Index(text); !ok || !isText {
		return fmt.Errorf("%v is no version: %w", value, ErrLiteral)
	}
	return nil
}

// equalIP matches one address, or, as Elasticsearch has it, a network written where an address is
// wanted.
func equalIP(text string) (accept, error) {
	if strings.Contains(text, "/") {
		return compileCIDR([]string{text})
	}
	want, ok := mapping.ParseIP(text)
	if !ok {
		return nil, fmt.Errorf("%q is no IP address: %w", text, ErrLiteral)
	}
	return func(v mapping.Value) bool { return v.IP == want }, nil
}

func compileCIDR(networks []string) (accept, error) {
	prefixes, err := prefixesOf(networks)
	if err != nil {
		return nil, err
	}
	return func(v mapping.Value) bool {
		ip, ok := v.Address()
		if !ok {
			return false
		}
		for _, p := range prefixes {
			if p.Contains(ip) {
				return true
			}
		}
		return false
	}, nil
}

// prefixesOf reads networks, in IPv6 form.
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

// mapped writes a network in IPv6 form, in which Elasticsearch keeps all addresses: ::/0 has the
// IPv4 ones in it.
func mapped(p netip.Prefix) netip.Prefix {
	if !p.Addr().Is4() {
		return p
	}
	return netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), p.Bits()+96)
}

// ParseNetwork reads an IPv4 or IPv6 network, or a single address. Bits below the mask are
// ignored; an IPv4 network cannot be written in IPv6 form.
func ParseNetwork(s string) (netip.Prefix, error) {
	text, mask, isNetwork := strings.Cut(s, "/")
	addr, ok := mapping.ParseIP(text)
	if !ok {
		return netip.Prefix{}, fmt.Errorf("%q is no network: %w", s, ErrLiteral)
	}
	if !isNetwork {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	bits, err := strconv.Atoi(mask)
	if err != nil || addr.Is4() && strings.Contains(text, ":") {
		return netip.Prefix{}, fmt.Errorf("%q is no network: %w", s, ErrLiteral)
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network: %w", s, ErrLiteral)
	}
	return p, nil
}

func compareIP(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	return cmp.Compare(string(x[:]), string(y[:]))
}
