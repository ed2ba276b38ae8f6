package pipeline

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
)

// Status is the outcome of an execution, in Kibana's terms.
type Status string

// The statuses. A partial failure has written the alerts that it could, and has not covered its window.
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
	// Revision is the content hash of the rule as it was run.
	Revision string
	Slot     time.Time
	Window   window.Window
	Status   Status
	// Covers are the slots whose windows this window spans, oldest first; empty: only Slot.
	Covers []time.Time
	// Attempts is the number of earlier runs of the slot.
	Attempts int
	// Fence is the runner's fencing number at the start of the execution.
	Fence int64
	// Read is the number of documents read, as far as it is known.
	Read int64
	// Hits is the number of hits that were processed, Left the maximum number of hits that max_signals left
	// unprocessed.
	Hits, Left int64
	// Summarized: one alert stands for all hits left.
	Summarized bool
	// Created, Duplicates, Suppressed, Failed and Skipped are the outcomes of the hits and add up to them.
	// Suppressed hits were added to an alert that stands for several; Failed ones could not be written;
	// Skipped ones are the rule's own alerts.
	Created, Duplicates, Suppressed, Failed, Skipped int
	// Unwritten is why the first of the alerts that could not be written was not.
	Unwritten error
	// Aside is the number of alerts written with their event in a field that is not indexed, Omitted the
	// number written without their event: Elasticsearch rejected the original document.
	Aside, Omitted int
	// Risk counts the risk events of the hits.
	Risk RiskCount
	// Undecided is the number of sequences whose maxspan has not ended; a later window decides them.
	Undecided int
	// Resolved: the rule's index patterns were resolved. Patterns are the patterns that mean the same in
	// every slot, Unmet the ones of these that match no index. Unread are the places that could not be read; of a pattern among them it
	// is not known whether it matches an index. Vacant: no pattern matches an index.
	Resolved bool
	Patterns []string
	Unmet    []string
	Unread   []string
	Vacant   bool
	// Warnings are messages about the execution that do not affect the coverage of the window.
	Warnings []string
	// Diagnostics are problems of the rule under the current mappings.
	Diagnostics diag.List
	// Err is the operational failure that ended or impaired the execution.
	Err  error
	Took time.Duration
}

// Met returns the patterns that match an index: neither those that match none, nor those of which it is not known.
func (e Execution) Met() []string {
	return slices.DeleteFunc(slices.Clone(e.Patterns), func(p string) bool { return slices.Contains(e.Unmet, p) || slices.Contains(e.Unread, p) })
}

// MarshalJSON encodes the execution in the documented form for scripts.
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

// Problem returns, on one line, why the execution did not succeed; "" if it did.
func (e Execution) Problem() string {
	switch {
	case e.Err != nil:
		return strings.ReplaceAll(e.Err.Error(), "\n", "; ")
	case e.Diagnostics.HasErrors():
		return strings.ReplaceAll(e.Diagnostics.Err().Error(), "\n", "; ")
	case e.Failed > 0:
		if e.Unwritten != nil {
			return strings.ReplaceAll(fmt.Sprintf("%d alerts were not written: %v", e.Failed, e.Unwritten), "\n", "; ")
		}
		return fmt.Sprintf("%d alerts were not written, see the warnings", e.Failed)
	case e.Risk.Failed > 0:
		return fmt.Sprintf("%d risk events were not written, see the warnings", e.Risk.Failed)
	case e.Left > 0 && !e.Summarized:
		return fmt.Sprintf("max_signals left %d hits unprocessed", e.Left)
	}
	return ""
}
