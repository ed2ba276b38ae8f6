package notify

import (
	"context"
	"errors"
	"slices"
	"time"
)

// ErrChanged says that an entry was changed by somebody else since it was read.
var ErrChanged = errors.New("the entry was changed meanwhile")

// Store keeps entries. It is safe for concurrent use, also by several processes where the medium allows it.
type Store interface {
	// Create stores entries whose ids do not exist, and reports of each whether it was stored; the versions of stored entries
	// are set. After an error any may be stored.
	Create(ctx context.Context, entries []*Entry) ([]bool, error)
	// Get returns the entries with the ids that exist, as last written, in any order.
	Get(ctx context.Context, ids []string) ([]Entry, error)
	// Update writes entries over the versions that were read, and sets their versions. Of each it returns nil, [ErrChanged] or why it
	// was not written. After an error any may be written.
	Update(ctx context.Context, entries []*Entry) ([]error, error)
	// Find returns entries as last written, in order of At, then id.
	Find(ctx context.Context, q Query) ([]Entry, error)
	// Members returns what a digest has to tell, as last written.
	Members(ctx context.Context, digest string, limit int) (Members, error)
	// Forget deletes Delivered entries and Members whose At is before a time, and returns their number.
	Forget(ctx context.Context, before time.Time) (int, error)
	// Stats returns the numbers of entries by route and status, of each route and status that has any.
	Stats(ctx context.Context) ([]Stat, error)
}

// Query selects entries; zero fields have no effect.
type Query struct {
	Route string
	// Unrouted are routes whose entries are left out.
	Unrouted []string
	Statuses []Status
	Group    string
	// From and Before bound At: From is included.
	From, Before time.Time
	// After continues a listing after its last entry.
	After *Entry
	// Limit is the maximum number of entries; 0: 100.
	Limit int
}

// Size returns the maximum number of entries.
func (q Query) Size() int {
	if q.Limit <= 0 {
		return 100
	}
	return q.Limit
}

// matches reports whether an entry is selected.
func (q Query) matches(e *Entry) bool {
	if q.Route != "" && q.Route != e.Route || q.Group != "" && q.Group != e.Group {
		return false
	}
	if slices.Contains(q.Unrouted, e.Route) {
		return false
	}
	if !q.From.IsZero() && e.At.Before(q.From) || !q.Before.IsZero() && !e.At.Before(q.Before) {
		return false
	}
	if q.After != nil && compare(e, q.After) <= 0 {
		return false
	}
	return q.has(e.Status)
}

// has reports whether entries of a status are selected; the lease is only if it is named.
func (q Query) has(s Status) bool {
	return slices.Contains(q.Statuses, s) || len(q.Statuses) == 0 && s != Leased
}

// Members are the members of a digest.
type Members struct {
	Count int
	// Newest is the latest At of a member.
	Newest time.Time
	// Some are the latest members, newest first.
	Some []Entry
}

// Stat is the number of entries of a route that have a status, and when the oldest of them was created.
type Stat struct {
	Route  string
	Status Status
	Count  int
	Oldest time.Time
}
