package suppress_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert/suppress"
)

// at returns a time some seconds after the beginning.
func at(second int) time.Time { return time.UnixMilli(int64(second) * 1000) }

// hit returns a hit of a group at a second; its id is its identity.
func hit(group, id string, second int) suppress.Hit[string] {
	return suppress.Hit[string]{Group: group, ID: id, At: at(second), Of: func() string { return id }}
}

// stored holds alerts by group, as one run leaves them for the next.
type stored map[string][]suppress.Alert

// run folds hits, with room for some new alerts, and writes the changes. It returns the first
// letters of the verdicts.
func (s stored) run(duration time.Duration, room int, hits ...suppress.Hit[string]) string {
	f := suppress.New[string](duration)
	var verdicts strings.Builder
	for _, h := range hits {
		if !f.Knows(h.Group) {
			f.AddStored(h.Group, s[h.Group]...)
		}
		verdicts.WriteByte("kfNx"[f.Add(h, f.Founded() < room)])
	}
	for _, c := range f.Changes() {
		s.apply(c)
	}
	return verdicts.String()
}

func (s stored) apply(c *suppress.Change[string]) {
	if c.New {
		a := c.Made()
		if a.ID != c.Founder {
			panic("the founder is not the one that the alert is named after")
		}
		s[c.Group] = append(s[c.Group], a)
		return
	}
	for i, a := range s[c.Group] {
		if a.ID == c.ID {
			s[c.Group][i], _ = c.On(a)
		}
	}
}

// text writes the alerts of a group: founder, start, end, count.
func (s stored) text(group string) string {
	var out []string
	for _, a := range s[group] {
		out = append(out, fmt.Sprintf("%s %d-%d +%d", a.ID, a.Start/1000, a.End/1000, a.Count))
	}
	return strings.Join(out, ", ")
}

func TestFold(t *testing.T) {
	type step struct {
		hits     []suppress.Hit[string]
		verdicts string
	}
	hits := func(list ...suppress.Hit[string]) []suppress.Hit[string] { return list }
	a := func(id string, second int) suppress.Hit[string] { return hit("a", id, second) }
	tests := []struct {
		name     string
		duration time.Duration
		steps    []step
		want     string
	}{
		{"one run", 0, []step{{hits(a("1", 1), a("2", 2), a("3", 9)), "Nff"}}, "1 1-9 +2"},
		{"the next run", 0, []step{{hits(a("1", 1), a("2", 2)), "Nf"}, {hits(a("2", 2), a("3", 3), a("4", 4)), "kNf"}}, "1 1-2 +1, 3 3-4 +1"},
		{"the run again", 0, []step{{hits(a("1", 1), a("2", 2)), "Nf"}, {hits(a("1", 1), a("2", 2)), "kk"}}, "1 1-2 +1"},
		{"a late event in the run again", 0, []step{{hits(a("1", 1), a("3", 3)), "Nf"}, {hits(a("1", 1), a("2", 2), a("3", 3)), "kNk"}}, "1 1-3 +1, 2 2-2 +0"},
		{"any order in a run", 0, []step{{hits(a("3", 3), a("1", 1), a("2", 2)), "Nff"}}, "1 1-3 +2"},
		{"one hit twice", 0, []step{{hits(a("1", 1), a("1", 1), a("2", 2), a("2", 2)), "Nkfk"}}, "1 1-2 +1"},
		{"within the time", 10 * time.Second, []step{{hits(a("1", 1)), "N"}, {hits(a("2", 10)), "f"}}, "1 1-10 +1"},
		{"at the end of the time", 10 * time.Second, []step{{hits(a("1", 1)), "N"}, {hits(a("2", 11)), "N"}}, "1 1-1 +0, 2 11-11 +0"},
		{"both in one run", 10 * time.Second, []step{{hits(a("1", 1), a("2", 10), a("3", 11), a("4", 12)), "NfNf"}}, "1 1-10 +1, 3 11-12 +1"},
		{"late, within the time", 10 * time.Second, []step{{hits(a("1", 1), a("3", 5)), "Nf"}, {hits(a("1", 1), a("2", 3), a("3", 5)), "kfk"}}, "1 1-5 +2"},
		{"late, before all", 10 * time.Second, []step{{hits(a("2", 5)), "N"}, {hits(a("1", 1), a("2", 5)), "Nk"}, {hits(a("1", 1), a("2", 5), a("3", 12)), "kkf"}}, "2 5-12 +1, 1 1-1 +0"},
		{"out of order, fits", 10 * time.Second, []step{{hits(a("2", 5), a("1", 1), a("3", 12)), "NfN"}}, "1 1-5 +1, 3 12-12 +0"},
		{"out of order, does not fit", 10 * time.Second, []step{{hits(a("2", 5), a("3", 14), a("1", 1)), "NfN"}}, "2 5-14 +1, 1 1-1 +0"},
		{"what has begun comes first", 10 * time.Second, []step{{hits(a("1", 1)), "N"}, {hits(a("3", 12), a("2", 8)), "Nf"}}, "1 1-8 +1, 3 12-12 +0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := stored{}
			for i, step := range test.steps {
				if got := s.run(test.duration, 100, step.hits...); got != step.verdicts {
					t.Errorf("step %d: %s, want %s", i, got, step.verdicts)
				}
			}
			if diff := cmp.Diff(test.want, s.text("a")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGroupsAndRoom(t *testing.T) {
	s := stored{}
	got := s.run(time.Minute, 2, hit("a", "1", 1), hit("b", "2", 1), hit("c", "3", 1), hit("a", "4", 2), hit("c", "5", 2), hit("b", "2", 1))
	if got != "NNxfxk" {
		t.Errorf("verdicts %s", got)
	}
	if got := s.run(time.Minute, 2, hit("a", "1", 1), hit("c", "3", 1), hit("c", "5", 2)); got != "kNf" {
		t.Errorf("verdicts of the next run %s", got)
	}
	if diff := cmp.Diff("1 1-2 +1|2 1-1 +0|3 1-2 +1", s.text("a")+"|"+s.text("b")+"|"+s.text("c")); diff != "" {
		t.Error(diff)
	}
}

// TestClosed: a closed alert takes no more hits, but remembers the hits that it has taken.
func TestClosed(t *testing.T) {
	s := stored{}
	s.run(time.Minute, 9, hit("a", "1", 1), hit("a", "2", 2))
	s["a"][0].Closed = true
	if got := s.run(time.Minute, 9, hit("a", "1", 1), hit("a", "2", 2), hit("a", "3", 3), hit("a", "4", 4)); got != "kkNf" {
		t.Errorf("verdicts %s", got)
	}
	if diff := cmp.Diff("1 1-2 +1, 3 3-4 +1", s.text("a")); diff != "" {
		t.Error(diff)
	}
}

func TestAlone(t *testing.T) {
	s := stored{"a": {suppress.Alone("1", "", "", at(1))}}
	if got := s.run(time.Minute, 9, hit("a", "1", 1), hit("a", "2", 2), hit("a", "1", 1)); got != "kNk" {
		t.Errorf("verdicts %s", got)
	}
}

// TestTwoRunners: the second writer adds only hits that the first has not counted.
func TestTwoRunners(t *testing.T) {
	s := stored{}
	s.run(time.Minute, 9, hit("a", "1", 1))
	run := func(hits ...suppress.Hit[string]) *suppress.Change[string] {
		f := suppress.New[string](time.Minute)
		f.AddStored("a", s["a"]...)
		for _, h := range hits {
			f.Add(h, true)
		}
		return f.Changes()[0]
	}
	one, two := run(hit("a", "2", 2), hit("a", "3", 3)), run(hit("a", "3", 3), hit("a", "4", 9))
	s.apply(one)
	after, n := two.On(s["a"][0])
	if n != 1 || after.Count != 3 || after.End != 9000 || after.ID != "1" {
		t.Errorf("%d new, %+v", n, after)
	}
	if _, n := two.On(after); n != 0 {
		t.Errorf("%d new the second time", n)
	}
}
