package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The same seed makes the same events, another one others; each is a line of JSON within the window, with a
// number and a log source.
func TestEvents(t *testing.T) {
	dir := t.TempDir()
	recorded := filepath.Join(dir, "recorded.ndjson")
	test := `{"fields":[{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":11,"EventRecordID":7,"TargetFilename":"C:\\a\"b","Level":4},{"Channel":"Security","EventID":1}]}`
	if err := os.WriteFile(recorded, []byte(test), 0o600); err != nil {
		t.Fatal(err)
	}
	planted, err := readRecorded(recorded)
	if err != nil || len(planted) != 1 {
		t.Fatal(len(planted), err)
	}
	const n = 5000
	write := func(name string, seed uint64) []byte {
		path := filepath.Join(dir, name)
		if err := writeEvents(path, n, seed, planted); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	one := write("one", 1)
	if !bytes.Equal(one, write("same", 1)) || bytes.Equal(one, write("other", 2)) {
		t.Error("the seed does not decide")
	}
	found, categories := 0, map[string]bool{}
	number := 0
	for line := range bytes.Lines(one) {
		number++
		var e map[string]any
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		at, err := time.Parse(time.RFC3339, fmt.Sprint(e["@timestamp"]))
		if err != nil || e["EventRecordID"] != float64(number) || at.Before(slot.Add(-before)) || !at.Before(slot) || e["Computer"] == nil {
			t.Fatalf("event %d: %s", number, line)
		}
		categories[fmt.Sprint(e["product"], " ", e["category"])] = true
		if e["TargetFilename"] == `C:\a"b` && e["Channel"] != nil {
			found++
		}
	}
	if number != n || found == 0 || found > n/plantedEvery || len(categories) != 8 {
		t.Errorf("%d events, %d recorded ones, log sources %v", number, found, categories)
	}
	if planted, err := readRecorded(filepath.Join(dir, "none")); planted != nil || err != nil {
		t.Error("a file that is not there:", planted, err)
	}
}

func TestSpread(t *testing.T) {
	rules := []rule{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}
	for n, want := range map[int]int{0: 4, 1: 1, 3: 3, 9: 4} {
		if got := spread(rules, n); len(got) != want || got[0].ID != "a" {
			t.Errorf("%d: %v", n, got)
		}
	}
	if diff := cmp.Diff([]rule{{ID: "a"}, {ID: "c"}}, spread(rules, 2)); diff != "" {
		t.Error(diff)
	}
}

func TestRatios(t *testing.T) {
	of := func(cpu ...time.Duration) (s series) {
		for _, c := range cpu {
			s = append(s, cost{CPU: c})
		}
		return s
	}
	a, b := of(3*time.Second, 7*time.Second, 5*time.Second), of(3*time.Second, 3*time.Second, 3*time.Second)
	if diff := cmp.Diff([]float64{1, 2, 3}, ratios(a, b, time.Second, time.Second)); diff != "" {
		t.Error(diff)
	}
	if got := a.median(cpu); got != 5*time.Second {
		t.Error(got)
	}
}
