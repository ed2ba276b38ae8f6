package indexgen

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// pool generates a scalar.
type pool func(g *gen) any

func texts(values ...string) pool {
	return func(g *gen) any { return pick(g, values) }
}

// oneOf generates a scalar of one of several pools.
func oneOf(pools ...pool) pool {
	return func(g *gen) any { return pick(g, pools)(g) }
}

// numbers generates JSON numbers as written, some of them as text.
func numbers(texts ...string) pool {
	return func(g *gen) any {
		text := pick(g, texts)
		if g.IntN(4) == 0 {
			return text
		}
		return json.RawMessage(text)
	}
}

var (
	// The letters are few, so that tests match some documents and not others.
	letters = []string{"a", "A", "ab", "AB", "aB", "abc", "ABC", "abcd", "abcdef", "b", "B", "ba", "Ba", "none", "NONE", "a b", "é", "É"}

	wholes = []string{
		"-1", "0", "1", "2", "5", "7", "9", "42", "100", "127", "128", "300", "32767", "32768", "70000", "16777216", "16777217", "2147483648",
		"9007199254740993",
	}
	fractions = []string{"0.1", "1.0", "1.5", "2.5", "5.7", "99.9", "2049", "2049.5", "65504", "1e3"}

	addresses = []string{"10.0.0.1", "10.0.0.2", "10.1.0.1", "10.1.2.3", "192.168.0.1", "192.168.7.7", "172.16.0.1", "::1", "fe80::1", "2001:db8::1", "::ffff:10.0.0.1"}
)

// when are the times in fields: an hour or a day apart, on days that are valid with day and month exchanged.
var when = func() []time.Time {
	var out []time.Time
	for _, day := range []int{1, 2, 3, 4, 5, 9} {
		for _, month := range []time.Month{time.February, time.March, time.April} {
			out = append(out, time.Date(2026, month, day, day, 0, 0, 0, time.UTC))
		}
	}
	return out
}()

// moments generates times in a layout.
func moments(layout string) pool {
	return func(g *gen) any { return written(pick(g, when), layout) }
}

const (
	layoutISO     = time.RFC3339
	layoutNanos   = "2006-01-02T15:04:05.000000001Z07:00"
	layoutSeconds = "seconds"
	layoutMillis  = "millis"
	layoutDay     = "02/01/2006"
	layoutMonth   = "01/02/2006"
)

func written(at time.Time, layout string) any {
	switch layout {
	case layoutSeconds:
		return json.Number(strconv.FormatInt(at.Unix(), 10))
	case layoutMillis:
		return json.Number(strconv.FormatInt(at.UnixMilli(), 10))
	case layoutNanos:
		return fmt.Sprintf("%s.%09dZ", at.Format("2006-01-02T15:04:05"), 123456789)
	}
	return at.Format(layout)
}

// stamp writes the time of an event.
type stamp func(g *gen, source Object, at time.Time)

func stampISO(_ *gen, source Object, at time.Time) { source["@timestamp"] = at.Format(time.RFC3339) }

func stampAt(name, layout string) stamp {
	return func(_ *gen, source Object, at time.Time) { source[name] = written(at, layout) }
}

func values[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// numerals are number literals: whole numbers and fractions in the form of conditions.
func numerals(texts ...string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = json.Number(text)
	}
	return out
}

// seconds are literals of times in seconds.
func seconds(times ...time.Time) []any {
	out := make([]any, len(times))
	for i, at := range times {
		out[i] = written(at, layoutSeconds)
	}
	return out
}
