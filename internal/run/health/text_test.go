package health_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/run/health"
)

// TestText: the text of a state is what one of those that find it has found last, whoever began it and whatever they find meanwhile.
func TestText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBoard(&health.Memory{}, &outbox{}, "a", false)
		now, last := start, map[string]string{}
		for turn := range rapid.IntRange(1, 60).Draw(t, "turns") {
			now = now.Add(time.Duration(rapid.IntRange(31, 90).Draw(t, "seconds")) * time.Second)
			h := rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "holder")
			var found []health.Finding
			if rapid.IntRange(0, 2).Draw(t, "found") > 0 {
				last[h] = fmt.Sprintf("%s in turn %d", h, turn)
				found = append(found, health.Finding{Kind: health.ShardsFailed, Subject: "logs-*", Text: last[h]})
			}
			b.Observe(h, []health.Kind{health.ShardsFailed}, found, now)
			if err := b.Sync(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			for _, s := range b.States() {
				if !slices.ContainsFunc(s.Rules, func(r string) bool { return last[r] == s.Text }) {
					t.Fatalf("the text is %q, found were last %v, by %v", s.Text, last, s.Rules)
				}
			}
		}
	})
}

// TestOtherVersion: states of kinds that only another version has are left as they are, and their numbers with them.
func TestOtherVersion(t *testing.T) {
	const theirs = `{"kind":"moon-full","subject":"moon","episode":7,"open":true,"since":"2026-03-02T07:00:00Z","text":"it is","phase":3}`
	store := &flaky{}
	write := func(_ []byte) ([]byte, error) { return []byte(`{"version":1,"records":[` + theirs + `]}`), nil }
	if err := store.Update(t.Context(), write); err != nil {
		t.Fatal(err)
	}
	b, now := newBoard(store, &outbox{}, "a", false), start
	for i := range 6 {
		now = now.Add(time.Minute)
		var found []health.Finding
		if i%3 > 0 {
			found = []health.Finding{{Kind: health.ShardsFailed, Subject: "logs-*", Text: "no"}}
		}
		b.Observe("r", []health.Kind{health.ShardsFailed}, found, now)
		store.down = i == 3
		if err := b.Sync(t.Context(), now); err != nil != store.down {
			t.Fatal(err)
		}
	}
	var kept struct{ Records []json.RawMessage }
	read := func(old []byte) ([]byte, error) { return nil, json.Unmarshal(old, &kept) }
	if err := store.Update(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	if len(kept.Records) != 2 || !slices.ContainsFunc(kept.Records, func(r json.RawMessage) bool { return string(r) == theirs }) {
		t.Errorf("%s", kept.Records)
	}
}

// TestGone: what only another runner has found ends when this one looks and does not find it, once the other has gone or is silent; not
// while the other is there, or may have come so lately that nobody knows it.
func TestGone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, out := &health.Memory{}, &outbox{}
		alive := rapid.Bool().Draw(t, "alive")
		first, kinds := newBoard(store, out, "first", false), []health.Kind{health.RoleIncomplete}
		second := health.New(health.Options{
			Store: store, Runner: "second", Live: func(id string) bool { return id == "second" || alive },
			Tell: func(_ context.Context, c []health.Change) error { return out.add(c...) },
		})
		sync := func(b *health.Board, now time.Time) {
			if err := b.Sync(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		first.Observe(first.Runner(), kinds, []health.Finding{{Kind: health.RoleIncomplete, Subject: "role", Text: "no"}}, start)
		sync(first, start)
		sync(second, start)
		for after := time.Duration(0); after < 5*time.Minute; {
			after += time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second
			second.Observe(second.Runner(), kinds, nil, start.Add(after))
			sync(second, start.Add(after))
			want := after <= 2*time.Minute && (alive || after <= 20*time.Second)
			if got := len(second.States()) == 1; got != want {
				t.Fatalf("after %s, alive %t: a state is there: %t", after, alive, got)
			}
		}
		if len(out.told) != 2 {
			t.Fatalf("told %v", out.told)
		}
	})
}
