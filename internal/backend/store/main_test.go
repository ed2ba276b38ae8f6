package store_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// holderDir makes the test binary a process that holds a database open; see TestLock.
const holderDir = "TOCSIN_TEST_HOLD_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holderDir); dir != "" {
		hold(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// hold keeps a database open until standard input ends.
func hold(dir string) {
	db, err := store.Open(dir)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = db.Close()
}

// fataler is what *testing.T, *testing.B and *rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}

func writeFile(tb testing.TB, name, content string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}

func zstandard(t fataler, content string) string {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	return string(z.EncodeAll([]byte(content), nil))
}

func gzipped(t fataler, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func openEvents(tb testing.TB, opts store.EventsOptions) (*store.Events, diag.List) {
	tb.Helper()
	e, remarks, err := store.OpenEvents(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e, remarks
}

// byContent compares events except for their field types.
var byContent = cmpopts.IgnoreFields(event.Event{}, "Types")

// mustEvents opens valid events.
func mustEvents(tb testing.TB, lines ...string) *store.Events {
	tb.Helper()
	e, remarks := openEvents(tb, store.EventsOptions{Files: []string{writeFile(tb, "events.ndjson", strings.Join(lines, "\n"))}})
	if len(remarks) > 0 {
		tb.Fatal(remarks)
	}
	return e
}

func searchAll(t fataler, e *store.Events, r search.Request) []event.Event {
	t.Helper()
	var out []event.Event
	result, err := e.Search(t.Context(), r, func(page []event.Event) (bool, error) {
		out = append(out, page...)
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if result.Total != int64(len(out)) {
		t.Fatal("total", result.Total, "is not the number of hits", len(out))
	}
	return out
}

// render formats diagnostics without the directory of their files.
func render(tb testing.TB, l diag.List) string {
	tb.Helper()
	for i := range l {
		l[i].File = filepath.Base(l[i].File)
	}
	var b strings.Builder
	if err := diag.Render(&b, l); err != nil {
		tb.Fatal(err)
	}
	return b.String()
}
