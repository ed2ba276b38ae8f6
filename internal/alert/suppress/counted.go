package suppress

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

// Remembered is the number of hits that an alert remembers exactly.
const Remembered = 1024

// Mark identifies a hit in the memory of an alert.
type Mark struct {
	// At is the hit's time in milliseconds since 1970.
	At int64
	// Hash is the hash of the hit's identity.
	Hash uint64
	// Index and Content are hashes of the index and the content of the hit's document; 0 where it
	// has no document.
	Index, Content uint32
}

// NewMark makes the mark of a hit from its identity and the index and content of its document, ""
// where it has none.
func NewMark(id, index, content string, at time.Time) Mark {
	m := Mark{At: at.UnixMilli(), Hash: hash(id)}
	if index != "" || content != "" {
		m.Index, m.Content = uint32(hash(index)), uint32(hash(content)) //nolint:gosec // a part of the hash
	}
	return m
}

func hash(text string) uint64 {
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint64(sum[:])
}

// same reports whether two marks are of one hit: their identities are the same and, if they have
// documents, these are in the same index or have the same content.
func (m Mark) same(other Mark) bool {
	if m.Hash != other.Hash {
		return false
	}
	whole := m.Index|m.Content != 0 && other.Index|other.Content != 0
	return !whole || m.Index == other.Index || m.Content == other.Content
}

// compare orders marks by time, then by hashes.
func (m Mark) compare(other Mark) int {
	return cmp.Or(cmp.Compare(m.At, other.At), cmp.Compare(m.Hash, other.Hash), cmp.Compare(m.Index, other.Index), cmp.Compare(m.Content, other.Content))
}

// Counted remembers the hits that an alert stands for, including the founding hit. The zero value
// is empty.
type Counted struct {
	// marks are the latest hits, in order.
	marks []Mark
	// settled, if set, is the latest of the forgotten hits.
	settled *Mark
}

// Unknown returns the memory of an alert whose memory was lost: every hit up to its end counts as
// known.
func Unknown(end time.Time) Counted {
	return Counted{settled: &Mark{At: end.UnixMilli(), Hash: math.MaxUint64, Index: math.MaxUint32, Content: math.MaxUint32}}
}

// Has reports whether an alert that starts at start has counted a hit. A remembered hit is known
// even if its time has changed.
func (c Counted) Has(start int64, m Mark) bool {
	if slices.ContainsFunc(c.marks, m.same) {
		return true
	}
	return c.settled != nil && start <= m.At && m.compare(*c.settled) <= 0
}

// With returns the memory with further hits.
func (c Counted) With(more []Mark) Counted {
	marks := append(slices.Clone(c.marks), more...)
	slices.SortFunc(marks, Mark.compare)
	marks = slices.Compact(marks)
	out := Counted{marks: marks, settled: c.settled}
	if n := len(marks) - Remembered; n > 0 {
		last := marks[n-1]
		if out.settled == nil || out.settled.compare(last) < 0 {
			out.settled = &last
		}
		out.marks = slices.Clone(marks[n:])
	}
	return out
}

// The text of a memory is a version, a byte that tells whether settled is set, then settled and the
// marks, each as the time since the one before and the hashes.
const (
	textVersion = 2
	hashBytes   = 16
)

var errText = errors.New("the memory of a suppressed alert cannot be read")

// Text writes the memory for [ParseCounted].
func (c Counted) Text() string {
	b := []byte{textVersion, 0}
	before := int64(0)
	put := func(m Mark) {
		b = binary.AppendVarint(b, m.At-before)
		b = binary.BigEndian.AppendUint64(b, m.Hash)
		b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, m.Index), m.Content)
		before = m.At
	}
	if c.settled != nil {
		b[1] = 1
		put(*c.settled)
	}
	for _, m := range c.marks {
		put(m)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// ParseCounted parses the result of [Counted.Text].
func ParseCounted(text string) (Counted, error) {
	b, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(b) < 2 || b[0] != textVersion || b[1] > 1 {
		return Counted{}, errText
	}
	hasSettled := b[1] == 1
	var all []Mark
	before := int64(0)
	for b = b[2:]; len(b) > 0; {
		since, n := binary.Varint(b)
		if n <= 0 || len(b) < n+hashBytes {
			return Counted{}, errText
		}
		before += since
		all = append(all, Mark{
			At: before, Hash: binary.BigEndian.Uint64(b[n:]), Index: binary.BigEndian.Uint32(b[n+8:]), Content: binary.BigEndian.Uint32(b[n+12:]),
		})
		b = b[n+hashBytes:]
	}
	var c Counted
	if hasSettled {
		if len(all) == 0 {
			return Counted{}, errText
		}
		c.settled, all = &all[0], all[1:]
	}
	if len(all) > Remembered || !slices.IsSortedFunc(all, Mark.compare) {
		return Counted{}, errText
	}
	c.marks = all
	return c, nil
}
