package health_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/run/health"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/search"
)

var (
	refusedConnection = &failure.Error{Kind: failure.Unavailable, Op: "search [logs-*]", Err: errors.New("connection refused")}
	expiredKey        = &failure.Error{Kind: failure.Refused, Op: "search [logs-*]", Status: 401, Type: "security_exception", Reason: "expired"}
	otherServer       = &failure.Error{Kind: failure.Refused, Op: "search [logs-*]", Status: 200, Reason: "the server is not Elasticsearch"}
	floodStage        = &failure.Error{Kind: failure.Unavailable, Op: "create alert", Status: 429, Type: "cluster_block_exception", Reason: "read-only-allow-delete"}
	notAllowed        = &failure.Error{Kind: failure.Refused, Op: "search [logs-*]", Status: 403, Unread: failure.Forbidden, Type: "security_exception", Reason: "is unauthorized on indices [logs-a,logs-b], this action"}
)

func unread(why failure.Unread, names ...string) error {
	var places []search.Unread
	for _, n := range names {
		places = append(places, search.Unread{Name: n, Why: why, Reason: "so"})
	}
	return search.UnreadError("read the indices of rule r", places)
}

func failed(err error) pipeline.Execution {
	return pipeline.Execution{RuleID: "r", RuleName: "R", Status: pipeline.Failed, Err: err}
}

func resolved(unmet ...string) pipeline.Execution {
	return pipeline.Execution{RuleID: "r", Status: pipeline.Succeeded, Resolved: true, Patterns: []string{"logs-*", "more-*"}, Unmet: unmet}
}

// unresolved is an execution that may not read places, and does not know of them whether they are there.
func unresolved(names ...string) pipeline.Execution {
	x := resolved()
	x.Unread = names
	return x
}

// unreadable is an execution of which an index was not read.
func unreadable(x pipeline.Execution) pipeline.Execution {
	x.Status, x.Unread, x.Err = pipeline.PartialFailure, []string{"logs-b"}, unread(failure.Forbidden, "logs-b")
	return x
}

func lacking(fields ...string) pipeline.Execution {
	x := resolved()
	for _, f := range fields {
		x.Diagnostics = append(x.Diagnostics, diag.Diagnostic{Severity: diag.Warning, Message: f}.About(f))
	}
	return x
}

func written(what pipeline.Written, err error) pipeline.Execution {
	return pipeline.Execution{RuleID: "r", Status: pipeline.PartialFailure, Err: &pipeline.WriteError{What: what, Op: "write", Err: err}}
}

var sound = pipeline.Execution{RuleID: "r", Status: pipeline.Succeeded}

// TestExecutions: what executions of a rule say, after each twice, and after each sound one twice.
func TestExecutions(t *testing.T) {
	cancelled := failed(fmt.Errorf("search: %w", context.Canceled))
	rejected := failed(&failure.Error{Kind: failure.Rejected, Op: "search", Status: 400, Reason: "no"})
	errored := pipeline.Execution{RuleID: "r", Status: pipeline.Failed, Diagnostics: diag.List{{Severity: diag.Error, Message: "no"}}}
	overflow := pipeline.Execution{RuleID: "r", Status: pipeline.PartialFailure, Left: 7}
	itself := pipeline.Execution{RuleID: "r", Status: pipeline.PartialFailure, Failed: 1, Unwritten: &failure.Error{Kind: failure.Rejected, Status: 400, Reason: "bad alert"}}
	full := pipeline.Execution{RuleID: "r", Status: pipeline.PartialFailure, Failed: 1, Unwritten: floodStage}
	tests := []struct {
		name string
		runs []pipeline.Execution
		// probe is what the cluster answers after each run.
		probe error
		want  []string
		// after is a run that ends the states; nil: a sound one.
		after *pipeline.Execution
	}{
		{name: "sound", runs: []pipeline.Execution{sound, sound}},
		{name: "failing once", runs: []pipeline.Execution{rejected, sound}},
		{name: "failing", runs: []pipeline.Execution{rejected, rejected}, want: []string{"rule-failing/r"}},
		{name: "a mistake under the mapping", runs: []pipeline.Execution{errored, errored}, want: []string{"rule-failing/r"}},
		{name: "cut off at the end of the service", runs: []pipeline.Execution{cancelled, cancelled, cancelled}},
		{name: "interrupted between failures", runs: []pipeline.Execution{rejected, cancelled, rejected}, want: []string{"rule-failing/r"}},
		{name: "too slow", runs: []pipeline.Execution{failed(context.DeadlineExceeded), failed(context.DeadlineExceeded)}, want: []string{"rule-cut-off/r"}},
		{name: "more hits than max_signals", runs: []pipeline.Execution{overflow, overflow}},
		{name: "an alert that is refused for itself", runs: []pipeline.Execution{itself, itself}, want: []string{"rule-failing/r"}},
		{name: "the disk is full", runs: []pipeline.Execution{full, full}, want: []string{"alerts-not-writable/alerts"}},
		{name: "alerts refused as a whole", runs: []pipeline.Execution{written(pipeline.WrittenAlerts, floodStage), written(pipeline.WrittenAlerts, floodStage)}, want: []string{"alerts-not-writable/alerts"}},
		{name: "the ledger", runs: []pipeline.Execution{written(pipeline.WrittenLedger, floodStage), written(pipeline.WrittenLedger, floodStage)}, want: []string{"ledger-not-writable/ledger"}},
		{name: "the outbox", runs: []pipeline.Execution{written(pipeline.WrittenNotices, floodStage), written(pipeline.WrittenNotices, floodStage)}, want: []string{"outbox-not-writable/outbox"}},
		{name: "no privilege, by pattern", runs: []pipeline.Execution{failed(unread(failure.Forbidden, "logs-*")), failed(unread(failure.Forbidden, "logs-*"))}, want: []string{"privilege-missing/logs-*"}},
		{name: "no privilege, as Elasticsearch says it", runs: []pipeline.Execution{failed(notAllowed), failed(notAllowed)}, want: []string{"privilege-missing/logs-a", "privilege-missing/logs-b"}},
		{name: "closed", runs: []pipeline.Execution{failed(unread(failure.Closed, "logs-1")), failed(unread(failure.Closed, "logs-1"))}, want: []string{"index-closed/logs-1"}},
		{name: "remote", runs: []pipeline.Execution{failed(unread(failure.Remote, "eu:logs-*")), failed(unread(failure.Remote, "eu:logs-*"))}, want: []string{"remote-unreachable/eu:logs-*"}},
		{name: "shards", runs: []pipeline.Execution{failed(unread(failure.Shards, "logs-1")), failed(unread(failure.Shards, "logs-1"))}, want: []string{"shards-failed/logs-1"}},
		{name: "the cluster is down", runs: []pipeline.Execution{failed(refusedConnection), failed(refusedConnection), failed(refusedConnection)}, probe: refusedConnection, want: []string{"cluster-unreachable/cluster"}},
		{name: "the key has expired", runs: []pipeline.Execution{failed(expiredKey), failed(expiredKey), failed(expiredKey)}, probe: expiredKey, want: []string{"cluster-refused/cluster"}},
		{name: "another server answers", runs: []pipeline.Execution{failed(otherServer), failed(otherServer), failed(otherServer)}, probe: otherServer, want: []string{"cluster-refused/cluster"}},
		{name: "a search fails though the cluster answers", runs: []pipeline.Execution{failed(refusedConnection), failed(refusedConnection)}, want: []string{"rule-failing/r"}},
		{name: "a pattern that never matched", runs: []pipeline.Execution{resolved("more-*"), resolved("more-*"), resolved("more-*")}},
		{name: "a pattern that matched", runs: []pipeline.Execution{resolved(), resolved("more-*"), resolved("more-*")}, want: []string{"pattern-vacant/more-*"}, after: new(resolved())},
		{name: "a pattern that could not be read, and matches nothing", runs: []pipeline.Execution{unresolved("more-*"), resolved("more-*"), resolved("more-*")}},
		{name: "a vacant pattern that cannot be read either", runs: []pipeline.Execution{resolved(), resolved("more-*"), resolved("more-*"), unresolved("more-*")}, want: []string{"pattern-vacant/more-*"}, after: new(resolved())},
		{name: "fields of a place that cannot be read", runs: []pipeline.Execution{lacking("x"), unreadable(lacking("x", "y")), unreadable(lacking("x", "y")), unreadable(lacking("x", "y"))}, want: []string{"privilege-missing/logs-b"}},
		{name: "a field that was never there", runs: []pipeline.Execution{lacking("x"), lacking("x"), lacking("x")}},
		{name: "a field that is gone", runs: []pipeline.Execution{lacking("x"), lacking("x", "y"), lacking("x", "y")}, want: []string{"fields-missing/logs-*,more-*"}, after: new(lacking("x"))},
		{name: "a field that came", runs: []pipeline.Execution{lacking("x"), lacking(), lacking()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := &outbox{}
			b := newBoard(&health.Memory{}, out, "me", false)
			w := health.NewWatch(b)
			now := start
			turn := func(x pipeline.Execution, probe error) {
				now = now.Add(time.Second)
				w.Execution(x, health.Rule{ID: x.RuleID, Name: x.RuleName, Revision: "1", Patterns: []string{"logs-*", "more-*"}}, now)
				now = now.Add(time.Second)
				w.Probed(probe, now)
				if err := b.Sync(t.Context(), now); err != nil {
					t.Fatal(err)
				}
			}
			names := func() []string {
				var out []string
				for _, s := range b.States() {
					out = append(out, s.Name())
					if s.Text == "" || s.Advice() == "" {
						t.Errorf("%+v", s)
					}
				}
				slices.Sort(out)
				return out
			}
			for _, x := range tt.runs {
				turn(x, tt.probe)
			}
			if diff := cmp.Diff(tt.want, names()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if len(out.told) != len(tt.want) {
				t.Errorf("told %v", out.told)
			}
			after := sound
			if tt.after != nil {
				after = *tt.after
			}
			after.Created = 1
			turn(after, nil)
			turn(after, nil)
			if got := names(); len(got) > 0 || len(out.told) != 2*len(tt.want) {
				t.Errorf("after: %v, told %v", got, out.told)
			}
		})
	}
}

// TestWritable: a probe finds and ends the state, but not what rules have found.
func TestWritable(t *testing.T) {
	b := newBoard(&health.Memory{}, &outbox{}, "me", false)
	w := health.NewWatch(b)
	check := func(want int) {
		t.Helper()
		if err := b.Sync(t.Context(), start); err != nil {
			t.Fatal(err)
		}
		if got := b.States(); len(got) != want {
			t.Errorf("%+v", got)
		}
	}
	w.Writable(floodStage, start)
	w.Writable(refusedConnection, start) // says nothing
	w.Writable(floodStage, start)
	check(1)
	w.Writable(nil, start)
	check(0)
	for range 2 {
		w.Execution(written(pipeline.WrittenAlerts, notAllowed), health.Rule{ID: "r"}, start)
		w.Writable(nil, start)
	}
	check(1)
	w.Execution(sound, health.Rule{ID: "r"}, start)
	w.Writable(nil, start) // it came back at once, and ends later
	check(0)
}

// statesOf returns how many states of some kinds there are.
func statesOf(b *health.Board, kinds ...health.Kind) int {
	n := 0
	for _, s := range b.States() {
		if slices.Contains(kinds, s.Kind) {
			n++
		}
	}
	return n
}

// TestSought: that rules cannot look for what is there already is one state until each of them has succeeded, whoever writes meanwhile.
func TestSought(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBoard(&health.Memory{}, &outbox{}, "me", false)
		w, at := health.NewWatch(b), start
		failing, found := map[string]bool{}, 0
		for range rapid.IntRange(2, 20).Draw(r, "steps") {
			at = at.Add(10 * time.Second)
			x := sound
			x.RuleID = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "rule")
			switch rapid.IntRange(0, 2).Draw(r, "outcome") {
			case 0:
				x.Status, x.Err = pipeline.PartialFailure, &pipeline.WriteError{What: pipeline.WrittenAlerts, Sought: true, Op: "look", Err: notAllowed}
				failing[x.RuleID] = true
				found++
			case 1:
				x.Created = 1
				delete(failing, x.RuleID)
			default:
				delete(failing, x.RuleID)
			}
			if len(failing) == 0 {
				found = 0
			}
			w.Execution(x, health.Rule{ID: x.RuleID}, at)
			if err := b.Sync(t.Context(), at); err != nil {
				r.Fatal(err)
			}
			if found > 1 && statesOf(b, health.Blocked) != 1 {
				r.Fatal(failing, b.States())
			}
		}
	})
}

// TestLackIsMet: a privilege that something fails without is one state, also if the role is looked at meanwhile.
func TestLackIsMet(t *testing.T) {
	for what, kind := range map[pipeline.Written]health.Kind{
		pipeline.WrittenAlerts: health.Blocked, pipeline.WrittenLedger: health.LedgerFailed, pipeline.WrittenNotices: health.OutboxFailed,
	} {
		b := newBoard(&health.Memory{}, &outbox{}, "me", false)
		w, at := health.NewWatch(b), start
		for range 4 {
			at = at.Add(10 * time.Second)
			w.Execution(written(what, notAllowed), health.Rule{ID: "r"}, at)
			w.Probed(nil, at)
			w.Writable(nil, at)
			w.Set(health.RoleIncomplete, at, health.Finding{Subject: "role", Text: "lacks"})
			if err := b.Sync(t.Context(), at); err != nil {
				t.Fatal(err)
			}
			if len(b.States()) > 1 || statesOf(b, health.RoleIncomplete) > 0 {
				t.Errorf("%s: %+v", what, b.States())
			}
		}
		if statesOf(b, kind) != 1 {
			t.Errorf("%s: %+v", what, b.States())
		}
	}
}

// TestDelivering: that notifications cannot be read for delivery is a state until they can, also if slots with alerts succeed meanwhile.
func TestDelivering(t *testing.T) {
	b := newBoard(&health.Memory{}, &outbox{}, "me", false)
	w := health.NewWatch(b)
	wrote := sound
	wrote.Created = 1
	check := func(what string, want int) {
		t.Helper()
		if err := b.Sync(t.Context(), start); err != nil {
			t.Fatal(err)
		}
		if got := b.States(); len(got) != want || want > 0 && got[0].Kind != health.OutboxFailed {
			t.Errorf("%s: %+v", what, got)
		}
	}
	w.Delivering(nil, start)
	w.Delivering(refusedConnection, start) // says nothing of the outbox
	w.Delivering(refusedConnection, start)
	check("a cluster that does not answer", 0)
	for range 2 {
		w.Delivering(notAllowed, start)
		w.Execution(wrote, health.Rule{ID: "r"}, start)
	}
	check("not allowed", 1)
	w.Execution(wrote, health.Rule{ID: "r"}, start)
	w.Delivering(notAllowed, start)
	check("still not allowed", 1)
	w.Delivering(nil, start)
	check("allowed", 0)
}
