package sigma

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// holds returns the test of values in memory; read writes what it is about as text.
func holds(values []value, read func(mapping.Value) string) func([]*mapping.Value) bool {
	tests := make([]func(mapping.Value) bool, len(values))
	for i, v := range values {
		tests[i] = test(v, read)
	}
	return func(row []*mapping.Value) bool {
		return row[0] != nil && slices.ContainsFunc(tests, func(one func(mapping.Value) bool) bool { return one(*row[0]) })
	}
}

func test(v value, read func(mapping.Value) string) func(mapping.Value) bool {
	switch v := v.(type) {
	case text:
		is := v.matcher()
		return func(x mapping.Value) bool { return is(read(x)) }
	case regex:
		return func(x mapping.Value) bool { return v.re.MatchString(read(x)) }
	case network:
		return func(x mapping.Value) bool {
			ip, ok := mapping.ParseIP(read(x))
			return ok && v.Contains(ip)
		}
	case compared:
		return func(x mapping.Value) bool {
			n, ok := numberIn(read(x))
			return ok && order(v.op, n, v.float)
		}
	case dated:
		return func(x mapping.Value) bool {
			t, ok := timeOf(x)
			return ok && order(v.op, float64(partOf(v.part, t.UTC())), v.float)
		}
	}
	return func(mapping.Value) bool { return false }
}

// numberIn is the number that a text of an event is: not a word such as inf.
func numberIn(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return n, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
}

// matcher compares whole texts with the pattern.
func (t text) matcher() func(string) bool {
	if t.has(dash) {
		return t.withDashes()
	}
	if t.cased {
		return condition.WildcardTest(t.wildcard(), false)
	}
	is := condition.WildcardTest(fold(t.wildcard()), false)
	return func(s string) bool { return is(fold(s)) }
}

// withDashes compares with a pattern that has dashes.
func (t text) withDashes() func(string) bool {
	var b strings.Builder
	for _, x := range t.pattern {
		switch x.kind {
		case anyOne:
			b.WriteString("(?s:.)")
		case anyMany:
			b.WriteString("(?s:.*)")
		case dash:
			b.WriteString(`[\-/–—―]`)
		default:
			if t.cased {
				b.WriteString(quoted(x.literal))
			} else {
				b.WriteString(quoted(fold(x.literal)))
			}
		}
	}
	is := regexp.MustCompile("^(?:" + b.String() + ")$").MatchString
	if t.cased {
		return is
	}
	return func(s string) bool { return is(fold(s)) }
}

// fold writes letters in their lower case, as Elasticsearch's normalizer does.
func fold(s string) string {
	ascii, upper := true, false
	for i := range len(s) {
		ascii = ascii && s[i] < utf8.RuneSelf
		upper = upper || 'A' <= s[i] && s[i] <= 'Z'
	}
	if ascii && !upper {
		return s
	}
	return strings.Map(unicode.ToLower, s)
}

// textOf is a value as the source has it.
func textOf(v mapping.Value) string { return v.String }

func order(op string, x, than float64) bool {
	switch op {
	case "gt":
		return x > than
	case "gte":
		return x >= than
	case "lt":
		return x < than
	case "lte":
		return x <= than
	}
	return x == than
}

// layouts are the ways to write a time of those that read it as text.
var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", time.DateOnly}

func timeOf(v mapping.Value) (time.Time, bool) {
	if !v.Time.IsZero() {
		return v.Time, true
	}
	if t, _, err := mapping.ParseDate(v.String, ""); err == nil {
		return t, true
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, v.String); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// partOf is a part of a date; weeks are those of ISO 8601.
func partOf(part string, t time.Time) int {
	switch part {
	case "minute":
		return t.Minute()
	case "hour":
		return t.Hour()
	case "day":
		return t.Day()
	case "week":
		_, week := t.ISOWeek()
		return week
	case "month":
		return int(t.Month())
	}
	return t.Year()
}

// describe tells tests apart, and tells people what is tested.
func describe(values []value) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = describeOne(v)
	}
	return strings.Join(out, " or ")
}

func describeOne(v value) string {
	switch v := v.(type) {
	case text:
		if v.cased {
			return "cased " + strconv.Quote(v.String())
		}
		return "is " + strconv.Quote(v.String())
	case regex:
		return "re " + strconv.Quote(v.source)
	case network:
		return "cidr " + v.String()
	case compared:
		return v.op + " " + v.text
	case dated:
		return strings.TrimSpace(v.part + " " + v.op + " " + v.text)
	}
	return fmt.Sprint(v)
}
