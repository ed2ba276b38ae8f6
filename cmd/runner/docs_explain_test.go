package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	namedFile = regexp.MustCompile("(?s)```[a-z]+ (\\S+)\n(.*?)```")
	screen    = regexp.MustCompile("(?s)```console\n\\$ runner ([^\n]*)\n(.*?)```")
)

// TestDocsExplain runs the command of docs/explain.md over the files of the page: it prints what the page shows.
func TestDocsExplain(t *testing.T) { testScreens(t, "../../docs/explain.md") }

// TestDocsCheckLive does so with docs/check-live.md.
func TestDocsCheckLive(t *testing.T) { testScreens(t, "../../docs/check-live.md") }

func testScreens(t *testing.T, path string) {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, m := range namedFile.FindAllStringSubmatch(string(page), -1) {
		if err := os.WriteFile(filepath.Join(dir, m[1]), []byte(m[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	screens := screen.FindAllStringSubmatch(string(page), -1)
	if len(screens) == 0 {
		t.Fatal("the page shows no screen")
	}
	for _, m := range screens {
		var out, complaints bytes.Buffer
		if code := execute(t.Context(), strings.Fields(m[1]), stdio{strings.NewReader(""), &out, &complaints}); code != 0 {
			t.Errorf("%s: %d %s", m[1], code, complaints.String())
		}
		if diff := cmp.Diff(m[2], out.String()); diff != "" {
			t.Errorf("%s (-page +command):\n%s", m[1], diff)
		}
	}
}
