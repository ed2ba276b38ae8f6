package tocsintest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// An Execution is what became of a rule in one slot.
type Execution struct {
	RuleID     string   `json:"rule_id"`
	RuleName   string   `json:"name"`
	Status     string   `json:"status"`
	Hits       int64    `json:"hits"`
	Created    int      `json:"created"`
	Duplicates int      `json:"duplicates"`
	Suppressed int      `json:"suppressed"`
	Failed     int      `json:"failed"`
	Left       int64    `json:"left"`
	Warnings   []string `json:"warnings"`
}

// succeeded is the status of an execution that did all it had to.
const succeeded = "succeeded"

// RunAt runs every rule as of a slot, over the events of its window before it, and returns the executions in the order of the rules.
// One that did not succeed fails the test, unless Options.RulesMayFail.
func (s *Suite) RunAt(slot time.Time) []Execution {
	s.t.Helper()
	args := slices.Concat([]string{"run", "--once", "--at", slot.UTC().Format(time.RFC3339Nano), "--format", "ndjson"}, s.place(), s.events(), s.rules(), s.notify)
	code, out, errs := s.call(args...)
	var all []Execution
	for line := range strings.Lines(out) {
		var x Execution
		if err := json.Unmarshal([]byte(line), &x); err != nil {
			s.t.Fatalf("run at %s: exit code %d, and %q is no execution: %v\n%s", slot, code, line, err, errs)
		}
		all = append(all, x)
		if x.Status != succeeded && !s.options.RulesMayFail {
			s.t.Errorf("run at %s: %s %s", slot, x.RuleName, x.Status)
		}
	}
	if failed := code == 1 && s.options.RulesMayFail; code != 0 && !failed {
		s.t.Fatalf("run at %s: exit code %d\n%s", slot, code, errs)
	}
	if len(all) == 0 {
		s.t.Fatalf("run at %s: no rule ran\n%s", slot, errs)
	}
	return all
}

// A Coverage says how many slots of a rule were run in a range of time.
type Coverage struct {
	RuleID   string `json:"rule_id"`
	RuleName string `json:"name"`
	Covered  int    `json:"covered"`
	Failed   int    `json:"failed"`
	Queued   int    `json:"queued"`
	GivenUp  int    `json:"given_up"`
	Vacant   int    `json:"vacant"`
	Open     int    `json:"open"`
}

// Coverage returns that of every rule, of the slots from a time to another.
func (s *Suite) Coverage(from, to time.Time) []Coverage {
	s.t.Helper()
	var all []Coverage
	out := s.Command(slices.Concat([]string{"coverage", "show", "--format", "json", "--from", from.UTC().Format(time.RFC3339Nano), "--to", to.UTC().Format(time.RFC3339Nano)}, s.rules())...)
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		s.t.Fatalf("coverage: %v in %s", err, out)
	}
	return all
}

// WantCovered requires of every rule that its slots at these times are covered: that everything in their windows was read.
func (s *Suite) WantCovered(slots ...time.Time) {
	s.t.Helper()
	for _, slot := range slots {
		all := s.Coverage(slot, slot.Add(time.Millisecond))
		if len(all) == 0 {
			s.t.Errorf("the slot %s: there is no rule", slot)
		}
		for _, c := range all {
			if c.Covered != 1 {
				s.t.Errorf("the slot %s of %s is not covered: %+v", slot, c.RuleName, c)
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
