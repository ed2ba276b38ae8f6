package tomltree

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"tocsin/internal/diag"
)

// value makes the tree of a value that starts at an offset and returns where it ends. go-toml
// gives no range for lists and inline tables: their ends follow from their elements.
func (b *builder) value(n *unstable.Node, start int) (*Value, int) {
	if n.Kind == unstable.Array {
		return b.sequence(n, start)
	}
	if n.Kind == unstable.InlineTable {
		return b.inline(n, start)
	}
	s := spanOf(n)
	v := &Value{Span: s, Text: b.file.Value[s.Start:s.End]}
	var err error
	switch n.Kind {
	case unstable.String:
		v.Text = b.content(n, s)
	case unstable.Bool:
		v.Kind = Boolean
	case unstable.Integer:
		v.Kind = Integer
		v.Int, err = integer(v.Text)
	case unstable.Float:
		v.Kind = Float
		v.Float, err = float(v.Text)
	default:
		v.Kind = DateTime
		err = date(n.Kind, v.Text)
	}
	if err != nil {
		b.fail("syntax", s, "%s: %s", v.Text, err)
	}
	return v, s.End
}

// sequence makes the tree of a list value.
func (b *builder) sequence(n *unstable.Node, start int) (*Value, int) {
	v := &Value{Kind: Array}
	at := start + 1
	for it := n.Children(); it.Next(); {
		item, end := b.value(it.Node(), b.filler(at))
		v.add(item)
		at = end
	}
	v.Span = diag.Span{Start: start, End: b.filler(at) + 1}
	return v, v.Span.End
}

// inline makes the tree of an inline table.
func (b *builder) inline(n *unstable.Node, start int) (*Value, int) {
	v := &Value{Kind: Table, made: header}
	at := start + 1
	for it := n.Children(); it.Next(); {
		member := it.Node()
		b.member(v, member, false)
		at = spanOf(member).End
	}
	v.close()
	v.Span = diag.Span{Start: start, End: b.filler(at) + 1}
	return v, v.Span.End
}

// close forbids additions to an inline table and to the tables its dotted keys made.
func (v *Value) close() {
	v.made = closed
	for _, item := range v.Items {
		if item.made == dotted {
			item.close()
		}
	}
}

// filler returns the offset of the next token in a list, after blanks, commas and comments.
func (b *builder) filler(i int) int {
	text := b.file.Value
	for i < len(text) {
		switch text[i] {
		case ' ', '\t', '\r', '\n', ',':
			i++
		case '#':
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				return len(text)
			}
			i += end
		default:
			return i
		}
	}
	return i
}

var (
	errZero   = errors.New("a number must not start with zero")
	errNumber = errors.New("not a number")
	errRange  = errors.New("the number does not fit 64 bits")
)

// integer reads a TOML integer in one of its four notations.
func integer(text string) (int64, error) {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' {
		return 0, errZero
	}
	i, err := strconv.ParseInt(text, 0, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, errRange
	}
	if err != nil {
		return 0, errNumber
	}
	return i, nil
}

// float reads a TOML float.
func float(text string) (float64, error) {
	digits := strings.TrimLeft(text, "+-")
	switch {
	case digits == "inf":
		return math.Inf(1 - 2*strings.Count(text, "-")), nil
	case digits == "nan":
		return math.NaN(), nil
	case len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9':
		return 0, errZero
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errRange
	case err != nil:
		return 0, errNumber
	}
	return f, nil
}

// date checks a date, a time or both.
func date(kind unstable.Kind, text string) error {
	var err error
	switch kind {
	case unstable.LocalDate:
		err = new(toml.LocalDate).UnmarshalText([]byte(text))
	case unstable.LocalTime:
		err = new(toml.LocalTime).UnmarshalText([]byte(text))
	case unstable.LocalDateTime:
		err = new(toml.LocalDateTime).UnmarshalText([]byte(text))
	default:
		local, zone := text, ""
		if i := strings.LastIndexAny(text, "Zz+-"); i > 0 {
			local, zone = text[:i], strings.ToUpper(text[i:])
		}
		// Package time accepts a single-digit hour, so it only checks the zone.
		if err = new(toml.LocalDateTime).UnmarshalText([]byte(local)); err == nil {
			_, err = time.Parse("Z07:00", zone)
		}
	}
	if err != nil {
		return errors.New("not a date or time")
	}
	return nil
}
