package ledger

import (
	"context"
	"errors"
	"time"
)

// Head is what is known of a rule's slots as a whole.
type Head struct {
	RuleID string
	// Since is the first slot that is owed: the one that was current when the rule was seen first. The zero time:
	// none is, slots were run by hand only.
	Since time.Time
	// Closed is a slot up to which none is open; the zero time where no such is known. It spares
	// reading old pages, and is never ahead of the truth.
	Closed time.Time
	// Reopened is how often slots were opened again: a Closed of before does not count any more.
	Reopened int64
	// Patterns are the rule's index patterns as they were met last.
	Patterns []Pattern
	// Reread is the slot up to which events that came late were looked for.
	Reread time.Time
	// Lag is how long the events of the rule's data sets take to come, half of them and 99 of 100.
	Lag Lag
	// Schedule is the interval or cron expression as of the last change, for people.
	Schedule string
	// Note is kept for whoever made the head, such as the description of a backfill.
	Note string
	// Version is the store's mark of the state that was read; nil for a head that is not there yet.
	Version any
}

// Pattern is an index pattern of a rule.
type Pattern struct {
	Name string `json:"name"`
	// Since is the slot from which on it has meant no index; the zero time while it means one.
	Since time.Time `json:"since,omitzero"`
	// Met tells that it once meant one.
	Met bool `json:"met,omitempty"`
}

// BackfillPrefix begins the RuleID of heads and pages that are of a backfill, not of a rule's own
// schedule.
const BackfillPrefix = "backfill/"

// Lag are quantiles of the time from an event to when it can be found.
type Lag struct{ P50, P99 time.Duration }

// ErrChanged says that what was to be written over is not what was read: somebody else was faster.
var ErrChanged = errors.New("changed since it was read")

// Store keeps heads and pages. Writing what has changed since it was read, or creating what is there
// already, fails with [ErrChanged] and changes nothing.
type Store interface {
	// Heads returns the heads of the rules that have one; of all rules when ids is nil.
	Heads(ctx context.Context, ids []string) ([]Head, error)
	// Pages returns the pages of rules from one day to another, both included, in no order. Pages
	// that are not there are left out.
	Pages(ctx context.Context, ids []string, from, to time.Time) ([]Page, error)
	// SaveHeads and SavePages write; the errors are those of each, in the same order, and the version
	// of what was written is set. The last error is for a call of which nothing is known.
	SaveHeads(ctx context.Context, heads []*Head) ([]error, error)
	SavePages(ctx context.Context, pages []*Page) ([]error, error)
	// Forget removes the pages of days before the given one and returns their number. Those of
	// backfills ([BackfillPrefix]) stay: all their days are past.
	Forget(ctx context.Context, before time.Time) (int, error)
}
