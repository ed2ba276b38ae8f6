package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	fileBlock   = regexp.MustCompile("(?s)```[a-z]+ (\\S+)\n(.*?)```")
	screenBlock = regexp.MustCompile("(?s)(```console\n\\$ runner )([^\n]*)\n(.*?)(```)")
	// wallClock are times of the machine's clock, which are not those of the example.
	wallClock = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// TestScreens runs the commands of docs/screens.md and wants what the page shows. TOCSIN_SCREENS=write writes the page.
func TestScreens(t *testing.T) {
	const page = "../../docs/screens.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, block := range fileBlock.FindAllStringSubmatch(string(text), -1) {
		name := filepath.Join(dir, filepath.FromSlash(block[1]))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(block[2]), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	screens := 0
	now := screenBlock.ReplaceAllStringFunc(string(text), func(block string) string {
		screens++
		m := screenBlock.FindStringSubmatch(block)
		return m[1] + m[2] + "\n" + shownBy(t, dir, words(m[2])) + m[4]
	})
	if screens < 10 {
		t.Errorf("the page has %d screens", screens)
	}
	if os.Getenv("TOCSIN_SCREENS") == "write" {
		if err := os.WriteFile(page, []byte(now), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), now); diff != "" {
		t.Errorf("make screens writes another page (-page +now):\n%s", diff)
	}
}

// shownBy returns what a terminal shows of a command, but for the log, with times of the clock replaced.
func shownBy(t *testing.T, dir string, args []string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "runner", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "TOCSIN_LOG_LEVEL=error", "COLUMNS=140", "NO_COLOR=1")
	out, err := command.CombinedOutput()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	shown := wallClock.ReplaceAllStringFunc(string(out), func(at string) string {
		if strings.HasPrefix(at, "2026-01-15T1") {
			return at
		}
		return "2026-01-15T14:00:01Z"
	})
	if shown != "" && !strings.HasSuffix(shown, "\n") {
		shown += "\n"
	}
	return shown
}
