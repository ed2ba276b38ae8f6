package condition

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// Kinds of tests in keys.
const (
	keyExists = iota
	keyTerm
	keyTerms
	keyWildcard
	keyPrefix
	keyRegexp
	keyRange
	keyCIDR
	keyMatch
	keyQueryString
	keyLeftOut
)

// appendLeafKey appends a key of a test of one field: tests with equal keys mean the same on one
// field. It returns false for other expressions.
func appendLeafKey(b []byte, e Expr) ([]byte, bool) {
	switch e := e.(type) {
	case Exists:
		return append(b, keyExists), true
	case LeftOut:
		return append(b, keyLeftOut, flag(e.Unmapped != "")), true
	case Term:
		return appendValueKey(append(b, keyTerm, flag(e.Fold)), e.Value), true
	case Terms:
		b = append(b, keyTerms)
		for _, v := range e.Values {
			b = appendValueKey(b, v)
		}
		return b, true
	case Wildcard:
		return append(append(b, keyWildcard, flag(e.Fold)), e.Pattern...), true
	case Prefix:
		return append(append(b, keyPrefix, flag(e.Fold)), e.Value...), true
	case Regexp:
		return append(append(b, keyRegexp, flag(e.Fold)), e.Pattern...), true
	case Range:
		b = append(b, keyRange)
		for _, bound := range [...]any{e.Gt, e.Gte, e.Lt, e.Lte} {
			b = appendValueKey(b, bound)
		}
		return appendTextKey(appendTextKey(b, e.Format), e.TimeZone), true
	case CIDR:
		b = append(b, keyCIDR)
		for _, n := range e.Networks {
			b = appendTextKey(b, n)
		}
		return b, true
	case Match:
		return appendValueKey(append(b, keyMatch, flag(e.Phrase)), e.Value), true
	case QueryString:
		return append(append(b, keyQueryString), e.Pattern...), true
	}
	return b, false
}

func flag(set bool) byte {
	if set {
		return 1
	}
	return 0
}

func appendTextKey(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendValueKey appends a key of a value. Values that tests can distinguish have different keys.
func appendValueKey(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, '-')
	case string:
		return appendTextKey(append(b, 's'), v)
	case bool:
		return append(b, 'b', flag(v))
	case int64:
		return append(strconv.AppendInt(append(b, 'n'), v, 10), 0)
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
	}
	return appendTextKey(append(b, '?'), fmt.Sprintf("%T %v", value, value))
}
