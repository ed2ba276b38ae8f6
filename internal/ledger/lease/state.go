package lease

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// State is the document in which runners meet.
type State struct {
	// Epoch is the fencing number: it grows whenever the set of runners changes.
	Epoch int64 `json:"epoch"`
	// Runners holds the live runners by id.
	Runners map[string]Runner `json:"runners"`
	// Version is the store's mark of the version that was read; nil before the document exists.
	Version any `json:"-"`
}

// Runner is what a runner writes about itself.
type Runner struct {
	// Beat grows with every heartbeat.
	Beat int64 `json:"beat"`
	// At is the runner's own time of its last heartbeat: for people, and to find wrong clocks.
	At   time.Time `json:"at"`
	Host string    `json:"host,omitempty"`
	// Period is the lease period of the runner.
	Period time.Duration `json:"period,omitempty"`
	// Version is that of the runner's program.
	Version string `json:"version,omitempty"`
	// Rules is a digest of the rules that the runner runs; "" if it does not say.
	Rules string `json:"rules,omitempty"`
}

// Store holds the document.
type Store interface {
	// Load returns the state; the zero state when there is no document.
	Load(ctx context.Context) (State, error)
	// Save writes over the version that was read, and sets the new version. It returns [ErrChanged]
	// when somebody else has written in between.
	Save(ctx context.Context, s *State) error
}

// ErrChanged means that the document has changed since it was read.
var ErrChanged = errors.New("changed since it was read")

// Owner returns the runner that owns a key: the one whose hash with the key is greatest, "" when
// there are no runners.
func Owner(runners []string, key string) string {
	owner, most := "", uint64(0)
	for _, id := range runners {
		h := fnv.New64a()
		_, _ = h.Write([]byte(id)) // A hash never fails to write.
		_, _ = h.Write([]byte{0})
		_, _ = h.Write([]byte(key))
		// FNV alone spreads keys that differ in their last byte too little.
		if weight := mix(h.Sum64()); owner == "" || cmp.Compare(weight, most) > 0 {
			owner, most = id, weight
		}
	}
	return owner
}

// mix is the finalizer of MurmurHash3: every bit of the input changes about half of the output.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// IDs returns the runners in order.
func (s State) IDs() []string { return slices.Sorted(maps.Keys(s.Runners)) }
