package notify

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Channel delivers messages to one receiver. It is safe for concurrent use.
type Channel interface {
	// Send delivers a message before the context ends. An error is [*Refusal] if the receiver said when or whether to try again.
	// Errors contain no secrets.
	Send(ctx context.Context, m Message) error
	// Traits says how the receiver works.
	Traits() Traits
}

// Traits are properties of a receiver.
type Traits struct {
	// Idempotent receivers take a message with a key that they know only once.
	Idempotent bool
	// Incidents: the receiver opens an incident for a subject and closes it at a recovery.
	Incidents bool
}

// Refusal is the error of a receiver that said what to do.
type Refusal struct {
	Err error
	// After is how long to wait before the next message of any kind; 0 if the receiver did not say.
	After time.Duration
	// Final: the message will never be accepted.
	Final bool
}

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Route says which notices go to a channel, and how.
type Route struct {
	Name    string
	Channel Channel
	// Match selects notices.
	Match Match
	// Title and Text make the message; nil: as in the notice.
	Title, Text *Template

	// Rate is the maximum number of messages in a span of Per; the others become a digest. 0: no limit.
	Rate int
	Per  time.Duration
	// Quiet are hours in which nothing is sent; nil: none.
	Quiet *Quiet

	// Concurrency is the number of messages in flight; Timeout limits one.
	Concurrency int
	Timeout     time.Duration
	// RetryMin and RetryMax bound the wait between attempts, which doubles. After Attempts (0: no limit) or GiveUp since the
	// notice, a message is dead.
	RetryMin, RetryMax time.Duration
	Attempts           int
	GiveUp             time.Duration
}

// withDefaults returns the route with a value for every zero field that needs one.
func (r Route) withDefaults() Route {
	traits := r.Channel.Traits()
	if r.Concurrency <= 0 {
		r.Concurrency = 1 // a crash may repeat as many messages
		if traits.Idempotent {
			r.Concurrency = 8
		}
	}
	orElse := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	orElse(&r.Timeout, 10*time.Second)
	orElse(&r.Per, time.Minute)
	orElse(&r.RetryMin, time.Second)
	orElse(&r.RetryMax, 5*time.Minute)
	orElse(&r.GiveUp, 24*time.Hour)
	return r
}

// Match selects notices. Of each list one element must fit; an empty list fits all.
type Match struct {
	Kinds      []Kind
	Rules      []string // ids or names, with * for any text
	Tags       []string // with * for any text
	Severities []string
	Namespaces []string
	// Blocks also selects building blocks.
	Blocks bool
}

// FieldBlock is the field of a notice that says that its alert is a building block.
const FieldBlock = "building_block"

// Selects reports whether a notice is wanted. Tests always are.
func (m Match) Selects(n *Notice) bool {
	if n.Kind == KindTest {
		return true
	}
	if n.Fields[FieldBlock] != "" && !m.Blocks {
		return false
	}
	fits := func(patterns []string, values ...string) bool {
		return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
			return slices.ContainsFunc(values, func(v string) bool { return glob(p, v) })
		})
	}
	return (len(m.Kinds) == 0 || slices.Contains(m.Kinds, n.Kind)) && fits(m.Rules, n.RuleID, n.RuleName) && fits(m.Tags, n.Tags...) &&
		(len(m.Severities) == 0 || slices.Contains(m.Severities, n.Severity)) && fits(m.Namespaces, n.Namespace)
}

// glob reports whether a text matches a pattern in which * stands for any text. Case is ignored.
func glob(pattern, text string) bool {
	pattern, text = strings.ToLower(pattern), strings.ToLower(text)
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, last)
}

// Routes are the routes of a service. They do not change; a reload replaces them.
type Routes struct{ list []Route }

// NewRoutes returns routes, whose names must differ, with defaults for zero fields.
func NewRoutes(list ...Route) *Routes {
	r := &Routes{}
	for _, one := range list {
		r.list = append(r.list, one.withDefaults())
	}
	return r
}

// All returns the routes.
func (r *Routes) All() []Route {
	if r == nil {
		return nil
	}
	return r.list
}

// Names returns the names of the routes.
func (r *Routes) Names() []string {
	var names []string
	for _, one := range r.All() {
		names = append(names, one.Name)
	}
	return names
}

// Named returns the route with a name; nil if there is none.
func (r *Routes) Named(name string) *Route {
	for i, one := range r.All() {
		if one.Name == name {
			return &r.list[i]
		}
	}
	return nil
}
