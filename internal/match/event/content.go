package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"tocsin/internal/match/mapping"
)

// contentBytes is how much of the hash is kept: enough that no two contents ever share it.
const contentBytes = 20

// Content hashes a decoded source. Only its values and names count: the order of names and white
// space do not, the text of numbers does. It is part of the identity of alerts, so it must never
// change; an encoder of JSON, which may, has no part in it.
func Content(source map[string]any) string {
	hash := sha256.Sum256(appendValue(make([]byte, 0, 4<<10), source))
	return hex.EncodeToString(hash[:contentBytes])
}

// appendValue writes a kind, a length and the content, so that no two values are written alike.
func appendValue(to []byte, value any) []byte {
	switch v := value.(type) {
	case map[string]any:
		to = appendKind(to, 'o', len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			to = appendValue(appendNamed(to, 'k', name), v[name])
		}
		return to
	case []any:
		to = appendKind(to, 'a', len(v))
		for _, element := range v {
			to = appendValue(to, element)
		}
		return to
	case string:
		return appendNamed(to, 's', v)
	case nil:
		return appendKind(to, 'n', 0)
	}
	text, _ := mapping.ScalarText(value)
	return appendNamed(to, 'v', text)
}

func appendNamed(to []byte, kind byte, text string) []byte {
	return append(appendKind(to, kind, len(text)), text...)
}

func appendKind(to []byte, kind byte, length int) []byte {
	return binary.BigEndian.AppendUint64(append(to, kind), uint64(length))
}
