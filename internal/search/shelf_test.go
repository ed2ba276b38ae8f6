package search_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// shelved holds some events by index and id. It counts the requests.
type shelved struct {
	search.Events
	by    map[search.Ref]event.Event
	asked int
	err   error
}

func (s *shelved) Documents(_ context.Context, refs []search.Ref) (map[search.Ref]event.Event, error) {
	s.asked += len(refs)
	found := map[search.Ref]event.Event{}
	for _, r := range refs {
		if e, ok := s.by[r]; ok {
			found[r] = e
		}
	}
	return found, s.err
}

// TestShelf: whatever the sizes of events, all kept events are whole again, in order, except events that no
// longer exist, which are reported; no more bytes are held than the room has, and released events free their
// room.
func TestShelf(t *testing.T) {
	const room = 32 << 20
	rapid.Check(t, func(rt *rapid.T) {
		place := &shelved{by: map[search.Ref]event.Event{}}
		var shared search.Room
		shelf := search.NewShelf(place, &shared)
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{10, 1000, 9 << 20, 20 << 20, 40 << 20}), 0, 8).Draw(rt, "sizes")
		var events []event.Event
		var kept []*event.Event
		held := 0
		for i, size := range sizes {
			e := event.Event{Index: "logs", ID: strconv.Itoa(i), Source: json.RawMessage(`"` + strings.Repeat("x", size) + `"`), Fields: map[string][]any{"n": {i}}}
			if size > 1000 && rapid.IntRange(0, 9).Draw(rt, "placeless") == 0 {
				e.Index, e.Source = "", json.RawMessage(`"y"`) // an event without an index
			}
			place.by[e.Ref()] = e
			events, kept = append(events, e), append(kept, shelf.Keep(e))
			held += len(kept[i].Source)
		}
		if held > room {
			rt.Fatalf("%d bytes are held", held)
		}
		got, err := shelf.Whole(t.Context(), kept)
		if err != nil || cmp.Diff(events, got, cmpopts.EquateEmpty(), cmp.Comparer(func(a, b json.RawMessage) bool { return string(a) == string(b) })) != "" {
			rt.Fatalf("%d events, %v", len(got), err)
		}
		clear(place.by)
		got, err = shelf.Whole(t.Context(), kept)
		for i := range got {
			if search.Away(&got[i]) != search.Away(kept[i]) || err != nil {
				rt.Fatalf("event %d of what is gone: %v", i, err)
			}
		}
		runtime.KeepAlive(kept)
	})
}

// TestShelfMakesRoom: events that are garbage take no room.
func TestShelfMakesRoom(t *testing.T) {
	place := &shelved{by: map[search.Ref]event.Event{}, err: errors.New("it is down")}
	var shared search.Room
	shelf := search.NewShelf(place, &shared)
	big := event.Event{Index: "logs", ID: "1", Source: json.RawMessage(strings.Repeat("x", 20<<20))}
	first := shelf.Keep(big)
	second := shelf.Keep(big)
	if search.Away(first) || !search.Away(second) {
		t.Fatal("the first is kept whole, the second not")
	}
	if _, err := shelf.Whole(t.Context(), []*event.Event{first, second}); err == nil {
		t.Error("what cannot be read is an error")
	}
	runtime.KeepAlive(first)
	for range 100 {
		runtime.GC()
		if third := shelf.Keep(big); !search.Away(third) {
			return
		}
		runtime.Gosched()
	}
	t.Error("there is no room although nobody holds anything")
}
