package mapping

import (
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"time"
)

// The range types.
const (
	IPRange      Type = "ip_range"
	LongRange    Type = "long_range"
	IntegerRange Type = "integer_range"
	FloatRange   Type = "float_range"
	DoubleRange  Type = "double_range"
	DateRange    Type = "date_range"
)

// Element returns the type of the values in a range; false if the type is not a range type.
func (t Type) Element() (Type, bool) {
	switch t {
	case IPRange, LongRange, IntegerRange, FloatRange, DoubleRange, DateRange:
		name, _ := strings.CutSuffix(string(t), "_range")
		return Type(name), true
	default:
		return "", false
	}
}

// Interval is one value of a range field, both ends included. An address is in IPv6 form.
type Interval struct{ First, Last Value }

// Interval turns one JSON value (decoded with json.Number) into what Elasticsearch indexes for a
// range field: an object with gte, gt, lte and lt, each optional, or the text of a network. It
// returns false for a value that is not indexed, which makes Elasticsearch reject the document.
func (f Field) Interval(raw any) (Interval, bool) {
	element, ok := f.Type.Element()
	if !ok {
		return Interval{}, false
	}
	of := Field{Type: element, Format: f.Format}
	object, isObject := raw.(map[string]any)
	if !isObject {
		text, _ := raw.(string)
		return network(text, element)
	}
	i := of.unbounded()
	for name, bound := range object {
		if bound == nil && (name == "gte" || name == "gt" || name == "lte" || name == "lt") {
			continue
		}
		var v Value
		switch name {
		case "gte", "lt":
			v, ok = of.bound(bound, false)
		case "gt", "lte":
			v, ok = of.bound(bound, true)
		default:
			ok = false
		}
		if !ok {
			return Interval{}, false
		}
		switch name {
		case "gte":
			i.First = v
		case "gt":
			i.First, ok = of.step(v, 1)
		case "lte":
			i.Last = v
		case "lt":
			i.Last, ok = of.step(v, -1)
		}
		if !ok {
			return Interval{}, false
		}
	}
	return i, i.First.compare(i.Last) <= 0
}

// network parses an ip_range that is written as one text.
func network(text string, element Type) (Interval, bool) {
	p, err := netip.ParsePrefix(text)
	if element != IP || err != nil || p.Addr().Is4In6() {
		return Interval{}, false
	}
	first := wide(p.Masked().Addr())
	last := first.As16()
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	for i := bits; i < 128; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return Interval{Value{IP: first}, Value{IP: netip.AddrFrom16(last)}}, true
}

func wide(a netip.Addr) netip.Addr { return netip.AddrFrom16(a.As16()) }

// unbounded returns the interval of all values of the type.
func (f Field) unbounded() Interval {
	switch f.Type.Family() {
	case FamilyIP:
		var all [16]byte
		for i := range all {
			all[i] = 0xff
		}
		return Interval{Value{IP: netip.IPv6Unspecified()}, Value{IP: netip.AddrFrom16(all)}}
	case FamilyDate:
		return Interval{Value{Time: time.UnixMilli(math.MinInt64)}, Value{Time: time.UnixMilli(math.MaxInt64)}}
	case FamilyInteger:
		most := f.integerMax()
		return Interval{Value{Whole: -most - 1}, Value{Whole: most}}
	default:
		return Interval{Value{Number: math.Inf(-1)}, Value{Number: math.Inf(1)}}
	}
}

// bound parses one end of a range. With end, a date stands for the end of its unit: "lte
// 2026-01-02" ends with the day, "gt 2026-01-02" begins after it.
func (f Field) bound(raw any, end bool) (Value, bool) {
	if f.Type.Family() != FamilyDate {
		v, ok := f.Index(raw)
		if v.IP.IsValid() {
			v.IP = wide(v.IP)
		}
		if f.Type.Family() == FamilyInteger {
			v.Number = 0 // Whole is exact
		}
		return Value{IP: v.IP, Whole: v.Whole, Number: v.Number}, ok
	}
	text, ok := ScalarText(raw)
	if !ok {
		return Value{}, false
	}
	format := f.DateFormat()
	if _, isNumber := raw.(json.Number); isNumber {
		format = "epoch_millis"
	}
	at, precision, err := ParseDate(text, format)
	if err != nil {
		return Value{}, false
	}
	if end {
		at = precision.End(at)
	}
	at, ok = f.Date(at)
	return Value{Time: at}, ok
}

// step returns the next value above or below; false beyond the last address.
func (f Field) step(v Value, by int) (Value, bool) {
	switch f.Type.Family() {
	case FamilyIP:
		if by > 0 {
			v.IP = v.IP.Next()
		} else {
			v.IP = v.IP.Prev()
		}
		return v, v.IP.IsValid()
	case FamilyDate:
		v.Time = v.Time.Add(time.Duration(by) * time.Millisecond)
		return v, true
	case FamilyInteger:
		// It wraps around, as in Elasticsearch.
		if v.Whole += int64(by); f.Type == Integer {
			v.Whole = int64(int32(v.Whole))
		}
		return v, true
	default:
		to := math.Inf(by)
		if f.Type == Float {
			v.Number = float64(math.Nextafter32(float32(v.Number), float32(to)))
		} else {
			v.Number = math.Nextafter(v.Number, to)
		}
		return v, true
	}
}

// compare orders values of one type.
func (v Value) compare(o Value) int {
	switch {
	case v.IP.IsValid():
		return v.IP.Compare(o.IP)
	case !v.Time.IsZero() || !o.Time.IsZero():
		return v.Time.Compare(o.Time)
	case v.Whole != o.Whole:
		if v.Whole < o.Whole {
			return -1
		}
		return 1
	case v.Number < o.Number:
		return -1
	case v.Number > o.Number:
		return 1
	}
	return 0
}
