package query_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/translate"
)

// TestPipes wants pipes to let through what each of them takes of what the one before did, and the first to say when no
// more is wanted, never before.
func TestPipes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limits := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) translate.Limit {
			return translate.Limit{Last: rapid.Bool().Draw(rt, "last"), Count: rapid.IntRange(0, 6).Draw(rt, "count")}
		}), 0, 3).Draw(rt, "limits")
		n := rapid.IntRange(0, 12).Draw(rt, "hits")
		var all []string
		pipes := query.NewPipes(limits)
		more := true
		for i := range n {
			all = append(all, strconv.Itoa(i))
			if more {
				more = pipes.Add(query.Hit{Event: event.Event{ID: strconv.Itoa(i)}})
			}
			if enough := len(limits) > 0 && !limits[0].Last && i+1 >= limits[0].Count; enough == more && (len(limits) == 0 || limits[0].Count > 0) {
				rt.Errorf("behind %d of %v more are wanted: %t", i+1, limits, more)
			}
		}
		for _, l := range limits {
			if count := min(l.Count, len(all)); l.Last {
				all = all[len(all)-count:]
			} else {
				all = all[:count]
			}
		}
		var got []string
		for _, h := range pipes.Result() {
			got = append(got, h.Event.ID)
		}
		if len(all)+len(got) > 0 && !cmp.Equal(all, got) || pipes.None() != (len(limits) == 0) {
			rt.Errorf("%d hits through %v: %v, want %v", n, limits, got, all)
		}
	})
}

func TestSized(t *testing.T) {
	for _, tt := range []struct{ limits, want []translate.Limit }{
		{nil, []translate.Limit{{Last: true, Count: 7}}},
		{[]translate.Limit{{Count: 3}}, []translate.Limit{{Count: 7}, {Count: 3}}},
		{[]translate.Limit{{Last: true, Count: 3}, {Count: 1}}, []translate.Limit{{Last: true, Count: 7}, {Last: true, Count: 3}, {Count: 1}}},
	} {
		if diff := cmp.Diff(tt.want, query.Sized(tt.limits, 7)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.limits, diff)
		}
	}
}

// TestHitSize wants the bytes of all events that a hit holds.
func TestHitSize(t *testing.T) {
	e := func(n int) event.Event { return event.Event{Source: make([]byte, n)} }
	one, other := e(5), e(7)
	h := query.Hit{Event: e(1), Parents: []event.Event{e(2), e(3)}, Group: &query.Group{Events: []*event.Event{&one, nil, &other}}}
	if got := h.Size(); got != 18 {
		t.Errorf("%d bytes", got)
	}
	if got := h.Group.Present(); len(got) != 2 || len(got[1].Source) != 7 {
		t.Errorf("%d events", len(got))
	}
}

// TestPlaces wants what of the patterns is not read to be shown.
func TestPlaces(t *testing.T) {
	var e query.Explanation
	e.Places(search.Target{Missing: []string{"gone-*"}, Partly: []search.Unread{{Name: "half-*", Reason: "r"}}}, window.Window{})
	if diff := cmp.Diff([]string{"gone-*"}, e.Vacant); diff != "" || len(e.Partly) != 1 || e.Partly[0].Name != "half-*" || e.Partly[0].Reason != "r" || e.Unread != nil {
		t.Errorf("%+v", e)
	}
}
