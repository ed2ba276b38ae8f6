// Package failure types what went wrong with the outside world: who has to do something about it.
//
// It is not about users' mistakes in rules (package diag), and an expired context is not wrapped:
// errors.Is(err, context.Canceled) keeps working. The flow: an edge (the Elasticsearch client, the
// store) returns an [Error]; the pipeline decides by [KindOf] whether a window is retried, partly
// covered or failed; the command turns it into an exit code.
package failure

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"tocsin/internal/diag/invariants"
)

// Kind says what can be done about an error.
type Kind int

const (
	// Internal is an error that no edge has typed: a fault of Tocsin's own.
	Internal Kind = iota
	// Unavailable means that the other side could not be reached, is overloaded or answered 5xx; the same
	// call may go through later.
	Unavailable
	// Refused means that the other side does not accept who asks (401, 403) or is not what it should be.
	Refused
	// Rejected means that this request is wrong (400, 404, 413 …); repeating it changes nothing.
	Rejected
	// Partial means that an answer came which does not cover everything asked for: shards failed, time ran out.
	Partial
)

// String names the kind for logs and metrics.
func (k Kind) String() string {
	switch k {
	case Internal:
		return "internal"
	case Unavailable:
		return "unavailable"
	case Refused:
		return "refused"
	case Rejected:
		return "rejected"
	case Partial:
		return "partial"
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// Error is a typed operational failure.
type Error struct {
	Kind Kind
	// Op is what was attempted, with its object: "search [logs-*]".
	Op string
	// Status is the HTTP status, 0 when there was none.
	Status int
	// Unread says what kept places from being read, "" when that is not what failed.
	Unread Unread
	// Type and Reason are the other side's own words, such as search_phase_execution_exception.
	Type, Reason string
	// Err is the cause, nil when the other side's words are all there is.
	Err error
}

// Unread is a reason for which a part of the events was not read.
type Unread string

// The reasons. Shards stands for parts of indices that did not answer.
const (
	Forbidden Unread = "forbidden"
	Closed    Unread = "closed"
	Remote    Unread = "remote"
	Shards    Unread = "shards"
)

// UnreadOf returns the reason of the first [Error] in a tree of errors that has one; "" when none has.
func UnreadOf(err error) Unread {
	switch e := err.(type) { //nolint:errorlint // the whole tree is walked
	case nil:
		return ""
	case *Error:
		if e.Unread != "" {
			return e.Unread
		}
		return UnreadOf(e.Err)
	case interface{ Unwrap() error }:
		return UnreadOf(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			if why := UnreadOf(one); why != "" {
				return why
			}
		}
	}
	return ""
}

// Error joins what is known, the object first. It never holds a credential.
func (e *Error) Error() string {
	parts := []string{e.Op}
	if e.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", e.Status))
	}
	switch {
	case e.Type != "" && e.Reason != "":
		parts = append(parts, e.Type+": "+e.Reason)
	case e.Type+e.Reason != "":
		parts = append(parts, e.Type+e.Reason)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the first [Error] in the chain, Internal when there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// ErrCrash is wrapped by the errors of [Crash].
var ErrCrash = errors.New("crashed")

// Crash is what a panic is told as: a fault of Tocsin's own, with the stack. It is called where the panic
// is recovered. A failed check of [invariants] is not contained: it panics again.
func Crash(op string, v any) error {
	invariants.Recovered(v)
	return &Error{Kind: Internal, Op: op, Err: fmt.Errorf("%w: %v\n%s", ErrCrash, v, debug.Stack())}
}

// Guard does something and returns its error, or a panic of it as a [Crash].
func Guard(op string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Crash(op, v)
		}
	}()
	return do()
}
