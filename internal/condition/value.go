package condition

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"tocsin/internal/lregexp"
	"tocsin/internal/mapping"
)

// accept judges one indexed value of a field.
type accept func(mapping.Value) bool

func compileValue(leaf Expr, f mapping.Field) (accept, error) {
	family := f.Type.Family()
	switch family {
	case mapping.FamilyText:
		return nil, ErrAnalysed
	case mapping.FamilyObject, mapping.FamilyOther:
		return nil, ErrOperator
	default:
	}
	switch l := leaf.(type) {
	case Term:
		return compileTerm(l.Value, l.Fold, f)
	case Terms:
		return compileTerms(l.Values, f)
	case Range:
		return compileRange(l, f)
	case CIDR:
		return compileCIDR(l.Networks)
	}
	if family != mapping.FamilyString && family != mapping.FamilyUnknown && family != mapping.FamilyVersion {
		return nil, fmt.Errorf("%T: %w", leaf, ErrOperator)
	}
	switch l := leaf.(type) {
	case Wildcard:
		w := newWildcard(f.Normalize(l.Pattern), l.Fold)
		return func(v mapping.Value) bool { return w.match(v.String) }, nil
	case Prefix:
		return compilePrefix(f.Normalize(l.Value), l.Fold), nil
	case Regexp:
		re, err := lregexp.Compile(l.Pattern, lregexp.Options{Flags: lregexp.All, CaseInsensitive: l.Fold})
		if err != nil {
			return nil, fmt.Errorf("regexp %q: %w", l.Pattern, err)
		}
		return func(v mapping.Value) bool { return re.Match(v.String) }, nil
	}
	return nil, fmt.Errorf("%T: %w", leaf, ErrOperator)
}

func compileTerms(values []any, f mapping.Field) (accept, error) {
	tests := make([]accept, len(values))
	for i, value := range values {
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

func compileTerm(value any, fold bool, f mapping.Field) (accept, error) {
	text := literalText(value)
	family := f.Type.Family()
	if family == mapping.FamilyUnknown {
		family = familyOf(value)
	}
	if fold && family != mapping.FamilyString {
		return nil, fmt.Errorf("ignoring case: %w", ErrOperator)
	}
	switch family {
	case mapping.FamilyString:
		return equalText(f.Normalize(text), fold), nil
	case mapping.FamilyVersion:
		return equalText(text, false), nil
	case mapping.FamilyBoolean:
		b, err := parseBool(text)
		return func(v mapping.Value) bool { return v.Bool == b }, err
	case mapping.FamilyIP:
		return equalIP(text)
	default:
		return compileRange(Range{Gte: value, Lte: value}, f)
	}
}

func equalText(want string, fold bool) accept {
	if !fold {
		return func(v mapping.Value) bool { return v.String == want }
	}
	want = foldASCII(want)
	return func(v mapping.Value) bool { return len(v.String) == len(want) && foldASCII(v.String) == want }
}

func compilePrefix(want string, fold bool) accept {
	if !fold {
		return func(v mapping.Value) bool { return strings.HasPrefix(v.String, want) }
	}
	want = foldASCII(want)
	return func(v mapping.Value) bool {
		return len(v.String) >= len(want) && foldASCII(v.String[:len(want)]) == want
	}
}

// foldASCII lowers the ASCII letters only, as Lucene's case-insensitive queries do.
func foldASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// equalIP matches one address, or, as Elasticsearch has it, a network written where an address is
// wanted.
func equalIP(text string) (accept, error) {
	if strings.Contains(text, "/") {
		return compileCIDR([]string{text})
	}
	want, err := netip.ParseAddr(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no IP address: %w", text, ErrLiteral)
	}
	want = want.Unmap()
	return func(v mapping.Value) bool { return v.IP == want }, nil
}

func compileCIDR(networks []string) (accept, error) {
	prefixes := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		p, err := ParseNetwork(n)
		if err != nil {
			return nil, err
		}
		prefixes[i] = p
	}
	return func(v mapping.Value) bool {
		ip := v.IP
		if !ip.IsValid() {
			var err error
			if ip, err = netip.ParseAddr(v.String); err != nil {
				return false
			}
			ip = ip.Unmap()
		}
		for _, p := range prefixes {
			if p.Contains(ip) {
				return true
			}
		}
		return false
	}, nil
}

// ParseNetwork reads an IPv4 or IPv6 network, or a single address. Bits below the mask are
// ignored; an IPv4 network written in IPv6 form is the IPv4 network.
func ParseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, fmt.Errorf("%q is no network: %w", s, ErrLiteral)
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is no network: %w", s, ErrLiteral)
	}
	if addr := p.Addr(); addr.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

func compareIP(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	return cmp.Compare(string(x[:]), string(y[:]))
}
