package eql

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"tocsin/internal/match/condition"
)

// units is a text as Java sees it: positions in EQL count UTF-16 units.
type units []uint16

func unitsOf(s string) units { return utf16.Encode([]rune(s)) }

func (u units) text(from, to int) string { return string(utf16.Decode(u[from:to])) }

// index returns the first position of sub at or after from, -1 when there is none.
func (u units) index(sub units, from int) int {
	for i := from; i+len(sub) <= len(u); i++ {
		if slices.Equal(u[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

// lastIndex returns the last position of sub, -1 when there is none.
func (u units) lastIndex(sub units) int {
	for i := len(u) - len(sub); i >= 0; i-- {
		if slices.Equal(u[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

// two returns two string arguments, lowercased if case is ignored.
func two(fold bool, args []scalar) (string, string) {
	x, _ := args[0].(string)
	y, _ := args[1].(string)
	if fold {
		return lower(x), lower(y)
	}
	return x, y
}

func startsWith(fold bool, args []scalar) (scalar, error) {
	x, y := two(fold, args)
	return strings.HasPrefix(x, y), nil
}

func endsWith(fold bool, args []scalar) (scalar, error) {
	x, y := two(fold, args)
	return strings.HasSuffix(x, y), nil
}

// stringContains is false when either text is empty.
func stringContains(fold bool, args []scalar) (scalar, error) {
	x, y := two(fold, args)
	return x != "" && y != "" && strings.Contains(x, y), nil
}

// indexOf is null if nothing is found.
func indexOf(fold bool, args []scalar) (scalar, error) {
	x, y := two(fold, args)
	start := 0
	if len(args) > 2 {
		start = max(0, clamp(args[2]))
	}
	u, sub := unitsOf(x), unitsOf(y)
	if len(sub) == 0 {
		return int64(start), nil
	}
	if i := u.index(sub, start); i >= 0 {
		return int64(i), nil
	}
	return nil, nil //nolint:nilnil // null is the value
}

// clamp converts a number to an index. Numbers outside the range of int are far outside every text
// anyway.
func clamp(v scalar) int {
	n, _ := v.(int64)
	return int(min(max(n, math.MinInt32), math.MaxInt32))
}

func length(_ bool, args []scalar) (scalar, error) {
	s, _ := args[0].(string)
	return int64(len(unitsOf(s))), nil
}

// substring follows Python's slices.
func substring(_ bool, args []scalar) (scalar, error) {
	s, _ := args[0].(string)
	u := unitsOf(s)
	from, to := slot(clamp(args[1]), len(u)), len(u)
	if len(args) > 2 && args[2] != nil {
		to = slot(clamp(args[2]), len(u))
	}
	if from >= to {
		return "", nil
	}
	return u.text(from, to), nil
}

// slot returns the position in a text for an index that may count from the end.
func slot(i, length int) int {
	if i < 0 {
		i += length
	}
	return min(max(i, 0), length)
}

// between returns the text after the first left up to the next right, or to the last one when
// greedy; the whole source when one of the three is empty.
func between(fold bool, args []scalar) (scalar, error) {
	source, _ := args[0].(string)
	left, _ := args[1].(string)
	right, _ := args[2].(string)
	if source == "" || left == "" || right == "" {
		return source, nil
	}
	searched := source
	if fold {
		searched, left, right = lower(source), lower(left), lower(right)
	}
	greedy := len(args) > 3 && args[3] == true
	u, l, r := unitsOf(searched), unitsOf(left), unitsOf(right)
	start := u.index(l, 0)
	if start < 0 {
		return "", nil
	}
	start += len(l)
	end := u.index(r, start)
	if greedy {
		end = u.lastIndex(r)
	}
	original := unitsOf(source)
	if end < start || end > len(original) {
		return "", nil
	}
	return original.text(start, end), nil
}

func concat(_ bool, args []scalar) (scalar, error) {
	var b strings.Builder
	for _, a := range args {
		b.WriteString(javaText(a))
	}
	return b.String(), nil
}

func toString(_ bool, args []scalar) (scalar, error) { return javaText(args[0]), nil }

// javaText formats a value as Java does.
func javaText(v scalar) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return javaDouble(v)
	case moment:
		return javaDate(time.Time(v))
	}
	return fmt.Sprint(v)
}

// javaDate formats as ZonedDateTime.toString does in UTC: without seconds if they are 0, and with
// as many groups of three fraction digits as needed.
func javaDate(at time.Time) string {
	at = at.UTC()
	year := fmt.Sprintf("%04d", at.Year())
	switch {
	case at.Year() > 9999:
		year = "+" + year
	case at.Year() < 0:
		year = fmt.Sprintf("-%04d", -at.Year())
	}
	text := year + at.Format("-01-02T15:04")
	switch nanos := at.Nanosecond(); {
	case nanos == 0 && at.Second() == 0:
	case nanos == 0:
		text += at.Format(":05")
	case nanos%1e6 == 0:
		text += at.Format(":05.000")
	case nanos%1e3 == 0:
		text += at.Format(":05.000000")
	default:
		text += at.Format(":05.000000000")
	}
	return text + "Z"
}

// javaDouble formats as Double.toString does: plain between 10⁻³ and 10⁷, with an exponent
// outside.
func javaDouble(x float64) string {
	a := math.Abs(x)
	if a != 0 && (a < 1e-3 || a >= 1e7) && !math.IsInf(x, 0) {
		text := strconv.FormatFloat(x, 'E', -1, 64)
		mantissa, exponent, _ := strings.Cut(text, "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "E" + strconv.Itoa(n)
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// number parses a number; 0x means base 16 when no other base is given.
func number(_ bool, args []scalar) (scalar, error) {
	source, _ := args[0].(string)
	text := strings.TrimSpace(source)
	base := 10
	if len(args) > 1 && args[1] != nil {
		base = clamp(args[1])
	}
	sign, digits := "", text
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		sign, digits = text[:1], text[1:]
	}
	if rest, ok := strings.CutPrefix(digits, "0x"); ok && (base == 16 || len(args) < 2 || args[1] == nil) {
		base, digits = 16, rest
	}
	if base >= 2 && base <= 36 {
		if n, err := strconv.ParseInt(sign+digits, base, 64); err == nil {
			return n, nil
		}
	}
	if base == 10 {
		if x, err := strconv.ParseFloat(sign+digits, 64); err == nil && strings.Trim(digits, "0123456789.eE+-") == "" {
			return x, nil
		}
	}
	return nil, fmt.Errorf("cannot parse [%s] as a number", source)
}

func cidrMatch(_ bool, args []scalar) (scalar, error) {
	text, _ := args[0].(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return nil, fmt.Errorf("[%s] is no IP address", text)
	}
	addr = addr.Unmap()
	for _, a := range args[1:] {
		network, _ := a.(string)
		prefix, err := condition.ParseNetwork(network)
		if err != nil {
			return nil, fmt.Errorf("cidrMatch: %w", err)
		}
		if prefix.Contains(addr) {
			return true, nil
		}
	}
	return false, nil
}

// escapeWildcards escapes a constant for a wildcard pattern.
func escapeWildcards(s string) string { return wildcardEscaper.Replace(s) }

var wildcardEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
