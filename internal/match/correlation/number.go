package correlation

import (
	"math/big"
	"strconv"
	"strings"
)

// The longest text of a number, and the greatest power of ten in one, that are taken exactly. Others count as the nearest
// floating-point number, whose size is bounded.
const (
	exactLength   = 40
	exactExponent = 30
)

// Number reads a decimal number exactly, so that sums do not depend on where a window began; false for other texts, also for NaN
// and infinities.
func Number(text string) (*big.Rat, bool) {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text, "_xXpPiInN/") {
		return nil, false
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, false
	}
	if isPlain(text) {
		return new(big.Rat).SetString(text)
	}
	out := new(big.Rat).SetFloat64(f)
	return out, out != nil
}

// isPlain reports whether a number is short enough to be taken exactly.
func isPlain(text string) bool {
	if len(text) > exactLength {
		return false
	}
	i := strings.IndexAny(text, "eE")
	if i < 0 {
		return true
	}
	e, err := strconv.Atoi(text[i+1:])
	return err == nil && -exactExponent <= e && e <= exactExponent
}

// show writes a number for people.
func show(x *big.Rat) string {
	if x.IsInt() {
		return x.Num().String()
	}
	return strings.TrimRight(x.FloatString(6), "0")
}
