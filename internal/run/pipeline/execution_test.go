package pipeline_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/run/pipeline"
)

// TestJSON pins the form that scripts read.
func TestJSON(t *testing.T) {
	whole := pipeline.Execution{
		ID: "0f0e", RuleID: "r1", RuleName: "Thing", Slot: slot, Window: span, Status: pipeline.PartialFailure,
		Hits: 7, Left: 3, Created: 4, Duplicates: 1, Failed: 1, Skipped: 1, Warnings: []string{"w"},
		Diagnostics: diag.List{{Severity: diag.Warning, Code: "eql/x", Message: "m", File: "f.toml", Line: 3, Column: 4}},
		Err:         errors.New("broken <here>"), Took: 1500 * time.Millisecond,
	}
	plain := pipeline.Execution{ID: "0f0e", RuleID: "r1", Slot: slot, Window: span, Status: pipeline.Succeeded}
	tests := []struct {
		name string
		in   pipeline.Execution
		want string
	}{
		{"whole", whole, `{
			"execution_id": "0f0e", "rule_id": "r1", "name": "Thing", "slot": "2026-01-15T14:10:00Z", "status": "partial_failure",
			"window": {"from": "2026-01-15T14:01:00Z", "to": "2026-01-15T14:10:00Z"},
			"hits": 7, "left": 3, "created": 4, "duplicates": 1, "failed": 1, "skipped": 1, "took_ms": 1500,
			"warnings": ["w"], "error": "broken <here>",
			"diagnostics": [{"severity": "warning", "code": "eql/x", "message": "m", "file": "f.toml", "line": 3, "column": 4}]
		}`},
		{"plain", plain, `{
			"execution_id": "0f0e", "rule_id": "r1", "name": "", "slot": "2026-01-15T14:10:00Z", "status": "succeeded",
			"window": {"from": "2026-01-15T14:01:00Z", "to": "2026-01-15T14:10:00Z"},
			"hits": 0, "left": 0, "created": 0, "duplicates": 0, "failed": 0, "skipped": 0, "took_ms": 0
		}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			text, err := json.Marshal(test.in)
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal([]byte(test.want), &want)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestProblem(t *testing.T) {
	bad := diag.List{{Severity: diag.Error, Message: "no such field", File: "f.toml"}}
	tests := []struct {
		name string
		in   pipeline.Execution
		want string
	}{
		{"none", pipeline.Execution{Status: pipeline.Succeeded}, ""},
		{"warnings are none", pipeline.Execution{Status: pipeline.Succeeded, Diagnostics: diag.List{{Severity: diag.Warning, Message: "m"}}}, ""},
		{"error", pipeline.Execution{Status: pipeline.Failed, Err: errors.New("broken")}, "broken"},
		{"diagnostic", pipeline.Execution{Status: pipeline.Failed, Diagnostics: bad}, "f.toml: error: no such field"},
		{"error first", pipeline.Execution{Status: pipeline.Failed, Err: errors.New("broken"), Diagnostics: bad}, "broken"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.in.Problem(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
