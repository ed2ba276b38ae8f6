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

// Status is the outcome of an execution, under its name in Kibana.
type Status string

// The statuses. A partial failure has written what it could and has not covered its window.
const (
	Succeeded      Status = "succeeded"
	PartialFailure Status = "partial_failure"
	Failed         Status = "failed"
)

// Execution is the record of one run of a rule over a window.
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
	// Fence is the fencing number of the runner at the beginning.
	Fence int64
	// Read is the number of documents that were read, as far as it is known.
	Read int64
	// Hits is the number of hits that were processed; Left is the maximum number of further hits that were left over because
	// of max_signals.
	Hits, Left int64
	// Summarized: one alert stands for the hits left over.
	Summarized bool
	// Created, Duplicates, Suppressed, Failed and Skipped count the hits by outcome. Suppressed hits were added to an alert
	// about several hits; failed hits could not be written; skipped hits are alerts of the rule itself.
	Created, Duplicates, Suppressed, Failed, Skipped int
	// Aside is the number of alerts whose event was moved to a field that is not indexed, Omitted the number of alerts
	// written without their event. Both were rejected in their original form.
	Aside, Omitted int
	// Risk counts the risk events of the hits, which are made in addition to alerts or instead of them.
	Risk RiskCount
	// Undecided is the number of sequences that wait for the end of their span; a later window decides them.
	Undecided int
	// Resolved: the rule's index patterns were resolved. Patterns are the patterns that are the same in every slot, Unmet the
	// patterns that match no index. Vacant: no pattern matches an index.
	Resolved bool
	Patterns []string
	Unmet    []string
	Vacant   bool
	// Warnings do not affect whether the window is covered.
	Warnings []string
	// Diagnostics are problems of the rule with the current mappings.
	Diagnostics diag.List
	// Err is the operational failure that ended or impaired the execution.
	Err  error
	Took time.Duration
}

// MarshalJSON returns the execution in the format for scripts.
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

// Problem returns why the execution did not succeed, on one line; "" if it did.
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
