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

// Parse reads "now" followed by any number of steps: +N or -N with a unit, where N is optional
// and 1 by default, or /unit, which rounds down. Units are s, m, h or H, d, w, M and y, in
// exactly that case. Blanks around the expression are ignored, blanks inside it are an error.
func Parse(expr string) (Expr, error) {
	rest := strings.TrimSpace(expr)
	if !strings.HasPrefix(rest, anchor) {
		err := errAnchor
		if strings.Contains(rest, "||") {
			err = errFixed
		}
		return Expr{}, fmt.Errorf("parse date math %q: %w", expr, err)
	}

	rest = rest[len(anchor):]
	var steps []step
	for rest != "" {
		s, tail, err := parseStep(rest)
		if err != nil {
			return Expr{}, fmt.Errorf("parse date math %q: %w", expr, err)
		}
		steps, rest = append(steps, s), tail
	}
	return Expr{steps: steps}, nil
}

// parseStep reads one step off the front of text, which is not empty.
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

// parseCount reads the digits at the front of text; without any the count is 1.
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
