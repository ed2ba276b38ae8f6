package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/mapping"
	"tocsin/internal/search"
)

var _ search.Identifier = (*Events)(nil)

// idBytes is how much of the hash makes an id: enough that no two events ever share one.
const idBytes = 20

// Identify gives an event that has no id the one of its content.
func (*Events) Identify(e *event.Event) error { return identify(e) }

func identify(e *event.Event) error {
	if e.ID != "" {
		return nil
	}
	source, err := event.DecodeObject(e.Source)
	if err != nil {
		return fmt.Errorf("id of an event: %w", err)
	}
	e.ID = contentID(source)
	return nil
}

// contentID hashes a decoded source. Only its values and names count: the order of names and white
// space do not, the text of numbers does. It is part of the identity of alerts, so it must never
// change; an encoder of JSON, which may, has no part in it.
func contentID(source map[string]any) string {
	hash := sha256.Sum256(appendValue(make([]byte, 0, 4<<10), source))
	return hex.EncodeToString(hash[:idBytes])
}

// appendValue writes a kind, a length and the content, so that no two values are written alike.
func appendValue(to []byte, value any) []byte {
	switch v := value.(type) {
	case map[string]any:
		to = appendHead(to, 'o', len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			to = appendValue(appendText(to, 'k', name), v[name])
		}
		return to
	case []any:
		to = appendHead(to, 'a', len(v))
		for _, element := range v {
			to = appendValue(to, element)
		}
		return to
	case string:
		return appendText(to, 's', v)
	case nil:
		return appendHead(to, 'n', 0)
	}
	text, _ := mapping.ScalarText(value)
	return appendText(to, 'v', text)
}

func appendText(to []byte, kind byte, text string) []byte {
	return append(appendHead(to, kind, len(text)), text...)
}

func appendHead(to []byte, kind byte, length int) []byte {
	return binary.BigEndian.AppendUint64(append(to, kind), uint64(length))
}
