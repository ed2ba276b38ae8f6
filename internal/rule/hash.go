package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag/tomltree"
)

// hash returns the ContentHash. It hashes the tree and not the Rule, so that a new field or default
// of a later version does not make every rule look edited. The keys of the rule in without are left
// out.
func hash(root *tomltree.Value, without []string) string {
	var b strings.Builder
	if v := root.Get("rule"); v != nil {
		canonical(&b, v, without)
	}
	if v := root.Get("transform"); v != nil {
		canonical(&b, v, nil)
	}
	return digest(b.String())
}

// hashOf returns the hash of a value, leaving out the keys in without.
func hashOf(v *tomltree.Value, without []string) string {
	var b strings.Builder
	canonical(&b, v, without)
	return digest(b.String())
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// unversioned are the keys of [rule] that do not affect the meaning of the rule.
var unversioned = []string{"enabled", "version", "revision"}

// canonical writes a value unambiguously: its kind and length before its content, keys sorted. The
// keys in without are left out.
func canonical(b *strings.Builder, v *tomltree.Value, without []string) {
	b.WriteByte('0' + byte(v.Kind))
	switch v.Kind {
	case tomltree.Table:
		members := slices.DeleteFunc(slices.Clone(v.Items), func(m *tomltree.Value) bool {
			return slices.Contains(without, m.Key)
		})
		slices.SortFunc(members, func(a, b *tomltree.Value) int { return strings.Compare(a.Key, b.Key) })
		length(b, len(members))
		for _, m := range members {
			length(b, len(m.Key))
			b.WriteString(m.Key)
			canonical(b, m, nil)
		}
	case tomltree.Array:
		length(b, len(v.Items))
		for _, item := range v.Items {
			canonical(b, item, nil)
		}
	case tomltree.Integer:
		length(b, int(v.Int))
	default:
		// A checkout may convert line ends to CRLF.
		s := strings.ReplaceAll(v.Text, "\r\n", "\n")
		length(b, len(s))
		b.WriteString(s)
	}
}

// length writes a number and its terminator.
func length(b *strings.Builder, n int) { b.WriteString(strconv.Itoa(n) + ":") }
