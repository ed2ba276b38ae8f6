package ledger

import (
	"context"
	"errors"
	"time"
)

// Head holds what is known of a rule's slots as a whole.
type Head struct {
	RuleID string
	// Since is the first owed slot: the slot that was current when the rule was first seen. The
	// zero time means that no slot is owed: slots were run by hand only.
	Since time.Time
	// Closed is a slot up to which no slot is open; the zero time if none is known. It saves
	// reading old pages, and is never later than the truth.
	Closed time.Time
	// Reopened counts how often slots were reopened. A Closed from before a change of it is
	// invalid.
	Reopened int64
	// Patterns are the rule's index patterns as of the latest run.
	Patterns []Pattern
	// Reread is the slot up to which late events were searched for.
	Reread time.Time
	// Lag is how long the events of the rule's data sets take to become searchable: the 50th and
	// 99th percentile.
	Lag Lag
	// Schedule is the interval or cron expression as of the last change, for people.
	Schedule string
	// Past are the schedules before, the oldest first, as far as slots of them may be open.
	Past []Past
	// Note belongs to the maker of the head: for example, the description of a backfill.
	Note string
	// Version is the store's mark of the version that was read; nil for a head that does not exist
	// yet.
	Version any
}

// Pattern is an index pattern of a rule.
type Pattern struct {
	Name string `json:"name"`
	// Since is the slot since which it has matched no index; the zero time while it matches one.
	Since time.Time `json:"since,omitzero"`
	// Met means that it once matched an index.
	Met bool `json:"met,omitempty"`
}

// BackfillPrefix begins the RuleID of heads and pages of backfills, as opposed to a rule's own
// schedule.
const BackfillPrefix = "backfill/"

// Lag holds quantiles of the time until an event is searchable.
type Lag struct{ P50, P99 time.Duration }

// ErrChanged means that the version to be overwritten is not the version that was read: it was
// changed concurrently.
var ErrChanged = errors.New("changed since it was read")

// Store holds heads and pages. Overwriting a version that was not read, or creating an id that
// exists, fails with [ErrChanged] and changes nothing.
type Store interface {
	// Heads returns the heads of the rules that have one; of all rules when ids is nil.
	Heads(ctx context.Context, ids []string) ([]Head, error)
	// Pages returns the pages of rules from one day to another, both included, in no order. Missing
	// pages are left out.
	Pages(ctx context.Context, ids []string, from, to time.Time) ([]Page, error)
	// SaveHeads and SavePages write and set the version of each item that was written. The slice
	// has the error of each item, in the same order. The last error means that the outcome of the
	// call is unknown.
	SaveHeads(ctx context.Context, heads []*Head) ([]error, error)
	SavePages(ctx context.Context, pages []*Page) ([]error, error)
	// Forget removes the pages of days before the given one and returns their number. Pages of
	// backfills ([BackfillPrefix]) stay, as all their days are past.
	Forget(ctx context.Context, before time.Time) (int, error)
}
