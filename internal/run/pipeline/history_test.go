package pipeline_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// historian is a plan that records the past that it was given.
type historian struct {
	query.Plan
	query.Prepared
	past []query.Past
	none bool
}

func (h *historian) Rule() *rule.Rule { return &rule.Rule{ID: "r1", MaxSignals: 1} }

func (h *historian) Prepare(context.Context, query.Source) (query.Prepared, diag.List, error) {
	return h, nil, nil
}

func (h *historian) Target() search.Target { return ordinary() }

func (h *historian) Execute(ctx context.Context, src query.Source, w window.Window, _ query.Visit) (query.Result, error) {
	if src.History == nil {
		h.none = true
		return query.Result{}, nil
	}
	var err error
	h.past, err = src.History.Past(ctx, "r1", []string{"i", "j"}, w.From)
	return query.Result{}, err
}

func (h *historian) Explain(window.Window) query.Explanation { return query.Explanation{} }

// TestHistory: a plan gets the time spans of earlier alerts.
func TestHistory(t *testing.T) {
	at := func(minute int) time.Time { return slot.Add(time.Duration(minute) * time.Minute) }
	about := func(id, instance string, fields map[string]time.Time) alert.Document {
		d := alert.Document{ID: id, Source: map[string]any{
			"@timestamp": slot.Format(time.RFC3339), "kibana.alert.rule.rule_id": "r1", "kibana.alert.instance.id": instance,
		}}
		for name, t := range fields {
			d.Source[name] = t.Format(time.RFC3339Nano)
		}
		return d
	}
	const original, from = "kibana.alert.original_time", "kibana.alert.threshold_result.from"
	const start, end = "kibana.alert.suppression.start", "kibana.alert.suppression.end"
	alerts := store.NewMemory()
	other := about("x", "i", map[string]time.Time{original: at(0)})
	other.Source["kibana.alert.rule.rule_id"] = "r2"
	_, err := alerts.Create(t.Context(), []alert.Document{
		other,
		about("a", "i", map[string]time.Time{original: at(-3)}),
		about("b", "i", map[string]time.Time{original: at(-4), from: at(-5), start: at(-6), end: at(-2)}),
		about("c", "j", map[string]time.Time{original: at(-4), start: at(-6), end: at(-5)}),
		about("d", "j", map[string]time.Time{original: at(-20)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	h := &historian{}
	line := &pipeline.Pipeline{Alerts: alerts, Instances: alerts, Now: clock()}
	x := line.Run(t.Context(), pipeline.Job{Plan: h, Slot: slot, Window: span})
	slices.SortFunc(h.past, func(a, b query.Past) int {
		return cmp.Or(strings.Compare(a.Instance, b.Instance), a.From.Compare(b.From))
	}) // in no order
	want := []query.Past{{Instance: "i", From: at(-5), To: at(-2)}, {Instance: "i", From: at(-3), To: at(-3)}, {Instance: "j", From: at(-6), To: at(-4)}}
	if d := gocmp.Diff(want, h.past); d != "" || x.Err != nil {
		t.Errorf("%v\n%s", x.Err, d)
	}
	h = &historian{}
	line.Instances = nil
	if line.Run(t.Context(), pipeline.Job{Plan: h, Slot: slot, Window: span}); !h.none {
		t.Error("a pipeline without instances must give no history")
	}
}
