package query

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/match/event"
	"tocsin/internal/scheduler/window"
)

// Near is how near a group of events has come to an alert that needs all of them.
type Near struct {
	// Group has the values that the events of the group have in common, by field.
	Group map[string]string `json:"group,omitempty"`
	// Reached: the group is an alert.
	Reached bool `json:"reached"`
	// Text says what the group has, and what it lacks.
	Text string `json:"text"`
	// Measures are what is counted; all of them must reach what is needed.
	Measures []Measure `json:"measures,omitempty"`
	// Step is the last step of a sequence that the group has reached, of Steps.
	Step  int `json:"step,omitempty"`
	Steps int `json:"steps,omitempty"`
}

// Measure is a number that a group has, and the number that it needs.
type Measure struct {
	What  string `json:"what"`
	Has   string `json:"has"`
	Needs string `json:"needs"`
	// Short is by how much it is missed; "" if it is not.
	Short string `json:"short,omitempty"`
}

// Inquirer is a Prepared whose alerts need more than one event that meets its condition.
type Inquirer interface {
	// Inquire says how near the groups of an event come to an alert in the run over a window. The event meets the
	// condition, and is among those of the source. There is no group if the event lacks what is grouped by.
	Inquire(ctx context.Context, src Source, w window.Window, e *event.Event) ([]Near, error)
}

// Measured says what measures have and lack.
func Measured(measures []Measure) string {
	var parts []string
	for _, m := range measures {
		part := fmt.Sprintf("%s %s, needed: %s", m.Has, m.What, m.Needs)
		if m.Short != "" {
			part += " (missed by " + m.Short + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// String shows the group and what it has.
func (n Near) String() string {
	var values []string
	for _, name := range slices.Sorted(maps.Keys(n.Group)) {
		values = append(values, name+" = "+n.Group[name])
	}
	if len(values) == 0 {
		return n.Text
	}
	return strings.Join(values, ", ") + ": " + n.Text
}
