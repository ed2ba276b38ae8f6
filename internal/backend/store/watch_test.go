package store_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// TestWatch: the watcher is called with every byte that is read, its purpose, and the end.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	text := strings.Repeat(`{"@timestamp":"2026-01-15T12:00:00Z","a":1}`+"\n", 1000)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(text)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	plain, gz := filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "b.ndjson.gz")
	for name, content := range map[string][]byte{plain: []byte(text), gz: packed.Bytes()} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	type seen struct {
		What             string
		Size, Read, Ends int64
	}
	var mu sync.Mutex
	var all []*seen
	events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{plain, gz}, Watch: func(what string, size int64) (func(int64), func()) {
		one := &seen{What: what, Size: size}
		all = append(all, one)
		add := func(to *int64, n int64) { mu.Lock(); *to += n; mu.Unlock() }
		return func(n int64) { add(&one.Read, n) }, func() { add(&one.Ends, 1) }
	}})
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	defer func() { _ = events.Close() }()
	r := search.Request{Where: condition.Const(true), Time: search.TimeRange{Field: search.DefaultTimestamp}, FieldTypes: events.Fields()}
	if _, err := events.Search(t.Context(), r, func([]event.Event) (bool, error) { return true, nil }); err != nil {
		t.Fatal(err)
	}
	size, small := int64(len(text)), int64(packed.Len())
	lines := size - 1000 // without line ends, which are not reported
	want := []*seen{{"open", size, lines, 1}, {"unpack", small, small, 1}, {"open", size, lines, 1}, {"search", 2 * size, 2 * lines, 1}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}
