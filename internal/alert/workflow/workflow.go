// Package workflow changes what people decide about alerts: their status, tags and assignees.
//
// The flow: an [Action] says what is wanted, [Action.Changes] what of it an alert lacks, and [Apply] writes that to stored
// alerts, each only over the version that it has read. An action that is repeated changes nothing.
package workflow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
)

// The statuses of an alert.
const (
	Open         = "open"
	Acknowledged = "acknowledged"
	Closed       = "closed"
)

// Statuses are all statuses.
var Statuses = []string{Open, Acknowledged, Closed}

// The fields of an alert that people change, under Kibana's names. No run of a rule changes them.
const (
	StatusField    = "kibana.alert.workflow_status"
	ChangedField   = "kibana.alert.workflow_status_updated_at"
	UserField      = "kibana.alert.workflow_user"
	ReasonField    = "kibana.alert.workflow_reason"
	TagsField      = "kibana.alert.workflow_tags"
	AssigneesField = "kibana.alert.workflow_assignee_ids"
)

// Action is a change that is wanted of alerts; fields that are empty change nothing.
type Action struct {
	// Status is the status, and Reason why. Another status than closed has no reason.
	Status, Reason string
	// AddTags and RemoveTags change the tags.
	AddTags, RemoveTags []string
	// Assign and Unassign change the assignees.
	Assign, Unassign []string
	// By is who changes the status, At is when.
	By string
	At time.Time
}

// Check returns what is wrong with what is wanted: nothing is, a status that there is not, or a tag or user without a name.
func (a Action) Check() error {
	switch names := slices.Concat(a.AddTags, a.RemoveTags, a.Assign, a.Unassign); {
	case a.Status == "" && len(names) == 0:
		return errors.New("nothing is wanted of the alerts")
	case a.Status != "" && !slices.Contains(Statuses, a.Status):
		return fmt.Errorf("status %q is not one of %s", a.Status, strings.Join(Statuses, ", "))
	case slices.ContainsFunc(names, func(n string) bool { return strings.TrimSpace(n) == "" }):
		return errors.New("a tag or a user has no name")
	}
	return nil
}

// Changes returns the fields of an alert that the action changes; nil if the alert is as wanted.
func (a Action) Changes(doc alert.Document) map[string]any {
	set := map[string]any{}
	if a.Status != "" {
		a.status(doc, set)
	}
	members(doc, TagsField, a.AddTags, a.RemoveTags, set)
	members(doc, AssigneesField, a.Assign, a.Unassign, set)
	if len(set) == 0 {
		return nil
	}
	return set
}

func (a Action) status(doc alert.Document, set map[string]any) {
	reason := event.First(doc.Source, ReasonField)
	if event.First(doc.Source, StatusField) != a.Status {
		set[StatusField], set[ChangedField] = a.Status, a.At.UTC().Format("2006-01-02T15:04:05.000Z")
		if a.By != "" {
			set[UserField] = a.By
		}
	}
	switch {
	case a.Status != Closed && reason != "":
		set[ReasonField] = nil
	case a.Status == Closed && a.Reason != "" && a.Reason != reason:
		set[ReasonField] = a.Reason
	}
}

// members adds the members of a list to what is set, if they change. What is both added and removed is added.
func members(doc alert.Document, field string, add, remove []string, set map[string]any) {
	if len(add)+len(remove) == 0 {
		return
	}
	have := []string{}
	for _, v := range event.Lookup(doc.Source, field) {
		if text, ok := v.(string); ok && !slices.Contains(have, text) {
			have = append(have, text)
		}
	}
	want := slices.DeleteFunc(slices.Clone(have), func(m string) bool { return slices.Contains(remove, m) && !slices.Contains(add, m) })
	for _, m := range add {
		if !slices.Contains(want, m) {
			want = append(want, m)
		}
	}
	if !slices.Equal(have, want) {
		set[field] = want
	}
}
