//go:build integration

package elastic_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/ledger/lease"
)

func TestRealLeases(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	l, err := elastic.NewLeases(c, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-leases-"+p, "") })
	if s, err := l.Load(t.Context()); err != nil || s.Version != nil {
		t.Fatal("before the index is there:", s, err)
	}
	if err := l.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, second := lease.State{Epoch: 1}, lease.State{Epoch: 2}
	if err := l.Save(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(t.Context(), &second); !errors.Is(err, lease.ErrChanged) {
		t.Error("created twice:", err)
	}
	read, err := l.Load(t.Context())
	if err != nil || read.Epoch != 1 {
		t.Fatal(read, err)
	}
	first.Epoch = 3
	if err := l.Save(t.Context(), &first); err != nil {
		t.Error("over what was written:", err)
	}
	if err := l.Save(t.Context(), &read); !errors.Is(err, lease.ErrChanged) {
		t.Error("over what has changed:", err)
	}
}

// TestRealMembers: runners that join at the same time find each other.
func TestRealMembers(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	l, err := elastic.NewLeases(c, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-leases-"+p, "") })
	if err := l.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	var members []*lease.Member
	var joining sync.WaitGroup
	for _, id := range []string{"a", "b", "c"} {
		m := lease.New(l, lease.Options{ID: id, Period: time.Minute})
		members = append(members, m)
		joining.Go(func() {
			if err := m.Join(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	joining.Wait()
	for _, m := range members { // the next beat reports all changes
		if err := m.Join(t.Context()); err != nil || len(m.Runners()) != 3 {
			t.Error(m.Runners(), err)
		}
	}
	for _, key := range []string{"x", "y", "z"} {
		n := 0
		for _, m := range members {
			if m.Owns(key) {
				n++
			}
		}
		if n != 1 {
			t.Error(key, "has", n, "owners")
		}
	}
}
