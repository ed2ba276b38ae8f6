package alert

import "context"

// Document is an alert ready to be written. ID is its identity: writing it twice leaves one alert.
type Document struct {
	ID string
	// Index is where the alert was read from; empty on a new one.
	Index string
	// Revision tells the state in which [Instances.Find] has read the alert; empty elsewhere.
	Revision string
	// Source holds the fields, kibana.alert.* as flat dotted keys as Kibana writes them.
	Source map[string]any
}

// Outcome is what became of one written alert.
type Outcome int

// The outcomes. A Duplicate is a success: the alert is there already. Replaced and Stale are those
// of [Instances.Replace]; a Stale alert is as somebody else has changed it meanwhile.
const (
	Failed Outcome = iota
	Created
	Duplicate
	Replaced
	Stale
)

// Written is the outcome of one alert; Err says why a Failed one failed.
type Written struct {
	ID      string
	Outcome Outcome
	Err     error
	// Form is how much of its event the alert was written with; Refused, where that is not all, why it was
	// refused with more.
	Form    Form
	Refused error
	// Met is what the alert that a Duplicate has met was made of; nil where it does not tell.
	Met *Source
}

// Indexer stores alerts.
type Indexer interface {
	// Create writes each alert unless its ID exists. It returns one Written per document in the
	// same order; the error is for a call that failed as a whole, when nothing is known of any.
	Create(ctx context.Context, docs []Document) ([]Written, error)
}

// Reader finds stored alerts.
type Reader interface {
	// List hands out alerts in order of their @timestamp, oldest first, until visit returns false.
	List(ctx context.Context, f Filter, visit func(Document) (more bool, err error)) error
	// Get returns one alert; [ErrNotFound] when there is none with the id.
	Get(ctx context.Context, id string) (Document, error)
}

// Lookup tells which alerts exist.
type Lookup interface {
	// Existing returns those of the ids of which there is an alert, and what it was made of, nil where it does not
	// tell. An error leaves nothing known.
	Existing(ctx context.Context, ids []string) (map[string]*Source, error)
}

// Filter narrows a listing; zero members do not.
type Filter struct {
	// RuleID is a rule's kibana.alert.rule.rule_id.
	RuleID string
	// Limit is the greatest number of alerts.
	Limit int
}
