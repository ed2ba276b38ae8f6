package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"

	"tocsin/internal/mapping"
)

// idBytes is how much of the hash makes an id: enough that no two events ever share one.
const idBytes = 20

// contentID hashes a decoded source. Only its values and names count: the order of names and white
// space do not, the text of numbers does. It is part of the identity of alerts, so it must never
// change; an encoder of JSON, which may, has no part in it.
func contentID(source map[string]any) string {
	h := sha256.New()
	hashValue(h, source)
	return hex.EncodeToString(h.Sum(nil)[:idBytes])
}

// hashValue writes a kind, a length and the content, so that no two values are written alike.
func hashValue(h hash.Hash, value any) {
	switch v := value.(type) {
	case map[string]any:
		hashHead(h, 'o', len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			hashText(h, 'k', name)
			hashValue(h, v[name])
		}
	case []any:
		hashHead(h, 'a', len(v))
		for _, element := range v {
			hashValue(h, element)
		}
	case string:
		hashText(h, 's', v)
	case nil:
		hashHead(h, 'n', 0)
	default:
		text, _ := mapping.ScalarText(v)
		hashText(h, 'v', text)
	}
}

func hashText(h hash.Hash, kind byte, text string) {
	hashHead(h, kind, len(text))
	h.Write([]byte(text))
}

func hashHead(h hash.Hash, kind byte, length int) {
	var head [9]byte
	head[0] = kind
	binary.BigEndian.PutUint64(head[1:], uint64(length))
	h.Write(head[:])
}
