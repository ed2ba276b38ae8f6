package indicator

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
	"strconv"

	"tocsin/internal/match/mapping"
)

// A range of values is stored as blocks, as a network is: each block is the values that begin with
// the same bits. An event's value is looked up once for each block length in use. Numbers and dates
// are encoded as bits with the same order, after 64 zeros.

// bitsOf is a value as 128 bits.
type bitsOf struct{ high, low uint64 }

func (b bitsOf) compare(o bitsOf) int {
	return cmp.Or(cmp.Compare(b.high, o.high), cmp.Compare(b.low, o.low))
}

// block returns the term of the block of that length that contains the value.
func (b bitsOf) block(length int) term {
	var text [16]byte
	binary.BigEndian.PutUint64(text[:8], b.high)
	binary.BigEndian.PutUint64(text[8:], b.low)
	return networkTerm(netip.AddrFrom16(text), length)
}

// plus adds a power of two; false beyond the last value.
func (b bitsOf) plus(power int) (bitsOf, bool) {
	var carry uint64
	if power < 64 {
		b.low, carry = bits.Add64(b.low, 1<<power, 0)
		b.high, carry = bits.Add64(b.high, 0, carry)
	} else {
		b.high, carry = bits.Add64(b.high, 1<<(power-64), 0)
	}
	return b, carry == 0
}

// last returns the last value of the block that begins with the value.
func (b bitsOf) last(power int) bitsOf {
	if power < 64 {
		b.low |= 1<<power - 1
		return b
	}
	b.low = math.MaxUint64
	if power == addressBits {
		b.high = math.MaxUint64
	} else {
		b.high |= 1<<(power-64) - 1
	}
	return b
}

// zeros returns the number of trailing zero bits.
func (b bitsOf) zeros() int {
	if b.low != 0 {
		return bits.TrailingZeros64(b.low)
	}
	return 64 + bits.TrailingZeros64(b.high)
}

// blocks returns the fewest blocks that make up a range, at most twice as many as there are bits.
func blocks(first, last bitsOf) []wanted {
	var out []wanted
	for {
		power := first.zeros()
		for first.last(power).compare(last) > 0 {
			power--
		}
		out = append(out, wanted{first.block(addressBits - power), grain(addressBits - power)})
		if power == addressBits {
			return out
		}
		next, ok := first.plus(power)
		if !ok || next.compare(last) > 0 {
			return out
		}
		first = next
	}
}

// wantInterval returns the terms of an indicator's range.
func wantInterval(f mapping.Field, i mapping.Interval) []wanted {
	return blocks(elementBits(f, i.First), elementBits(f, i.Last))
}

// elementBits encodes a value in a range field so that bits have the order of values.
func elementBits(f mapping.Field, v mapping.Value) bitsOf {
	switch element, _ := f.Type.Element(); element.Family() {
	case mapping.FamilyIP:
		text := v.IP.As16()
		return bitsOf{binary.BigEndian.Uint64(text[:8]), binary.BigEndian.Uint64(text[8:])}
	case mapping.FamilyDate:
		return bitsOf{low: uint64(v.Time.UnixMilli()) ^ 1<<63}
	case mapping.FamilyInteger:
		return bitsOf{low: uint64(v.Whole) ^ 1<<63}
	default:
		x := math.Float64bits(v.Number)
		switch {
		case v.Number == 0: // -0 as well
			x = 1 << 63
		case v.Number < 0:
			x = ^x
		default:
			x |= 1 << 63
		}
		return bitsOf{low: x}
	}
}

// inIntervals encodes an event's value as a search for it among ranges does; false for a value that
// no range of the field can contain.
func inIntervals(ranges, f mapping.Field, v mapping.Value) (bitsOf, bool) {
	element, _ := ranges.Type.Element()
	of := mapping.Field{Type: element, Format: ranges.Format}
	var out mapping.Value
	switch element.Family() {
	case mapping.FamilyIP:
		addr, ok := v.Address()
		if !ok {
			return bitsOf{}, false
		}
		out.IP = addr
	case mapping.FamilyDate:
		out.Time = v.Time
		if f.Type.Family() != mapping.FamilyDate {
			at, _, err := mapping.ParseDate(textOf(f, v), of.DateFormat())
			if err != nil {
				return bitsOf{}, false
			}
			out.Time = at
		}
	case mapping.FamilyInteger:
		n, became := wholeOf(textOf(f, v))
		checked, ok := of.Index(strconv.FormatInt(n, 10))
		if became != usable || !ok {
			return bitsOf{}, false
		}
		out = checked
	default:
		x, ok := of.Index(textOf(f, v))
		if !ok {
			return bitsOf{}, false
		}
		out = x
	}
	return elementBits(ranges, out), true
}
