package plans_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tocsin/internal/match/condition"
	"tocsin/internal/testkit/eventgen"
)

// TestSetAgainstOtherEngine is the program's side of tools/bench-eql: with TOCSIN_EQL_DIR it writes
// rules and events there; once the other engine's answer is there as well, it compares.
func TestSetAgainstOtherEngine(t *testing.T) {
	dir := os.Getenv("TOCSIN_EQL_DIR")
	if dir == "" {
		t.Skip("tools/bench-eql/run.sh runs it")
	}
	var rules []setRule
	for _, r := range eventRules(t) {
		if r.language == "eql" {
			rules = append(rules, r)
		}
	}
	events := make([][]byte, 200)
	for i := range events {
		var err error
		if events[i], err = json.Marshal(single(eventgen.Source(1, i))); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := os.ReadFile(filepath.Join(dir, "answer.json"))
	if err != nil {
		writeSetFiles(t, dir, rules, events)
		return
	}
	var other struct {
		Rules int            `json:"rules"`
		Time  float64        `json:"us_per_event"`
		Found map[string]int `json:"found"`
	}
	if err := json.Unmarshal(answer, &other); err != nil {
		t.Fatal(err)
	}
	var taken []setRule
	var both []condition.Member
	for _, r := range rules {
		if _, ok := other.Found[r.name]; ok {
			taken, both = append(taken, r), append(both, r.Member)
		}
	}
	run := newSetRun(t, both)
	found := map[string]int{}
	best := time.Duration(0)
	for range 50 {
		start := time.Now()
		for _, source := range events {
			run.match(source)
		}
		if took := time.Since(start); best == 0 || took < best {
			best = took
		}
	}
	for _, source := range events {
		run.read(source)
		for _, n := range run.matching.Match(run.view, nil) {
			found[taken[n].name]++
		}
	}
	differ := 0
	for name, n := range other.Found {
		if found[name] != n {
			differ++
			t.Logf("%s: found %d, the other engine %d", name, found[name], n)
		}
	}
	ours := float64(best.Microseconds()) / float64(len(events))
	t.Logf("%d rules: %.1f us an event with decoding, the other engine %.0f us without: %.0f times; %d rules differ", len(taken), ours, other.Time, other.Time/ours, differ)
}

// single leaves of every array its first element: the other engine knows no arrays.
func single(value any) any {
	switch v := value.(type) {
	case []any:
		return single(v[0])
	case eventgen.Object:
		for key, member := range v {
			v[key] = single(member)
		}
	}
	return value
}

func writeSetFiles(t *testing.T, dir string, rules []setRule, events [][]byte) {
	t.Helper()
	var lines, sources []byte
	for _, r := range rules {
		line, err := json.Marshal(map[string]string{"name": r.name, "query": r.query})
		if err != nil {
			t.Fatal(err)
		}
		lines = append(append(lines, line...), '\n')
	}
	for _, source := range events {
		sources = append(append(sources, source...), '\n')
	}
	for name, content := range map[string][]byte{"rules.ndjson": lines, "events.ndjson": sources} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
