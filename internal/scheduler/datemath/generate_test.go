package datemath_test

import (
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/scheduler/datemath"
)

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func mustParse(t fataler, text string) datemath.Expr {
	t.Helper()
	expr, err := datemath.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return expr
}

func mustTime(t fataler, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func itoa(n int) string { return strconv.Itoa(n) }

// moment draws a time between 1900 and 2200.
func moment() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.Int64Range(-2_208_988_800, 7_258_118_400).Draw(t, "seconds")
		nanos := rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")
		return time.Unix(seconds, nanos)
	})
}

// exprText draws the text of a valid expression.
func exprText() *rapid.Generator[string] {
	units := []string{"s", "m", "h", "H", "d", "w", "M", "y"}
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		b.WriteString("now")
		for range rapid.IntRange(0, 5).Draw(t, "steps") {
			op := rapid.SampledFrom([]string{"+", "-", "/"}).Draw(t, "op")
			b.WriteString(op)
			if op != "/" && rapid.Bool().Draw(t, "counted") {
				b.WriteString(itoa(rapid.IntRange(0, 1<<31-1).Draw(t, "n")))
			}
			b.WriteString(rapid.SampledFrom(units).Draw(t, "unit"))
		}
		return b.String()
	})
}
