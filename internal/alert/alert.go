package alert

import (
	"context"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
)

// Document is an alert to be written. ID is its identity: writing it twice leaves one alert.
type Document struct {
	ID string
	// Index is where the alert was read from; empty for a new one.
	Index string
	// Revision identifies the version that [Instances.Find] or [Browser.GetAll] has read; otherwise empty.
	Revision string
	// Set holds new values of fields, by full name, for [Instances.Update]; nil as a value is no value.
	Set map[string]any
	// Source holds the fields, kibana.alert.* as flat dotted keys as in Kibana.
	Source map[string]any
}

// Outcome is the outcome of writing one alert.
type Outcome int

// The outcomes. A Duplicate is a success: the alert exists already. Replaced and Stale are outcomes
// of [Instances.Update]; a Stale alert was changed by somebody else.
const (
	Failed Outcome = iota
	Created
	Duplicate
	Replaced
	Stale
)

// Written is the outcome of one alert; Err is why a Failed one failed.
type Written struct {
	ID      string
	Outcome Outcome
	Err     error
	// Form is how much of its event the alert was written with. If that is not all, Refused is why
	// the complete alert was rejected.
	Form    Form
	Refused error
	// Met is the source of the existing alert of a Duplicate; nil if it has none.
	Met *Source
}

// Indexer stores alerts.
type Indexer interface {
	// Create writes each alert unless its ID exists. It returns one Written per document in the
	// same order. An error means that the call failed as a whole and the outcome of each alert is
	// unknown.
	Create(ctx context.Context, docs []Document) ([]Written, error)
}

// Reader finds stored alerts.
type Reader interface {
	// List visits alerts in order of their @timestamp, then kibana.alert.original_time, then id, oldest first unless
	// the filter says otherwise, until visit returns false. Newest first is the exact reverse.
	List(ctx context.Context, f Filter, visit func(Document) (more bool, err error)) error
	// Get returns one alert; [ErrNotFound] when there is no alert with the id.
	Get(ctx context.Context, id string) (Document, error)
}

// Lookup finds out which alerts exist.
type Lookup interface {
	// Existing returns the ids for which there is an alert, each with the alert's source, nil if it
	// has none. After an error nothing is known.
	Existing(ctx context.Context, ids []string) (map[string]*Source, error)
}

// Filter narrows a listing; zero fields have no effect.
type Filter struct {
	// RuleID is the kibana.alert.rule.rule_id of a rule.
	RuleID string
	// Since is the earliest @timestamp, to the millisecond. Alerts without one are left out.
	Since time.Time
	// Where is a condition on the fields of an alert, lowered for Fields, the mapping of the alerts; nil: every alert.
	Where  condition.Expr
	Fields mapping.Fields
	// Newest lists the newest alerts first.
	Newest bool
	// Limit is the maximum number of alerts.
	Limit int
}
