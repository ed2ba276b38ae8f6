package service_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/ledger"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
)

// alone is a rule that needs a search of its own.
func alone(r *rule.Rule) {
	r.Type, r.Language, r.Index = rule.TypeESQL, rule.ESQL, nil
	r.Query = diag.NewText("query", `from logs-* metadata _id, _index, _version | where a == 1`)
}

// start is when a slot was run.
type start struct {
	rule        string
	slot, begun time.Time
}

// starts runs rules for a while. It returns when the slots that came during it were run, and what the catch-up ran.
func starts(t *testing.T, d time.Duration, o service.Options, rules ...*service.Rule) (live []start, behind []pipeline.Job) {
	t.Helper()
	store := ledger.NewMemory()
	first := begin(t, store, rules...)
	var mu sync.Mutex
	s := newStage(t, store, func(job pipeline.Job, _ *pipeline.Execution) {
		r := job.Plan.Rule()
		if job.Slot.After(first) { // the catch-up has the earlier ones
			mu.Lock()
			live = append(live, start{r.ID, job.Slot, time.Now()})
			mu.Unlock()
		}
		if diff := cmp.Diff(r.Window(job.Slot), job.Window); diff != "" {
			t.Errorf("window of %s at %s (-want +got):\n%s", r.ID, job.Slot, diff)
		}
	}, o, rules...)
	s.play(t, d)
	return live, s.behind
}

// TestSpread runs generated rules: every slot is run once and live, before the next one, each rule always equally long
// after its slot, also after a restart and by another runner; only rules that search alone wait.
func TestSpread(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		settle := time.Duration(rapid.IntRange(0, 10).Draw(rt, "settle")) * time.Second
		spacing := time.Duration(rapid.IntRange(0, 100).Draw(rt, "spacing")) * time.Second
		begins := time.Duration(rapid.IntRange(1, 600_000).Draw(rt, "begins after"))*time.Millisecond + 300*time.Microsecond
		survey := time.Duration(rapid.IntRange(5, 120).Draw(rt, "survey")) * time.Second
		type kind struct {
			id       string
			alone    bool
			interval time.Duration
			cron     string
		}
		var kinds []kind
		counts := map[time.Duration]int{}
		for i := range rapid.IntRange(1, 10).Draw(rt, "rules") {
			k := kind{id: fmt.Sprintf("r%d", i), alone: rapid.Bool().Draw(rt, "alone"), interval: rapid.SampledFrom([]time.Duration{30 * time.Second, time.Minute, 5 * time.Minute}).Draw(rt, "interval")}
			if rapid.IntRange(0, 4).Draw(rt, "cron") == 0 {
				k.cron, k.interval = "*/2 * * * *", 2*time.Minute
			}
			if k.alone {
				counts[k.interval]++
			}
			kinds = append(kinds, k)
		}
		var waits map[string]time.Duration // what coverage reckons with
		run := func(length time.Duration) []start {
			var out []start
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(begins)
				var rules []*service.Rule
				for _, k := range kinds {
					rules = append(rules, newRule(t, k.id, func(r *rule.Rule) {
						r.Interval, r.Cron = k.interval, k.cron
						if k.alone {
							alone(r)
						}
					}))
				}
				waits = service.Waits(rules, spacing)
				first := time.Now()
				live, behind := starts(t, length, service.Options{Settle: func([]string) time.Duration { return settle }, Spread: spacing, Every: survey}, rules...)
				end := time.Now()
				ran := map[string]int{}
				for _, s := range live {
					ran[s.rule+s.slot.String()]++
				}
				for _, job := range behind {
					if job.Slot.After(first) {
						t.Errorf("the catch-up ran %s at %s", job.Plan.Rule().ID, job.Slot)
					}
				}
				for _, r := range rules {
					for slot := r.Slots.Next(first); !r.Slots.Next(slot).After(end); slot = r.Slots.Next(slot) {
						if n := ran[r.ID()+slot.String()]; n != 1 {
							t.Errorf("%s: slot %s was run %d times", r.ID(), slot, n)
						}
					}
				}
				out = live
			})
			return out
		}
		after := map[string]time.Duration{}
		for _, length := range []time.Duration{21 * time.Minute, 16 * time.Minute} {
			for _, s := range run(length) {
				wait := s.begun.Sub(s.slot)
				if known, again := after[s.rule]; again && known != wait {
					rt.Errorf("%s began %s after a slot, and %s after another", s.rule, known, wait)
				}
				after[s.rule] = wait
			}
		}
		for _, k := range kinds {
			n := counts[k.interval]
			most := min(time.Duration(n)*spacing, k.interval-settle)
			switch wait := after[k.id] - settle; {
			case (!k.alone || n < 2 || spacing == 0) && wait != 0:
				rt.Errorf("%+v waits %s", k, wait)
			case wait < 0, wait > most, wait > waits[k.id]:
				rt.Errorf("%+v waits %s of %s, %s", k, wait, most, waits[k.id])
			}
		}
	})
}

// TestSpreadIsEven: ids of whatever form begin evenly within the interval, and with few rules nobody waits long.
func TestSpreadIsEven(t *testing.T) {
	const n, deciles = 1000, 10
	for name, id := range map[string]func(i int) string{
		"numbers":  strconv.Itoa,
		"suffixes": func(i int) string { return fmt.Sprintf("0d3e4f6a-0000-4000-8000-%012d", i) },
		"prefixes": func(i int) string { return fmt.Sprintf("%08x-0000-4000-8000-000000000001", i) },
	} {
		for spacing, over := range map[time.Duration]time.Duration{10 * time.Millisecond: 10 * time.Second, time.Second: 4*time.Minute + 30*time.Second} {
			synctest.Test(t, func(t *testing.T) {
				var rules []*service.Rule
				for i := range n {
					rules = append(rules, newRule(t, id(i), func(r *rule.Rule) { alone(r); r.Interval = 5 * time.Minute }))
				}
				var log bytes.Buffer
				time.Sleep(time.Second)
				live, _ := starts(t, 10*time.Minute-2*time.Second, service.Options{Spread: spacing, Log: slog.New(slog.NewTextHandler(&log, nil))}, rules...)
				if len(live) != n {
					t.Fatalf("%s, %s: %d runs", name, spacing, len(live))
				}
				var counts [deciles]int
				for _, s := range live {
					wait := s.begun.Sub(s.slot)
					if wait < 0 || wait >= over {
						t.Fatalf("%s, %s: a wait of %s", name, spacing, wait)
					}
					counts[wait*deciles/over]++
				}
				for i, c := range counts { // 100 expected; 4.5 standard deviations
					if c < 57 || c > 143 {
						t.Errorf("%s, %s: %d of %d in the tenth %d", name, spacing, c, n, i)
					}
				}
				if want := fmt.Sprintf("rules=%d sharing=0 over=%s", n, over); strings.Count(log.String(), want) != 1 {
					t.Errorf("no %q in %s", want, log.String())
				}
			})
		}
	}
}
