package health_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/run/health"
)

// TestAside: whenever the store does not answer, and whenever the runner is restarted, each begin that was told has an end that is told
// after it, once, when nothing is wrong any more; and nothing is left beside the store.
func TestAside(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		store, out := &flaky{}, &outbox{}
		aside := &health.File{Path: filepath.Join(dir, fmt.Sprint("states-", n))}
		process := 0
		var b *health.Board
		restart := func() {
			process++
			me := fmt.Sprint("runner", process)
			b = health.New(health.Options{
				Store: store, Aside: aside, Runner: me, Live: func(id string) bool { return id == me },
				Tell:   func(_ context.Context, c []health.Change) error { return out.add(c...) },
				Urgent: func(_ context.Context, c health.Change) bool { return out.add(c) == nil },
			})
			if err := b.Recall(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		restart()
		now := start
		kinds := []health.Kind{health.Refused, health.LeaseLost}
		turn := func(wrong []health.Finding) {
			now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
			b.Observe(b.Runner(), kinds, wrong, now)
			err := b.Sync(t.Context(), now)
			if (err != nil) != (store.down || out.down) && !out.down {
				t.Fatalf("down %t: %v", store.down, err)
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "turns") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				restart()
			case 1, 2:
				store.down = !store.down
			case 3:
				out.down = !out.down
			}
			var wrong []health.Finding
			for _, k := range kinds {
				if rapid.IntRange(0, 2).Draw(t, string(k)) > 0 {
					wrong = append(wrong, health.Finding{Kind: k, Subject: "it", Text: "no"})
				}
			}
			turn(wrong)
		}
		store.down, out.down = false, false
		for range 20 {
			turn(nil)
		}
		if states := b.States(); len(states) > 0 {
			t.Fatalf("still there: %+v", states)
		}
		open := map[string]bool{}
		for _, key := range out.told {
			of, ended := strings.CutSuffix(key, "/recovered")
			of = strings.TrimSuffix(of, "/raised")
			if ended != open[of] {
				t.Fatalf("%s at the wrong time: %v", key, out.told)
			}
			open[of] = !ended
		}
		for of, is := range open {
			if is {
				t.Fatalf("the end of %s was not told: %v", of, out.told)
			}
		}
		if left, err := os.ReadFile(aside.Path); err != nil || strings.Contains(string(left), "kind") {
			t.Fatalf("left beside the store: %s, %v", left, err)
		}
	})
}

// TestFile: a file that cannot be read or written is an error, and nothing that was there is lost.
func TestFile(t *testing.T) {
	f := &health.File{Path: filepath.Join(t.TempDir(), "states")}
	write := func(text string) error {
		return f.Update(t.Context(), func([]byte) ([]byte, error) { return []byte(text), nil })
	}
	if err := write("one"); err != nil {
		t.Fatal(err)
	}
	if err := f.Update(t.Context(), func([]byte) ([]byte, error) { return nil, errDown }); err == nil {
		t.Error("the error of the change is lost")
	}
	if text, err := os.ReadFile(f.Path); err != nil || string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}
	if err := (&health.File{Path: filepath.Join(f.Path, "below")}).Update(t.Context(), func([]byte) ([]byte, error) { return nil, nil }); err == nil {
		t.Error("a file below a file can be read")
	}
	missing := &health.File{Path: filepath.Join(filepath.Dir(f.Path), "none", "states")}
	if err := missing.Update(t.Context(), func([]byte) ([]byte, error) { return []byte("x"), nil }); err == nil {
		t.Error("a file in no directory can be written")
	}
	b := health.New(health.Options{Store: &health.Memory{}, Aside: f, Runner: "r"})
	if err := b.Recall(t.Context()); err == nil {
		t.Error("a damaged file is taken over")
	}
}
