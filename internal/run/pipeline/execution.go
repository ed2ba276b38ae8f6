package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
)

// Status is how an execution ended, in Kibana's words.
type Status string

// The statuses. A partial failure has written what it could and has not covered its window.
const (
	Succeeded      Status = "succeeded"
	PartialFailure Status = "partial_failure"
	Failed         Status = "failed"
)

// Execution is the account of one rule over one window.
type Execution struct {
	ID       string
	RuleID   string
	RuleName string
	Slot     time.Time
	Window   window.Window
	Status   Status
	// Covers are the slots whose windows this one spans, oldest first; empty: Slot alone.
	Covers []time.Time
	// Attempts is how often the slot was tried before.
	Attempts int
	// Fence is the fencing number that the runner had as it began.
	Fence int64
	// Read is the number of documents that were looked at, as far as it is known.
	Read int64
	// Hits were found and looked at; Left is how many more there are, at most, that max_signals kept
	// from being looked at.
	Hits, Left int64
	// Summarized: one alert stands for those that are left.
	Summarized bool
	// Created, Duplicates and Suppressed partition the hits by what became of them, with those that
	// Failed to be written and those Skipped because the event is the rule's own alert. Suppressed
	// ones were added to an alert that stands for several.
	Created, Duplicates, Suppressed, Failed, Skipped int
	// Aside is the number of alerts that were written with their event, whole, in a field that is not
	// indexed, Omitted of those without it: they were refused as they were.
	Aside, Omitted int
	// Risk are the risk events that the hits made beside alerts, or in their place.
	Risk RiskCount
	// Undecided are sequences that wait for the end of their span; a later window decides them.
	Undecided int
	// Resolved tells that it was found out what the rule's index patterns mean. Patterns are those that mean the
	// same in every slot, Unmet those that mean no index. Vacant: no pattern means one.
	Resolved bool
	Patterns []string
	Unmet    []string
	Vacant   bool
	// Warnings are remarks that do not endanger the window.
	Warnings []string
	// Diagnostics are problems of the rule on the present mappings.
	Diagnostics diag.List
	// Err is the operational failure that ended or impaired the execution.
	Err  error
	Took time.Duration
}

// MarshalJSON writes the execution as scripts read it.
func (e Execution) MarshalJSON() ([]byte, error) {
	out := map[string]any{
		"execution_id": e.ID, "rule_id": e.RuleID, "name": e.RuleName, "slot": e.Slot, "status": e.Status,
		"window": map[string]any{"from": e.Window.From, "to": e.Window.To},
		"hits":   e.Hits, "left": e.Left, "created": e.Created, "duplicates": e.Duplicates, "failed": e.Failed,
		"skipped": e.Skipped, "took_ms": e.Took.Milliseconds(),
	}
	if e.Suppressed > 0 {
		out["suppressed"] = e.Suppressed
	}
	if e.Aside > 0 {
		out["event_aside"] = e.Aside
	}
	if e.Omitted > 0 {
		out["event_omitted"] = e.Omitted
	}
	if e.Risk != (RiskCount{}) {
		out["risk_events"] = e.Risk
	}
	if e.Vacant {
		out["vacant"] = true
	}
	if why := failure.UnreadOf(e.Err); why != "" {
		out["unread"] = why
	}
	if e.Undecided > 0 {
		out["undecided"] = e.Undecided
	}
	if len(e.Warnings) > 0 {
		out["warnings"] = e.Warnings
	}
	if len(e.Diagnostics) > 0 {
		out["diagnostics"] = e.Diagnostics
	}
	if e.Err != nil {
		out["error"] = e.Err.Error()
	}
	return json.Marshal(out) //nolint:wrapcheck // the caller is encoding/json
}

// Problem is what kept the execution from succeeding, on one line; "" when nothing did.
func (e Execution) Problem() string {
	switch {
	case e.Err != nil:
		return strings.ReplaceAll(e.Err.Error(), "\n", "; ")
	case e.Diagnostics.HasErrors():
		return strings.ReplaceAll(e.Diagnostics.Err().Error(), "\n", "; ")
	case e.Failed > 0:
		return fmt.Sprintf("%d alerts were not written, see the warnings", e.Failed)
	case e.Risk.Failed > 0:
		return fmt.Sprintf("%d risk events were not written, see the warnings", e.Risk.Failed)
	case e.Left > 0 && !e.Summarized:
		return fmt.Sprintf("max_signals left %d hits without a look", e.Left)
	}
	return ""
}
