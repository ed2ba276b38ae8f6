package sigma

import (
	"net/netip"
	"regexp"
)

// value is one test of a field's values: one of the types of this file.
type value interface{ value() }

// text compares whole values with a pattern.
type text struct {
	pattern
	cased bool
}

// regex finds a regular expression in a value.
type regex struct {
	source string
	re     *regexp.Regexp
}

// network is true of addresses in it.
type network struct{ netip.Prefix }

// null is true of an event without the field.
type null struct{}

// exists is true of an event with the field, or without.
type exists bool

// fieldRef compares with the values of another field.
type fieldRef struct {
	field string
	// begin and end: what is compared may stand at the beginning or the end of a value only; both unset: it is
	// the whole value, both set: it may stand anywhere.
	begin, end bool
	cased      bool
}

// compared orders numbers.
type compared struct {
	op string
	number
}

// dated looks at a part of a date, in UTC.
type dated struct {
	part string
	op   string // "" is equality
	number
}

// number is a number of a rule with the text that it was written as.
type number struct {
	text  string
	float float64
}

func (text) value()     {}
func (regex) value()    {}
func (network) value()  {}
func (null) value()     {}
func (exists) value()   {}
func (fieldRef) value() {}
func (compared) value() {}
func (dated) value()    {}
