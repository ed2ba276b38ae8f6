package sequence_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/match/sequence"
)

// drawn is an event of a generated stream: the steps that it fits, its second, its key.
type drawn struct {
	steps []int
	at    int64
	key   int64
}

// TestAgreesWithDefinition compares the streaming matcher with the definition, applied to the whole
// stream at once.
func TestAgreesWithDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		missing := []bool{false}
		for range rapid.IntRange(0, 3).Draw(t, "more steps") {
			missing = append(missing, rapid.IntRange(0, 3).Draw(t, "missing") == 0)
		}
		if rapid.IntRange(0, 3).Draw(t, "leading") == 0 {
			missing = append([]bool{true}, missing...)
		}
		span := rapid.Int64Range(1, 8).Draw(t, "span")
		stream := drawStream(t, len(missing))
		got := matched(t, missing, span, stream)
		if diff := gocmp.Diff(defined(missing, span, stream), got); diff != "" {
			t.Fatalf("missing %v, span %d, stream %v\n-definition +matcher:\n%s", missing, span, stream, diff)
		}
	})
}

func drawStream(t *rapid.T, steps int) []drawn {
	n := rapid.IntRange(0, 14).Draw(t, "events")
	stream := make([]drawn, n)
	at := int64(0)
	for i := range stream {
		at += rapid.Int64Range(0, 2).Draw(t, "gap")
		stream[i] = drawn{at: at, key: rapid.Int64Range(0, 1).Draw(t, "key")}
		for step := sequence.Until; step < steps; step++ {
			if rapid.IntRange(0, 4).Draw(t, "fits") == 0 && (step != sequence.Until || rapid.Bool().Draw(t, "until")) {
				stream[i].steps = append(stream[i].steps, step)
			}
		}
	}
	return stream
}

func matched(t *rapid.T, missing []bool, span int64, stream []drawn) []string {
	var out []string
	m := sequence.New(sequence.Spec{Missing: missing, MaxSpan: time.Duration(span)}, func(m sequence.Match[int]) bool {
		var names []string
		for _, e := range m.Events {
			if e != nil {
				names = append(names, strconv.Itoa(e.Ref))
			}
		}
		out = append(out, strings.Join(names, " "))
		return true
	})
	for i, e := range stream {
		var fits []sequence.Fit
		for _, step := range e.steps {
			fits = append(fits, sequence.Fit{Step: step, Keys: []sequence.Key{{sequence.Whole(e.key)}}})
		}
		if _, err := m.Add(sequence.Event[int]{Ordinal: sequence.Ordinal{Time: e.at}, Ref: i}, fits); err != nil {
			t.Fatal(err)
		}
	}
	m.Finish(math.MaxInt64)
	return out
}

// defined applies the rules of Elasticsearch's state machine with lists and loops: for each event
// and step the latest unused beginning before it; then the missing events.
func defined(missing []bool, span int64, stream []drawn) []string {
	var positive []int
	for step, isMissing := range missing {
		if !isMissing {
			positive = append(positive, step)
		}
	}
	type beginning struct{ events []int }
	open := map[string][]beginning{}
	var done []beginning
	for i, e := range stream {
		for stage, step := range slices.Backward(positive) {
			if !slices.Contains(e.steps, step) {
				continue
			}
			next := beginning{events: []int{i}}
			if stage > 0 {
				id := fmt.Sprint(stage-1, " ", e.key)
				list := open[id]
				at := -1
				for n, b := range list {
					if stream[b.events[len(b.events)-1]].at < e.at {
						at = n
					}
				}
				if at < 0 {
					continue
				}
				taken := list[at]
				open[id] = slices.Clone(list[at+1:])
				last := stream[taken.events[len(taken.events)-1]].at
				if e.at-stream[taken.events[0]].at > span || endedBetween(stream, e.key, last, e.at) {
					continue
				}
				next.events = append(slices.Clone(taken.events), i)
			}
			if stage == len(positive)-1 {
				done = append(done, next)
				continue
			}
			id := fmt.Sprint(stage, " ", e.key)
			open[id] = append(open[id], next)
		}
	}
	done = slices.DeleteFunc(done, func(b beginning) bool { return spoiled(missing, positive, span, stream, b.events) })
	slices.SortStableFunc(done, func(a, b beginning) int {
		x, y := a.events, b.events
		return cmp.Or(cmp.Compare(stream[x[len(x)-1]].at, stream[y[len(y)-1]].at), cmp.Compare(stream[x[0]].at, stream[y[0]].at),
			cmp.Compare(stream[x[0]].key, stream[y[0]].key))
	})
	var out []string
	for _, b := range done {
		out = append(out, strings.Trim(fmt.Sprint(b.events), "[]"))
	}
	return out
}

// endedBetween: the nearest until before the event is not before the sequence's last event.
func endedBetween(stream []drawn, key, last, at int64) bool {
	nearest := int64(-1)
	for _, e := range stream {
		if e.key == key && slices.Contains(e.steps, sequence.Until) && e.at < at {
			nearest = e.at
		}
	}
	return nearest >= 0 && last <= nearest
}

func spoiled(missing []bool, positive []int, span int64, stream []drawn, events []int) bool {
	key, first, last := stream[events[0]].key, stream[events[0]].at, stream[events[len(events)-1]].at
	before, after := int64(math.MinInt64), int64(math.MaxInt64)
	for step, isMissing := range missing {
		if !isMissing {
			continue
		}
		gap, _ := slices.BinarySearch(positive, step)
		for _, e := range stream {
			switch {
			case e.key != key || !slices.Contains(e.steps, step):
			case gap == 0 && e.at < first:
				before = max(before, e.at)
			case gap == len(positive) && e.at > last:
				after = min(after, e.at)
			case gap > 0 && gap < len(positive) && e.at > stream[events[gap-1]].at && e.at < stream[events[gap]].at:
				return true
			}
		}
	}
	leading, trailing := missing[0], missing[len(missing)-1]
	switch {
	case leading && trailing:
		return before != math.MinInt64 && after != math.MaxInt64 && after-before <= span
	case leading:
		return before != math.MinInt64 && last-before <= span
	case trailing:
		return after != math.MaxInt64 && after-first <= span
	}
	return false
}
