package main

import (
	"errors"
	"strings"
	"testing"

	"tocsin/internal/run/pipeline"
)

// TestWriting: a runner is not ready from the first alert or account that could not be written to the next that
// could.
func TestWriting(t *testing.T) {
	var w writing
	unwritten := func(what pipeline.Written) pipeline.Execution {
		return pipeline.Execution{Status: pipeline.Failed, Err: errors.Join(errors.New("x"), &pipeline.WriteError{What: what, Op: "write", Err: errors.New("blocked")})}
	}
	wrote := pipeline.Execution{Status: pipeline.Succeeded, Created: 1}
	quiet := pipeline.Execution{Status: pipeline.Succeeded}
	for i, step := range []struct {
		x    pipeline.Execution
		want string
	}{
		{quiet, ""},
		{unwritten(pipeline.WrittenAlerts), "alerts cannot be written"},
		{quiet, "alerts cannot be written"},
		{pipeline.Execution{Status: pipeline.Failed, Err: errors.New("no search")}, "alerts cannot be written"},
		{wrote, ""},
		{pipeline.Execution{Status: pipeline.PartialFailure, Failed: 2, Created: 3}, "alerts cannot be written: 2 alerts were not written"},
		{pipeline.Execution{Status: pipeline.Succeeded, Duplicates: 5}, ""},
		{unwritten(pipeline.WrittenNotices), "notifications cannot be written"},
		{quiet, "notifications cannot be written"},
		{wrote, ""},
		{unwritten(pipeline.WrittenLedger), "ledger cannot be written"},
		{pipeline.Execution{Status: pipeline.Failed, Created: 1}, "ledger cannot be written"},
		{quiet, ""},
	} {
		w.observe(step.x)
		switch err := w.err(); {
		case step.want == "" && err != nil:
			t.Errorf("step %d: %v", i, err)
		case step.want != "" && (err == nil || !strings.HasPrefix(err.Error(), step.want)):
			t.Errorf("step %d: %v, want %s", i, err, step.want)
		}
	}
}
