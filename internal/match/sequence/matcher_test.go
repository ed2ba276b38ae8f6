package sequence_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/sequence"
)

// play runs a stream written as words such as A1 or AB2:x through a matcher: the letters are the
// steps that the event fits (U is until), the number its time in seconds, the word behind the colon
// its keys, separated by commas. Results are written as A1-B2, missing events as a dash.
func play(t *testing.T, spec sequence.Spec, steps, stream string, horizon int64) (results []string, undecided int) {
	t.Helper()
	m := sequence.New(spec, func(m sequence.Match[string]) bool {
		var names []string
		for _, e := range m.Events {
			if e == nil {
				names = append(names, "-")
				continue
			}
			names = append(names, e.Ref)
		}
		results = append(results, strings.Join(names, " "))
		return true
	})
	for word := range strings.FieldsSeq(stream) {
		e, fits := parseEvent(t, steps, word)
		if more, err := m.Add(e, fits); err != nil || !more {
			t.Fatalf("%s: %t, %v", word, more, err)
		}
	}
	return results, m.Finish(horizon)
}

func parseEvent(t *testing.T, steps, word string) (sequence.Event[string], []sequence.Fit) {
	t.Helper()
	name, keys, _ := strings.Cut(word, ":")
	letters := strings.TrimRight(name, "0123456789.")
	var seconds float64
	if _, err := fmt.Sscanf(name[len(letters):], "%f", &seconds); err != nil {
		t.Fatal(err)
	}
	var list []sequence.Key
	for key := range strings.SplitSeq(keys, ",") {
		list = append(list, sequence.Key{sequence.Text(key)})
	}
	var fits []sequence.Fit
	for _, letter := range letters {
		if letter == 'U' {
			fits = append(fits, sequence.Fit{Step: sequence.Until, Keys: list})
			continue
		}
		for i, step := range steps {
			if step == letter {
				fits = append(fits, sequence.Fit{Step: i, Keys: list})
			}
		}
	}
	return sequence.Event[string]{Ordinal: sequence.Ordinal{Time: int64(seconds * float64(time.Second))}, Ref: name}, fits
}

func TestSequences(t *testing.T) {
	const never = math.MaxInt64
	ab := sequence.Spec{Missing: []bool{false, false}}
	abc := sequence.Spec{Missing: []bool{false, false, false}}
	within := func(span time.Duration, missing ...bool) sequence.Spec {
		return sequence.Spec{Missing: missing, MaxSpan: span}
	}
	tests := []struct {
		name   string
		spec   sequence.Spec
		steps  string
		stream string
		want   []string
	}{
		{"one after the other", ab, "AB", "A1 B2 A3 B4", []string{"A1 B2", "A3 B4"}},
		{"the newest overwrites", ab, "AB", "A1 A2 B3 B4", []string{"A2 B3"}},
		{"wrong order", ab, "AB", "B1 A2", nil},
		{"the same time is no order", ab, "AB", "A1 B1", nil},
		{"an older one serves where the newest is of the same time", ab, "AB", "A1 A2 B2 B3", []string{"A1 B2", "A2 B3"}},
		{"overlap in different stages", abc, "ABC", "A1 B2 A3 C4 B5 C6", []string{"A1 B2 C4", "A3 B5 C6"}},
		{"a later start does not disturb", abc, "ABC", "A1 B1.5 A2 C3", []string{"A1 B1.5 C3"}},
		{"an event ends one and begins the next", ab, "AA", "A1 A2 A3", []string{"A1 A2", "A2 A3"}},
		{"one event fits two steps", ab, "AB", "AB1 AB2", []string{"AB1 AB2"}},
		{"keys", ab, "AB", "A1:x A2:y B3:x B4:z B5:y", []string{"A1 B3", "A2 B5"}},
		{"several keys", ab, "AB", "A1:x,y B2:y B3:x", []string{"A1 B2", "A1 B3"}},
		{"order by first event, then key", ab, "AB", "A1:y A2:x B3:x,y", []string{"A1 B3", "A2 B3"}},
		{"until", ab, "AB", "A1 U2 B3 A4 B5", []string{"A4 B5"}},
		{"until of another key", ab, "AB", "A1:x U2:y B3:x", []string{"A1 B3"}},
		{"until at the last event's time spares it", ab, "AB", "A1 U2 B2", []string{"A1 B2"}},
		{"until at the first event's time ends it", ab, "AB", "A1 U1 B2", nil},
		{"until that is the next step", ab, "AB", "A1 BU2", []string{"A1 BU2"}},
		{"within the span", within(2*time.Second, false, false), "AB", "A1 B3", []string{"A1 B3"}},
		{"beyond the span", within(2*time.Second, false, false), "AB", "A1 B3.1 B3.2", nil},
		{"the span counts from the first", within(2*time.Second, false, false, false), "ABC", "A1 B2 C3.5", nil},

		{"nothing between", within(9*time.Second, false, true, false), "AMB", "A1 B3", []string{"A1 - B3"}},
		{"something between", within(9*time.Second, false, true, false), "AMB", "A1 M2 B3", nil},
		{"at the edges is not between", within(9*time.Second, false, true, false), "AMB", "A1 M1 M3 B3", []string{"A1 - B3"}},
		{"between of another key", within(9*time.Second, false, true, false), "AMB", "A1:x M2:y B3:x", []string{"A1 - B3"}},
		{"no other candidate is tried", within(9*time.Second, false, true, false), "AMB", "A1 M2 B3 B4", nil},
		{"nothing before", within(2*time.Second, true, false, false), "MAB", "M0 A2 B3", []string{"- A2 B3"}},
		{"too soon before", within(2*time.Second, true, false, false), "MAB", "M1 A2 B3", nil},
		{"nothing after", within(2*time.Second, false, false, true), "ABM", "A1 B2 M4", []string{"A1 B2 -"}},
		{"too soon after", within(2*time.Second, false, false, true), "ABM", "A1 B2 M3", nil},
		{"at the last event's time is not after", within(2*time.Second, false, false, true), "ABM", "A1 B2 M2", []string{"A1 B2 -"}},
		{"neither side, far apart", within(2*time.Second, true, false, true), "MAN", "M1 A2 N3.5", []string{"- A2 -"}},
		{"neither side, close", within(2*time.Second, true, false, true), "MAN", "M1 A2 N3", nil},
		{"only before", within(2*time.Second, true, false, true), "MAN", "M1 A2", []string{"- A2 -"}},
		{"only after", within(2*time.Second, true, false, true), "MAN", "A2 N3", []string{"- A2 -"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, undecided := play(t, tt.spec, tt.steps, tt.stream, never)
			if diff := cmp.Diff(tt.want, got); diff != "" || undecided != 0 {
				t.Errorf("%d undecided, -want +got:\n%s", undecided, diff)
			}
		})
	}
}

func TestHorizon(t *testing.T) {
	spec := sequence.Spec{Missing: []bool{false, true}, MaxSpan: 2 * time.Second}
	second := func(n float64) int64 { return int64(n * float64(time.Second)) }
	tests := []struct {
		name      string
		stream    string
		horizon   int64
		want      []string
		undecided int
	}{
		{"the wait is over", "A1", second(3.1), []string{"A1 -"}, 0},
		{"an event at its very end could still come", "A1", second(3), nil, 1},
		{"one is decided, one is not", "A1 A2", second(3.5), []string{"A1 -"}, 1},
		{"spoiled ones do not wait", "A1 M2", second(1), nil, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, undecided := play(t, spec, "AM", tt.stream, tt.horizon)
			if diff := cmp.Diff(tt.want, got); diff != "" || undecided != tt.undecided {
				t.Errorf("%d undecided, -want +got:\n%s", undecided, diff)
			}
		})
	}
}

func TestEnd(t *testing.T) {
	calls := 0
	m := sequence.New(sequence.Spec{Missing: []bool{false, false}}, func(sequence.Match[string]) bool {
		calls++
		return false
	})
	more := true
	for word := range strings.FieldsSeq("A1 B2 A3 B4 A5") {
		e, fits := parseEvent(t, "AB", word)
		var err error
		if more, err = m.Add(e, fits); err != nil {
			t.Fatal(err)
		}
	}
	if m.Finish(math.MaxInt64); more || calls != 1 {
		t.Errorf("%d sequences after the end, more = %t", calls, more)
	}
}

func TestLimit(t *testing.T) {
	m := sequence.New(sequence.Spec{Missing: []bool{false, false}, Limit: 10_000}, func(sequence.Match[int]) bool { return true })
	for i := range 20_000 {
		key := sequence.Key{sequence.Whole(int64(i))}
		_, err := m.Add(sequence.Event[int]{Ordinal: sequence.Ordinal{Time: int64(i)}, Ref: i}, []sequence.Fit{{Step: 0, Keys: []sequence.Key{key}}})
		if errors.Is(err, sequence.ErrTooMany) {
			if i < 10_000 {
				t.Errorf("refused after %d", i)
			}
			return
		}
	}
	t.Error("no limit")
}

func TestTiebreaker(t *testing.T) {
	var got []string
	m := sequence.New(sequence.Spec{Missing: []bool{false, false}}, func(m sequence.Match[string]) bool {
		got = append(got, m.Events[0].Ref+m.Events[1].Ref)
		return true
	})
	for i, e := range []struct {
		name string
		step int
		tie  sequence.Value
	}{{"a", 0, sequence.Whole(1)}, {"b", 1, sequence.Whole(2)}, {"c", 0, sequence.Whole(3)}, {"d", 1, sequence.Value{}}} {
		_, err := m.Add(sequence.Event[string]{Ordinal: sequence.Ordinal{Time: 7, Tiebreaker: e.tie}, Ref: e.name}, []sequence.Fit{{Step: e.step, Keys: []sequence.Key{{}}}})
		if err != nil {
			t.Fatal(i, err)
		}
	}
	m.Finish(math.MaxInt64)
	if diff := cmp.Diff([]string{"ab", "cd"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestProduct(t *testing.T) {
	one, two, null := sequence.Whole(1), sequence.Text("1"), sequence.Value{}
	tests := []struct {
		name     string
		columns  [][]sequence.Value
		optional []bool
		want     int
	}{
		{"no key", nil, nil, 1},
		{"one", [][]sequence.Value{{one}}, []bool{false}, 1},
		{"types differ", [][]sequence.Value{{one, two, one}}, []bool{false}, 2},
		{"all combinations", [][]sequence.Value{{one, two}, {one, two, null}}, []bool{false, false}, 6},
		{"missing", [][]sequence.Value{{one}, nil}, []bool{false, false}, 0},
		{"missing and optional", [][]sequence.Value{{one}, nil}, []bool{false, true}, 1},
	}
	for _, tt := range tests {
		if got := sequence.Product(tt.columns, tt.optional); len(got) != tt.want {
			t.Errorf("%s: %d keys, want %d", tt.name, len(got), tt.want)
		}
	}
}

func TestSamples(t *testing.T) {
	s := sequence.NewSampler[string](2, 2, 0)
	for word := range strings.FieldsSeq("A1:x B2:x A3:y AB4:x AB5:z A6:w B7:w B8:w") {
		e, fits := parseEvent(t, "AB", word)
		if err := s.Add(e, fits); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, m := range s.Samples(func(a, b string) bool { return a == b }) {
		got = append(got, m.Key[0].String()+": "+m.Events[0].Ref+" "+m.Events[1].Ref)
	}
	want := []string{"w: A6 B7", "w: A6 B8", "x: A1 B2", "x: A1 AB4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
