package rule

import (
	"fmt"
	"net/netip"
	"strings"

	"tocsin/internal/match/mapping"
)

// ValueType is the type of the values in a list.
type ValueType string

// The list types with special comparisons. The names of number, date and range types are
// Elasticsearch's field types.
const (
	ValueIP      ValueType = "ip"
	ValueIPRange ValueType = "ip_range"
	ValueKeyword ValueType = "keyword"
	ValueText    ValueType = "text"
	ValueBoolean ValueType = "boolean"
)

// valueTypes are all supported list types.
var valueTypes = []ValueType{
	ValueIP, ValueIPRange, ValueKeyword, ValueText, ValueBoolean,
	"long", "integer", "short", "byte", "double", "float", "half_float", "date", "date_nanos",
	"long_range", "integer_range", "double_range", "float_range", "date_range",
}

// otherValueTypes are Kibana's types that match no value of an event.
var otherValueTypes = []ValueType{"binary", "geo_point", "geo_shape", "shape", "point"}

// Element returns the type of the values, or of the ends of ranges.
func (t ValueType) Element() mapping.Field {
	name, _ := strings.CutSuffix(string(t), "_range")
	return mapping.Field{Type: mapping.Type(name)}
}

// IsRange reports whether a value is a range.
func (t ValueType) IsRange() bool { return strings.HasSuffix(string(t), "_range") }

// separator stands between the ends of a range.
func (t ValueType) separator() string {
	if t.Element().Type == mapping.Date {
		return ","
	}
	return "-"
}

// ReadRange returns the ends of a range, both included, in a list of ranges of numbers, dates or
// addresses. A single value is a range as well; a date stands for its whole unit, such as a day.
func (t ValueType) ReadRange(text string) (first, last mapping.Value, err error) {
	if t == ValueIPRange {
		low, high, err := ParseIPRange(text)
		return mapping.Value{IP: asIPv6(low)}, mapping.Value{IP: asIPv6(high)}, err
	}
	if first, last, ok := t.ends(text, text); ok {
		return first, last, nil
	}
	for at := range text {
		if !strings.HasPrefix(text[at:], t.separator()) {
			continue
		}
		first, last, ok := t.ends(text[:at], text[at+1:])
		if ok && !below(last, first) {
			return first, last, nil
		}
	}
	return first, last, fmt.Errorf("%q is not a range of [%s]: want two values with %q between them, the lower one first", text, t.Element().Type, t.separator())
}

func (t ValueType) ends(low, high string) (first, last mapping.Value, ok bool) {
	element := t.Element()
	low, high = strings.TrimSpace(low), strings.TrimSpace(high)
	if element.Type == mapping.Date {
		last, ok = readDate(element, high, true)
	} else {
		last, ok = ReadValue(element, high)
	}
	if !ok {
		return first, last, false
	}
	first, ok = ReadValue(element, low)
	return first, last, ok
}

// ReadValue parses a number, a date, or an address, which is returned in IPv6 form; false if the
// text is invalid.
func ReadValue(element mapping.Field, text string) (mapping.Value, bool) {
	switch element.Type.Family() {
	case mapping.FamilyInteger:
		v, ok := element.Index(text)
		x, isNumber := mapping.ParseNumber(text)
		return v, ok && isNumber && x == float64(v.Whole) // no fraction is truncated
	case mapping.FamilyDate:
		return readDate(element, text, false)
	case mapping.FamilyIP:
		addr, ok := mapping.ParseIP(text)
		return mapping.Value{IP: asIPv6(addr)}, ok
	case mapping.FamilyFloat:
		// Fields of both sizes are compared with it, each in its own precision.
		v, ok := element.Index(text)
		v.Number, _ = mapping.ParseNumber(text)
		return v, ok
	default:
		return mapping.Value{}, false
	}
}

// readDate parses a date and returns the end or the beginning of its unit.
func readDate(element mapping.Field, text string, end bool) (mapping.Value, bool) {
	at, precision, err := mapping.ParseDate(text, element.DateFormat())
	if err != nil {
		return mapping.Value{}, false
	}
	if end {
		at = precision.End(at)
	}
	at, ok := element.Date(at)
	return mapping.Value{Time: at}, ok
}

// asIPv6 returns an address in IPv6 form.
func asIPv6(a netip.Addr) netip.Addr {
	if !a.IsValid() {
		return a
	}
	return netip.AddrFrom16(a.As16())
}

// below compares two values of one type.
func below(a, b mapping.Value) bool {
	if !a.Time.IsZero() || !b.Time.IsZero() {
		return a.Time.Before(b.Time)
	}
	return a.Whole < b.Whole || a.Whole == b.Whole && a.Number < b.Number
}

// checkValue returns what is wrong with a value of a type.
func checkValue(as ValueType, value string) error {
	switch as {
	case ValueIP:
		if _, err := netip.ParseAddr(value); err == nil {
			return nil
		}
		if _, err := netip.ParsePrefix(value); err == nil {
			return nil
		}
		return fmt.Errorf("%q is not an IP address", value)
	case ValueBoolean:
		if value != "true" && value != "false" {
			return fmt.Errorf("%q is neither true nor false", value)
		}
	case ValueKeyword, ValueText:
	default:
		if as.IsRange() {
			_, _, err := as.ReadRange(value)
			return err
		}
		if _, ok := ReadValue(as.Element(), value); !ok {
			return fmt.Errorf("%q is not a value of type [%s]", value, as)
		}
	}
	return nil
}

// ParseIPRange returns the first and the last address of a network, of a range such as
// 10.0.0.1-10.0.0.9, or of a single address.
func ParseIPRange(text string) (first, last netip.Addr, err error) {
	bad := fmt.Errorf("%q is not a range of IP addresses: want 10.0.0.0/8 or 10.0.0.1-10.0.0.9", text)
	if low, high, isRange := strings.Cut(text, "-"); isRange {
		first, errLow := netip.ParseAddr(strings.TrimSpace(low))
		last, errHigh := netip.ParseAddr(strings.TrimSpace(high))
		if errLow != nil || errHigh != nil || first.Is4() != last.Is4() || last.Less(first) || first.Zone() != "" || last.Zone() != "" {
			return first, last, bad
		}
		return first, last, nil
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addr, addr, nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return first, last, bad
	}
	network = network.Masked()
	return network.Addr(), lastOf(network), nil
}

// lastOf returns the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for i := p.Bits(); i < len(bytes)*8; i++ {
		bytes[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}
