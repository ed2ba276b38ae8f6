package notify

import (
	"context"
	"encoding/json"
	"time"
)

// Kind is what a notice is about.
type Kind string

// The kinds. A recovery ends the state with the same subject. A digest stands for several notices; only a [Sender] makes it.
const (
	KindAlert    Kind = "alert"
	KindState    Kind = "state"
	KindRecovery Kind = "recovery"
	KindDigest   Kind = "digest"
	KindTest     Kind = "test"
)

// Notice is something to tell people: an alert, a change of a state, a digest, a test.
type Notice struct {
	// Key makes the notice unique: of notices with the same key, only the first is told, for as long as the outbox remembers it. An
	// alert's key is its id. A state's key names the subject and the time of the change, so that runners that see the same change
	// have the same key.
	Key  string `json:"key"`
	Kind Kind   `json:"kind"`
	// Subject is what the notice is about, such as rule/ID/failing. A state and its recovery have the same subject; receivers that
	// keep incidents open and close one for each subject. Empty: Key.
	Subject string `json:"subject,omitempty"`
	// Namespace is the namespace of the service; the [Outbox] sets it.
	Namespace string `json:"namespace,omitempty"`

	// RuleID and RuleName are empty if the notice is not about one rule.
	RuleID    string   `json:"rule_id,omitempty"`
	RuleName  string   `json:"rule_name,omitempty"`
	Severity  string   `json:"severity,omitempty"` // low, medium, high, critical
	RiskScore float64  `json:"risk_score,omitempty"`
	Tags      []string `json:"tags,omitempty"`

	// At is the time of the alert or the change.
	At time.Time `json:"at"`
	// Title is one line, Text a few; the templates of routes may use something else.
	Title string `json:"title"`
	Text  string `json:"text,omitempty"`
	// Alert is the document of an alert.
	Alert json.RawMessage `json:"alert,omitempty"`
	// Fields are further facts for templates.
	Fields map[string]string `json:"fields,omitempty"`

	// Written, if not zero, is when the alert was written at the earliest, of one that existed already. Routes that began later are not
	// told of it.
	Written time.Time `json:"-"`

	// Digest, when not nil, says that the notice is told only as a part of a digest.
	Digest *Digest `json:"-"`
}

// Digest is the digest that a notice is told in.
type Digest struct {
	// Key is the digest's: notices of one route with the same key are told together.
	Key string
	// Group is a set of digests that [Outbox.Release] releases together, such as a backfill job; may be empty.
	Group string
	// Title is the digest's.
	Title string
	// Calm is how long no further notice must come before the digest is told; Most is how long it waits at most. Without Calm it
	// waits for so long in any case.
	Calm, Most time.Duration
}

// first returns how long a new digest waits before it is looked at.
func (d Digest) first() time.Duration {
	if d.Calm > 0 {
		return min(d.Calm, d.Most)
	}
	return d.Most
}

// About returns the subject, or the key if there is none.
func (n Notice) About() string {
	if n.Subject != "" {
		return n.Subject
	}
	return n.Key
}

// Adder takes notices. It is safe for concurrent use.
type Adder interface {
	// Add stores notices for all routes that want them. After an error some may be stored: the caller adds all again, later, with the
	// same keys.
	Add(ctx context.Context, notices []Notice) error
}
