package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/match/event"
	"tocsin/internal/notify"
	"tocsin/internal/notify/channel"
	"tocsin/internal/query"
	"tocsin/internal/run/pipeline"
)

// fakeOutbox remembers the first notice of each key.
type fakeOutbox struct {
	notices map[string]notify.Notice
	// fail says whether a call fails, and whether it has an effect nevertheless.
	fail func() (fails, effect bool)
}

func (o *fakeOutbox) Add(_ context.Context, notices []notify.Notice) error {
	fails, effect := false, true
	if o.fail != nil {
		fails, effect = o.fail()
	}
	if o.notices == nil {
		o.notices = map[string]notify.Notice{}
	}
	for _, n := range notices {
		if _, known := o.notices[n.Key]; !known && effect {
			o.notices[n.Key] = n
		}
	}
	if fails {
		return errBroken
	}
	return nil
}

// failing is a store of alerts whose calls fail at times, before or after they have an effect.
type failing struct {
	*store.Memory
	fail func() (fails, effect bool)
}

func (f failing) Create(ctx context.Context, docs []alert.Document) ([]alert.Written, error) {
	fails, effect := f.fail()
	if fails && !effect {
		return nil, errBroken
	}
	written, err := f.Memory.Create(ctx, docs)
	if fails {
		return nil, errBroken
	}
	return written, err
}

// TestEveryAlertIsTold: whatever fails between the writing of alerts and their notices, once a slot has succeeded there is a notice about
// every alert of it, and about nothing else.
func TestEveryAlertIsTold(t *testing.T) {
	rules := map[string]query.Plan{
		"single": plan(t, "any where true", 100), "few": plan(t, "any where true", 7), "sequence": plan(t, "sequence by user.name [any where true] [any where true]", 100),
		"sample":     plan(t, "sample by user.name [any where true] [any where true]", 100),
		"suppressed": suppressing(t, `{group_by = ["user.name"], duration = {value = 1, unit = "h"}}`, "any where true", 100),
		"per run":    suppressing(t, `{group_by = ["user.name"]}`, "any where true", 100),
	}
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"single", "few", "sequence", "sample", "suppressed", "per run"}).Draw(r, "rule")
		var list []event.Event
		for i := range rapid.IntRange(1, 12).Draw(r, "events") {
			list = append(list, of(fmt.Sprint("e", i), fmt.Sprintf("%q", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "user")), i))
		}
		faults := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 6).Draw(r, "faults")
		fail := func() (fails, effect bool) {
			if len(faults) == 0 {
				return false, true
			}
			n := faults[0]
			faults = faults[1:]
			return n > 1, n != 2
		}
		alerts, outbox := store.NewMemory(), &fakeOutbox{fail: fail}
		line := &pipeline.Pipeline{Alerts: failing{alerts, fail}, Instances: alerts, Now: clock(), Telling: pipeline.Telling{Outbox: outbox, MaxAge: time.Hour}}
		// A part of the events is found first; later the slot is repeated with all of them.
		part := rapid.IntRange(0, len(list)).Draw(r, "part")
		for _, found := range [][]event.Event{list[:part], list, list} {
			for try := 0; ; try++ {
				line.Events = &fakeEvents{target: ordinary(), pages: [][]event.Event{found}}
				x := line.Run(t.Context(), pipeline.Job{Plan: rules[name], Slot: slot, Window: span, MaxAlerts: 100})
				if x.Status == pipeline.Succeeded {
					break
				}
				if _, unwritten := errors.AsType[*pipeline.WriteError](x.Err); !unwritten || try > 20 {
					r.Fatal(x.Status, x.Err, x.Warnings)
				}
			}
		}
		told := map[string]string{}
		for key, n := range outbox.notices {
			told[key] = n.Fields[notify.FieldBlock]
		}
		want := map[string]string{}
		if err := alerts.List(t.Context(), alert.Filter{}, func(d alert.Document) (bool, error) {
			want[d.ID] = ""
			if d.Source["kibana.alert.building_block_type"] != nil {
				want[d.ID] = "true"
			}
			return true, nil
		}); err != nil {
			r.Fatal(err)
		}
		for id, block := range want {
			if _, is := told[id]; block != "" && !is { // a building block without its alert need not be told
				delete(want, id)
			}
		}
		if diff := cmp.Diff(want, told); diff != "" {
			r.Fatal(diff)
		}
	})
}

// TestNotice has what routes and templates need.
func TestNotice(t *testing.T) {
	outbox := &fakeOutbox{}
	e := anEvent("e1", `{"@timestamp":"2026-01-15T14:05:00Z","host":{"name":"web-1"},"user":{"name":"ci"}}`)
	line := &pipeline.Pipeline{Events: &fakeEvents{target: ordinary(), pages: [][]event.Event{{e}}}, Alerts: store.NewMemory(), Now: clock(), Telling: pipeline.Telling{Outbox: outbox}}
	line.Run(t.Context(), pipeline.Job{Plan: plan(t, "any where true", 10), Slot: slot, Window: span})
	if len(outbox.notices) != 1 {
		t.Fatal(outbox.notices)
	}
	for _, n := range outbox.notices {
		if n.Kind != notify.KindAlert || n.RuleID != "r1" || n.RuleName != "Thing" || n.Severity != "medium" || n.RiskScore != 47 || n.Title != "[medium] Thing" ||
			!n.At.Equal(slot.Add(-5*time.Minute)) || n.Fields["host.name"] != "web-1" || len(n.Alert) == 0 || n.Digest != nil {
			t.Errorf("%+v", n)
		}
	}
}

// TestDigests: alerts of old slots and of a backfill are told in a digest of their rule.
func TestDigests(t *testing.T) {
	for _, tt := range []struct {
		name    string
		telling pipeline.Telling
		job     pipeline.Job
		want    *notify.Digest
	}{
		{"a new slot", pipeline.Telling{MaxAge: time.Hour}, pipeline.Job{Slot: slot}, nil},
		{"an old slot", pipeline.Telling{MaxAge: time.Hour}, pipeline.Job{Slot: slot.Add(-2 * time.Hour)}, &notify.Digest{
			Key: "late/r1/2026-01-15T14", Group: pipeline.LateGroup, Title: "found late: Thing", Calm: time.Minute, Most: 15 * time.Minute,
		}},
		{"an old slot in a run with a new one", pipeline.Telling{MaxAge: time.Hour}, pipeline.Job{Slot: slot, Covers: []time.Time{slot.Add(-3 * time.Hour), slot}}, &notify.Digest{
			Key: "late/r1/2026-01-15T14", Group: pipeline.LateGroup, Title: "found late: Thing", Calm: time.Minute, Most: 15 * time.Minute,
		}},
		{"backfill", pipeline.Telling{Digest: "backfill/j"}, pipeline.Job{Slot: slot}, &notify.Digest{
			Key: "backfill/j/r1", Group: "backfill/j", Title: "backfill: Thing", Most: 24 * time.Hour,
		}},
	} {
		outbox := &fakeOutbox{}
		tt.telling.Outbox = outbox
		e := anEvent("e1", `{"@timestamp":"2026-01-15T11:05:00Z"}`)
		line := &pipeline.Pipeline{Events: &fakeEvents{target: ordinary(), pages: [][]event.Event{{e}}}, Alerts: store.NewMemory(), Now: clock(), Telling: tt.telling}
		tt.job.Plan, tt.job.Window = plan(t, "any where true", 10), span
		line.Run(t.Context(), tt.job)
		if len(outbox.notices) != 1 {
			t.Errorf("%s: %v", tt.name, outbox.notices)
		}
		for _, n := range outbox.notices {
			if diff := cmp.Diff(tt.want, n.Digest); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		}
	}
}

// TestNewRoute: of alerts whose event is older than a route, those that exist already say when they were written.
func TestNewRoute(t *testing.T) {
	alerts, outbox := store.NewMemory(), &fakeOutbox{}
	began := slot.Add(time.Minute)
	run := func(now time.Time, n int) map[string]notify.Notice {
		outbox.notices = nil
		line := &pipeline.Pipeline{
			Events: &fakeEvents{target: ordinary(), pages: [][]event.Event{events(0, n)}}, Alerts: alerts, Instances: alerts, Now: func() time.Time { return now },
			Telling: pipeline.Telling{Outbox: outbox, Since: func() time.Time { return began }},
		}
		if x := line.Run(t.Context(), pipeline.Job{Plan: plan(t, "any where true", 10), Slot: slot, Window: span}); x.Err != nil {
			t.Fatal(x.Err)
		}
		return outbox.notices
	}
	run(slot, 1)
	written := map[time.Time]int{}
	for _, n := range run(slot.Add(2*time.Minute), 2) {
		written[n.Written]++
	}
	if written[slot] != 1 || written[time.Time{}] != 1 {
		t.Error("one of before, and a new one:", written)
	}
	// The outbox leaves out what is older than the route.
	all := notify.NewMemory()
	routes := notify.NewRoutes(notify.Route{Name: "new", Channel: channel.Slack{}})
	out := &notify.Outbox{Store: all, Now: func() time.Time { return began }}
	if err := out.Use(t.Context(), routes); err != nil || !out.Since().Equal(began) {
		t.Fatal(err, out.Since())
	}
	for _, n := range outbox.notices {
		if err := out.Add(t.Context(), []notify.Notice{n}); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := all.Find(t.Context(), notify.Query{}); err != nil || len(found) != 1 {
		t.Error(len(found), err)
	}
	later := &notify.Outbox{Store: all, Now: func() time.Time { return began.Add(time.Hour) }}
	if err := later.Use(t.Context(), routes); err != nil || !later.Since().Equal(began) {
		t.Error("after a restart:", err, later.Since())
	}
}

// TestKnownAlertsSayWhen: of every alert that is met again, a notice says when it was written at the earliest, so that a route that
// began between is not told, whatever the time of its event is.
func TestKnownAlertsSayWhen(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		alerts, outbox := store.NewMemory(), &fakeOutbox{}
		minutes := rapid.IntRange(-30, 30)
		at := slot.Add(time.Duration(minutes.Draw(r, "event")) * time.Minute)
		p := plan(t, "any where true", 10)
		if at.After(slot) { // nothing else finds it
			p.Rule().TimestampOverride = "event.ingested"
		}
		since := slot.Add(time.Duration(minutes.Draw(r, "route")) * time.Minute)
		run := func(now time.Time) notify.Notice {
			outbox.notices = nil
			e := anEvent("e", `{"@timestamp":"`+at.Format(time.RFC3339)+`","event":{"ingested":"`+slot.Add(-time.Minute).Format(time.RFC3339)+`"}}`)
			line := &pipeline.Pipeline{
				Events: &fakeEvents{target: ordinary(), pages: [][]event.Event{{e}}}, Alerts: alerts, Instances: alerts, Now: func() time.Time { return now },
				Telling: pipeline.Telling{Outbox: outbox, Since: func() time.Time { return since }},
			}
			if x := line.Run(t.Context(), pipeline.Job{Plan: p, Slot: slot, Window: span}); x.Err != nil || len(outbox.notices) != 1 {
				r.Fatal(x.Err, outbox.notices)
			}
			for _, n := range outbox.notices {
				return n
			}
			panic("unreachable")
		}
		if n := run(slot); !n.Written.IsZero() {
			r.Error("a new alert:", n.Written)
		}
		n := run(slot.Add(time.Hour))
		if n.Written.IsZero() || n.Written.After(slot) {
			r.Error("written", n.Written, "of", slot)
		}
		if n.Written.Before(since) != slot.Before(since) {
			r.Error("a route of", since, "takes it for written at", n.Written)
		}
	})
}

// TestForgottenAlertsAreNotTold: of alerts of slots that are older than the memory of the outbox, those that were written lately are told.
func TestForgottenAlertsAreNotTold(t *testing.T) {
	alerts, outbox := store.NewMemory(), &fakeOutbox{}
	old := slot.Add(-30 * 24 * time.Hour)
	run := func(now time.Time, n int) {
		at := old.Add(-time.Minute).Format(time.RFC3339)
		var list []event.Event
		for i := range n {
			list = append(list, anEvent(fmt.Sprint("e", i), `{"@timestamp":"`+at+`"}`))
		}
		line := &pipeline.Pipeline{
			Events: &fakeEvents{target: ordinary(), pages: [][]event.Event{list}}, Alerts: alerts, Instances: alerts, Now: func() time.Time { return now },
			Telling: pipeline.Telling{Outbox: outbox, Digest: "backfill/j", Memory: 20 * 24 * time.Hour},
		}
		if x := line.Run(t.Context(), pipeline.Job{Plan: plan(t, "any where true", 10), Slot: old, Window: span}); x.Err != nil {
			t.Fatal(x.Err)
		}
	}
	run(old, 1)          // a live run, which was told and forgotten
	outbox.notices = nil //
	run(slot, 2)         // a backfill writes a further alert
	if len(outbox.notices) != 1 {
		t.Error("after a backfill:", len(outbox.notices))
	}
	outbox.notices = nil // as if it was killed before
	run(slot.Add(time.Hour), 2)
	if len(outbox.notices) != 1 {
		t.Error("after it was killed:", len(outbox.notices))
	}
}
