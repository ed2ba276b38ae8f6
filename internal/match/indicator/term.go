package indicator

import (
	"encoding/binary"
	"math"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// term is a value in the form in which the event's field compares it: two values are equal there
// when their terms are. The term of a network is its length and its first address.
type term string

// grain is how much of a value a term covers: the length of a network, or the precision of a time.
// Other values are covered as a whole.
type grain int

// termOf returns the term of an event's value at a grain.
func termOf(f mapping.Field, v mapping.Value, g grain) term {
	switch f.Type.Family() {
	case mapping.FamilyInteger:
		return wholeTerm(v.Whole)
	case mapping.FamilyFloat:
		return floatTerm(v.Number)
	case mapping.FamilyBoolean:
		return term(strconv.FormatBool(v.Bool))
	case mapping.FamilyDate:
		return momentTerm(v.Time, mapping.Precision(g))
	case mapping.FamilyIP:
		return networkTerm(v.IP, int(g))
	default:
		return term(v.String)
	}
}

// Same reports whether queries treat two values of a field as equal, however they were written.
func Same(f mapping.Field, a, b mapping.Value) bool {
	finest := grain(mapping.Exact)
	if f.Type.Family() == mapping.FamilyIP {
		finest = addressBits
	}
	return termOf(f, a, finest) == termOf(f, b, finest)
}

// addressBits is the length of an address: IPv4 addresses are in IPv6 form, as in Elasticsearch.
const addressBits = 128

// networkTerm returns the term of the network of that length around an address.
func networkTerm(addr netip.Addr, bits int) term {
	p, _ := netip.AddrFrom16(addr.As16()).Prefix(bits)
	sixteen := p.Addr().As16()
	return term(append([]byte{byte(bits)}, sixteen[:]...))
}

func wholeTerm(n int64) term {
	return term(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func floatTerm(x float64) term {
	return term(binary.BigEndian.AppendUint64(nil, math.Float64bits(x)))
}

// outcome is the result of reading an indicator's value for the event's field.
type outcome int

const (
	usable outcome = iota
	// never: a value that a query on the field accepts but that the field cannot have, such as 1.5
	// in an integer.
	never
	// unfit: a value that a query on the field rejects.
	unfit
)

// wanted is a term to look for.
type wanted struct {
	term  term
	grain grain
}

// want reads an indicator's value as the event's field reads the value of a term query.
func want(f mapping.Field, text string) (wanted, outcome) {
	switch f.Type.Family() {
	case mapping.FamilyInteger:
		return wantWhole(text)
	case mapping.FamilyFloat:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) {
			return wanted{}, unfit
		}
		return wanted{term: floatTerm(f.Number(x))}, usable
	case mapping.FamilyBoolean:
		if text != "true" && text != "false" {
			return wanted{}, unfit
		}
		return wanted{term: term(text)}, usable
	case mapping.FamilyDate:
		return wantDate(f, text)
	case mapping.FamilyIP:
		return wantNetwork(text)
	case mapping.FamilyVersion:
		if _, ok := f.Index(text); !ok {
			return wanted{}, unfit
		}
		return wanted{term: term(text)}, usable
	default:
		return wanted{term: term(f.Normalize(text))}, usable
	}
}

// maxDigits bounds the cost of parsing a number.
const maxDigits = 64

func wantWhole(text string) (wanted, outcome) {
	n, became := wholeOf(text)
	return wanted{term: wholeTerm(n)}, became
}

// wholeOf parses a whole number exactly.
func wholeOf(text string) (int64, outcome) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, usable
	}
	x, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil, len(text) > maxDigits, math.IsNaN(x):
		return 0, unfit
	case x != math.Trunc(x), math.Abs(x) > math.MaxInt64:
		return 0, never
	}
	n, ok := new(big.Rat).SetString(text)
	if !ok || !n.IsInt() || !n.Num().IsInt64() {
		return 0, never
	}
	return n.Num().Int64(), usable
}

// wantDate reads a date as its whole unit: a day equals every moment of it.
func wantDate(f mapping.Field, text string) (wanted, outcome) {
	at, precision, err := mapping.ParseDate(text, f.DateFormat())
	if err != nil {
		return wanted{}, unfit
	}
	switch {
	case precision < mapping.Day:
		precision = mapping.Day
	case precision == mapping.Exact && f.Type != mapping.DateNanos:
		precision = mapping.Millisecond
	}
	if precision < mapping.Millisecond && !at.Equal(beginning(at, precision)) {
		return wanted{}, unfit // An hour in a zone with an offset of half an hour.
	}
	return wanted{momentTerm(at, precision), grain(precision)}, usable
}

// momentTerm returns the term of the unit of time that contains a moment.
func momentTerm(at time.Time, p mapping.Precision) term {
	return wholeTerm(beginning(at, p).UnixNano()) + term(rune(p))
}

// beginning returns the first moment of the unit that contains at.
func beginning(at time.Time, p mapping.Precision) time.Time {
	at = at.UTC()
	switch p {
	case mapping.Exact:
		return at
	case mapping.Millisecond:
		return at.Truncate(time.Millisecond)
	case mapping.Second:
		return at.Truncate(time.Second)
	case mapping.Minute:
		return at.Truncate(time.Minute)
	case mapping.Hour:
		return at.Truncate(time.Hour)
	default:
		y, m, d := at.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
}

func wantNetwork(text string) (wanted, outcome) {
	p, err := condition.ParseNetwork(text)
	if err != nil {
		return wanted{}, unfit
	}
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += addressBits - p.Addr().BitLen()
	}
	return wanted{networkTerm(p.Addr(), bits), grain(bits)}, usable
}

// textOf formats an indicator's value as a search shows it, whatever its type there.
func textOf(f mapping.Field, v mapping.Value) string {
	switch f.Type.Family() {
	case mapping.FamilyInteger:
		return strconv.FormatInt(v.Whole, 10)
	case mapping.FamilyFloat:
		return strings.ToLower(strconv.FormatFloat(v.Number, 'g', -1, 64))
	case mapping.FamilyBoolean:
		return strconv.FormatBool(v.Bool)
	case mapping.FamilyDate:
		return v.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	case mapping.FamilyIP:
		return v.IP.String()
	default:
		return v.String
	}
}
