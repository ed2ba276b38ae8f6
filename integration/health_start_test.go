//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStartSecured: the faults of TestFaultsSecured, there already when the service starts, and begun before it is started again. It waits
// or runs, says in one clear line why, at /readyz, as a metric and in a notice, and starts or works by itself when the fault ends.
// TOCSIN_SECURED_FAULTS is the number of faults that are tried in the second way, or all, which are tried in both.
func TestStartSecured(t *testing.T) {
	t.Parallel()
	all := securedFaults()
	whole := os.Getenv("TOCSIN_SECURED_FAULTS") == "all"
	if !whole {
		n := sizeOf(t, "TOCSIN_SECURED_FAULTS", 1)
		all = slices.DeleteFunc(all, func(f securedFault) bool { return f.kind == "role-incomplete" || f.kind == "" })
		some := rand.New(rand.NewPCG(2, 0))
		some.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:min(n, len(all))]
	}
	places := make(chan struct{}, atATime)
	for _, f := range all {
		for _, again := range []bool{false, true} {
			if again && f.kind == "" || !again && !whole {
				continue // what was read before is not known any more; a sample is of the more difficult way
			}
			t.Run(fmt.Sprintf("%s/again %t", f.name, again), func(t *testing.T) {
				t.Parallel()
				places <- struct{}{}
				defer func() { <-places }()
				s := newSecured(t, f.user || !f.key && rand.IntN(2) == 0)
				kept := t.TempDir()
				stop, stopEvents := s.start(t, "--state-dir", kept), s.feed(t)
				defer stopEvents()
				s.running(t)
				if f.kind == "" {
					stop()
					s.startBroken(t, f)
					return
				}
				s.settle(f)
				line, notice := s.mark()
				if again {
					f.begin(t, s)
					s.until(t, "the state before", startsWithin(f), func() bool { return len(s.states("state", line)) > 0 })
				}
				stop()
				if !again {
					f.begin(t, s)
				}
				line, _ = s.mark()
				stop = s.start(t, "--start-timeout", "1h", "--state-dir", kept)
				defer stop()
				s.tryStart(t, f, line, notice)
				s.running(t)
				s.whole(t)
			})
		}
	}
}

func startsWithin(f securedFault) time.Duration {
	if f.kind == "role-incomplete" {
		return 2 * time.Minute // it is looked at every 30 s, and takes its time on a busy machine
	}
	return toldWithin
}

// startBroken starts a service with a broken file, which is a mistake of the configuration.
func (s *secured) startBroken(t *testing.T, f securedFault) {
	t.Helper()
	f.begin(t, s)
	line, _ := s.mark()
	s.start(t, "--start-timeout", "1h")
	s.until(t, "the line about the file", toldWithin, func() bool {
		said := s.said(line)
		return slices.ContainsFunc(said, func(l string) bool { return strings.HasPrefix(l, "runner: ") && strings.Contains(l, s.dir) })
	})
}

// said returns what the service has written to its log from a line on.
func (s *secured) said(from int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all[from:])
}

// left returns the notices of states whose end was not told.
func left(notices []string) []string {
	return slices.DeleteFunc(slices.Clone(notices), func(key string) bool {
		of, raised := strings.CutSuffix(key, "/raised")
		return !raised || slices.Contains(notices, of+"/recovered")
	})
}

// tryStart checks what is said of a fault from a start on, and ends it.
func (s *secured) tryStart(t *testing.T, f securedFault, line, notice int) {
	t.Helper()
	begun := time.Now()
	s.until(t, "the state", startsWithin(f), func() bool { return len(s.states("state", line)) > 0 })
	told := s.states("state", line)[0]
	t.Logf("told after %s: %+v", time.Since(begun).Round(100*time.Millisecond), told)
	if told.Kind != f.kind && told.Kind != "not-started" {
		t.Errorf("told as %+v, want %s or not-started", told, f.kind)
	}
	for _, part := range f.says {
		said := strings.ReplaceAll(told.Text, "the user has no right", "is unauthorized") + " " + told.Advice
		if part = strings.ReplaceAll(part, "EVENTS", s.n.Prefix); !strings.Contains(said, part) {
			t.Errorf("the line does not say %q: %+v", part, told)
		}
	}
	raised := "state/" + told.Kind + "/" + told.Subject + "/"
	s.until(t, "the notice", toldWithin, func() bool {
		return slices.ContainsFunc(s.notices(notice), func(key string) bool { return strings.HasPrefix(key, raised) && strings.HasSuffix(key, "/raised") })
	})
	s.until(t, "the metric", toldWithin, func() bool { return s.standing(t, told.Kind) == "1" })
	if ready := s.ask(t, "/readyz"); !strings.Contains(ready, told.Kind+" ") || told.Kind == "not-started" && !strings.HasPrefix(ready, "not ready") {
		t.Errorf("/readyz does not show %s: %s", told.Kind, ready)
	}
	time.Sleep(3 * securedSlot)
	f.end(t, s)
	s.until(t, "the end of the state", startsWithin(f), func() bool {
		return slices.ContainsFunc(s.states("state ended", line), func(l securedLine) bool { return l.Kind == told.Kind && l.Subject == told.Subject })
	})
	s.running(t)
	s.until(t, "the notices of all ends", toldWithin, func() bool { return len(left(s.notices(notice))) == 0 })
	time.Sleep(3 * securedSlot)
	ended := map[string]bool{}
	for _, key := range s.notices(notice) {
		of, end := strings.CutSuffix(key, "/recovered")
		of = strings.TrimSuffix(of, "/raised")
		if was, told := ended[of]; told == !end || was {
			t.Errorf("%s comes at the wrong time: %v", key, s.notices(notice))
		}
		ended[of] = end
		if kind := strings.Split(key, "/")[1]; kind != f.kind && kind != "not-started" {
			t.Errorf("neither the fault nor the start: %s", key)
		}
	}
	for _, kind := range []string{f.kind, "not-started"} {
		if n := s.standing(t, kind); n != "0" {
			t.Errorf("in the end, %s states of the kind %s", n, kind)
		}
	}
	if loud := s.loud(line); len(loud) > 2+mostLoud {
		t.Errorf("%d warnings and errors:\n%s", len(loud), strings.Join(loud, "\n"))
	}
}
