package datemath

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const anchor = "now"

var (
	errAnchor    = errors.New(`must begin with "now"`)
	errFixed     = errors.New(`anchor must be "now": a fixed date would give the same window for ever`)
	errTruncated = errors.New("ends in the middle of a step")
	errRound     = errors.New("rounding takes a single unit, such as /d")
	errRange     = errors.New("number is above 2147483647")
)

// Parse parses the expression of a rule: "now" followed by any number of steps: +N or -N with a unit, where N
// is optional and 1 by default, or /unit, which rounds down. Units are s, m, h or H, d, w, M and y, in
// exactly that case. Blanks around the expression are ignored, blanks within it are an error.
func Parse(expr string) (Expr, error) {
	rest := strings.TrimSpace(expr)
	if !strings.HasPrefix(rest, anchor) {
		err := errAnchor
		if strings.Contains(rest, "||") {
			err = errFixed
		}
		return Expr{}, fmt.Errorf("parse date math %q: %w", expr, err)
	}

	e, err := steps(rest[len(anchor):])
	if err != nil {
		return Expr{}, fmt.Errorf("parse date math %q: %w", expr, err)
	}
	return e, nil
}

// Steps parses the part after the anchor of an expression: any number of steps, and nothing else.
func Steps(text string) (Expr, error) {
	e, err := steps(text)
	if err != nil {
		return Expr{}, fmt.Errorf("parse the steps of date math %q: %w", text, err)
	}
	return e, nil
}

func steps(text string) (Expr, error) {
	var e Expr
	for text != "" {
		s, tail, err := parseStep(text)
		if err != nil {
			return Expr{}, err
		}
		e.steps, text = append(e.steps, s), tail
	}
	return e, nil
}

// Cut splits date math in a query into its anchor, a date or "now", and the steps after it. math is false if
// the text neither begins with "now" nor contains ||.
func Cut(text string) (base, steps string, math bool) {
	if rest, isNow := strings.CutPrefix(text, anchor); isNow {
		return anchor, rest, true
	}
	return strings.Cut(text, "||")
}

// IsNow reports whether Elasticsearch reads a text as date math on now.
func IsNow(text string) bool {
	base, steps, math := Cut(text)
	if !math || base != anchor {
		return false
	}
	_, err := Steps(steps)
	return err == nil
}

// parseStep parses one step at the start of text, which is not empty.
func parseStep(text string) (s step, tail string, err error) {
	op := text[0]
	if op != '+' && op != '-' && op != '/' {
		return step{}, "", fmt.Errorf("unexpected %q, want +, - or /", firstRune(text))
	}

	n, tail, err := parseCount(text[1:])
	if err != nil {
		return step{}, "", err
	}
	if tail == "" {
		return step{}, "", errTruncated
	}
	if op == '/' && n != 1 {
		return step{}, "", errRound
	}

	u, ok := unitOf(tail[0])
	if !ok {
		return step{}, "", fmt.Errorf("unknown unit %q, want one of s, m, h, d, w, M, y", firstRune(tail))
	}
	if op == '-' {
		n = -n
	}
	return step{round: op == '/', n: n, unit: u}, tail[1:], nil
}

// parseCount parses the digits at the start of text; without digits the count is 1.
func parseCount(text string) (n int, tail string, err error) {
	digits := 0
	for digits < len(text) && '0' <= text[digits] && text[digits] <= '9' {
		digits++
	}
	if digits == 0 {
		return 1, text, nil
	}
	n, err = strconv.Atoi(text[:digits])
	if err != nil || n > math.MaxInt32 {
		return 0, "", errRange
	}
	return n, text[digits:], nil
}

func firstRune(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}
