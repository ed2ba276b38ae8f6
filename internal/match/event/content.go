package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"tocsin/internal/match/mapping"
)

// contentBytes is the length of the hash: enough to rule out collisions.
const contentBytes = 20

// Content returns a hash of a decoded source. It depends on names and values, including the text of numbers,
// but not on white space or the order of names. It is part of the identity of alerts, so it must never
// change; therefore it does not use a JSON encoder.
func Content(source map[string]any) string {
	hash := sha256.Sum256(appendValue(make([]byte, 0, 4<<10), source))
	return hex.EncodeToString(hash[:contentBytes])
}

// appendValue appends kind, length and content of a value, so that different values have different encodings.
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
