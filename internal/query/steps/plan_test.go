package steps_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
	"tocsin/internal/query"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
	"tocsin/internal/testkit/trial"
)

func prepared(t *testing.T, text, words string) (query.Prepared, query.Source) {
	t.Helper()
	src := query.Source{Events: eventsOf(t, words), At: noon.Add(time.Hour)}
	p, diags, err := trial.EQL(t, text).Prepare(t.Context(), src)
	if err != nil || p == nil {
		t.Fatal(diags, err)
	}
	return p, src
}

const pair = "sequence by host.id with maxspan=10s [a where true] [b where true]"

// TestReads wants one search for all steps, which begins a span before the window.
func TestReads(t *testing.T) {
	p, _ := prepared(t, pair, "a1 b2")
	w := window.Window{From: noon.Add(time.Minute), To: noon.Add(2 * time.Minute)}
	reads := p.(query.Reader).Reads(w)
	if len(reads) != 1 || !reads[0].Time.Window.From.Equal(noon.Add(50*time.Second)) || !reads[0].Time.Window.To.Equal(w.To) {
		t.Errorf("%+v", reads)
	}
	if reads := p.(query.Reader).Reads(window.Window{}); len(reads) > 0 {
		t.Errorf("over no time: %+v", reads)
	}
	p, _ = prepared(t, "sequence [a where false] [b where false]", "a1 b2")
	if reads := p.(query.Reader).Reads(w); len(reads) > 0 {
		t.Errorf("where nothing can be found: %+v", reads)
	}
	target := p.(interface{ Target() search.Target }).Target()
	if diff := cmp.Diff([]string{"logs-x"}, target.Indices); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTrace wants one event to be judged by every step.
func TestTrace(t *testing.T) {
	p, _ := prepared(t, pair, "a1 b2")
	for category, want := range map[string]string{"a": "true false", "b": "false true", "c": "false false"} {
		e := event.Event{Index: "logs-x", ID: "1", Source: json.RawMessage(`{"event":{"category":"` + category + `"},"host":{"id":"h"}}`)}
		d, err := e.Document()
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Trace(t.Context(), d)
		if err != nil || len(got.Parts) != 2 {
			t.Fatalf("%s: %+v, %v", category, got, err)
		}
		var holds []string
		for _, part := range got.Parts {
			holds = append(holds, map[bool]string{true: "true", false: "false"}[part.Holds])
		}
		if text := strings.Join(holds, " "); text != want || got.Holds != (category != "c") {
			t.Errorf("%s: %s, %t; want %s", category, text, got.Holds, want)
		}
	}
}

// TestAdHoc wants all sequences that there are, at most as many as are wanted, without waiting for what may come.
func TestAdHoc(t *testing.T) {
	all := window.Window{From: noon, To: noon.Add(time.Hour)}
	for _, tt := range []struct {
		text, words string
		size        int
		want        string
	}{
		{pair, "a1 b2 a3 b4", 9, "a1 b2, a3 b4"},
		{pair, "a1 b2 a3 b4", 1, "a3 b4"},
		{pair + " | head 1", "a1 b2 a3 b4", 9, "a1 b2"},
		{pair, "a1 b30", 9, ""},
		{"sequence by host.id with maxspan=10s [a where true] ![b where true]", "a1 b2 a20", 9, "a20 -"},
		{"sample by host.id [a where true] [b where true]", "a1:1 b2:1 a3:2 b4:2", 9, "a1 b2, a3 b4"},
		{"sample by host.id [a where true] [b where true]", "a1:1 b2:1 a3:2 b4:2", 1, "a1 b2"},
	} {
		p, src := prepared(t, tt.text, tt.words)
		answer, err := query.RunAdHoc(t.Context(), p, src, all, tt.size)
		var names []string
		for _, h := range answer.Hits {
			names = append(names, nameOf(h))
		}
		if got := strings.Join(names, ", "); err != nil || got != tt.want {
			t.Errorf("%s, %d: %q, %v; want %q", tt.text, tt.size, got, err, tt.want)
		}
	}
}

// TestExplain wants every step with its keys.
func TestExplain(t *testing.T) {
	p, _ := prepared(t, "sequence by host.id with maxspan=10s [a where true] ![c where true] [b where true] with runs=2 until [d where true]", "a1")
	got := p.Explain(window.Window{From: noon, To: noon.Add(time.Minute)})
	var steps []string
	for _, s := range got.Steps {
		text := strings.Join(s.Keys, " ")
		if s.Missing {
			text += " missing"
		}
		if s.Until {
			text += " until"
		}
		steps = append(steps, text)
	}
	if len(steps) < 4 || steps[0] != "host.id" || !strings.Contains(strings.Join(steps, ","), "missing") || !strings.Contains(steps[len(steps)-1], "until") || got.MaxSpan != query.Seconds(10*time.Second) {
		t.Errorf("%q, %s", steps, got.MaxSpan)
	}
}
