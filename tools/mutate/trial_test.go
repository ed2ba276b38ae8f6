package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTrial wants a change that a test sees to be caught, one that none sees to survive, one that never ends to be
// stopped, and one that does not compile to be none.
func TestTrial(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module example\n\ngo 1.26\n",
		"p.go":   "package p\n\nfunc seen() int { return 1 }\n\nfunc unseen() int { return 2 }\n\nfunc loop(n int) { for n > 0 { n-- } }\n",
		"p_test.go": "package p\n\nimport \"testing\"\n\nfunc Test(t *testing.T) {\n\tif seen() != 1 {\n\t\tt.Error()\n\t}\n\tunseen()\n" +
			"\tloop(3)\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	packages, err := listed(t.Context(), []string{"."})
	if err != nil || len(packages) != 1 {
		t.Fatalf("%v, %v", packages, err)
	}
	changes, err := packages[0].changes()
	if err != nil {
		t.Fatal(err)
	}
	tr := trial{scratch: t.TempDir(), timeout: 500 * time.Millisecond}
	want := map[string]outcome{
		"p.go:3: 1 becomes (1+1)": caught, "p.go:5: 2 becomes (2+1)": survived, "p.go:7: n--: -- becomes ++": slow, "p.go:7: n-- is dropped": slow,
		"p.go:5: unseen returns at once": survived, "p.go:3: seen returns at once": caught,
	}
	tried := 0
	for _, c := range changes {
		_, text, _ := strings.Cut(c.String(), "/")
		if outcome, ok := want[text]; ok {
			tried++
			if got, output := tr.try(t.Context(), c); got != outcome {
				t.Errorf("%s: %s, want %s\n%s", text, got, outcome, output)
			}
		}
	}
	if tried != len(want) {
		t.Errorf("%d of %d changes are there: %v", tried, len(want), changes)
	}
	if got, output := tr.try(t.Context(), change{in: packages[0], path: filepath.Join(packages[0].Dir, "p.go"), src: []byte("package p\n"), text: "x"}); got != unbuilt {
		t.Errorf("what does not compile: %s\n%s", got, output)
	}
}
