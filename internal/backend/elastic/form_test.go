package elastic_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
)

// picky is a cluster that refuses requests over a size, documents with a text, and documents that come
// too early.
type picky struct {
	limit    int
	poison   string
	busy     map[string]int
	stored   map[string]map[string]any
	requests []int
}

func (p *picky) reply(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/_search") {
		return status(200, `{"_shards":{"total":1},"hits":{"hits":[]}}`)(r)
	}
	if strings.HasPrefix(r.URL.Path, "/_alias/") {
		return status(200, `{"tocsin-alerts-default-000001":{"aliases":{"tocsin-alerts-default":{"is_write_index":true}}}}`)(r)
	}
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 64<<20)
	var out []string
	size := 0
	found := map[string]map[string]any{}
	for lines.Scan() {
		var action struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil {
			return nil, err
		}
		id := action.Create.ID
		size += len(lines.Bytes()) + 2
		lines.Scan()
		size += len(lines.Bytes())
		var source map[string]any
		if err := json.Unmarshal(lines.Bytes(), &source); err != nil {
			return nil, err
		}
		aside := source["tocsin.event"]
		delete(source, "tocsin.event")
		plain, err := json.Marshal(source)
		if err != nil {
			return nil, err
		}
		switch {
		case p.busy[id] > 0:
			p.busy[id]--
			out = append(out, `{"create":{"status":429,"error":{"type":"es_rejected_execution_exception"}}}`)
		case strings.Contains(string(plain), p.poison):
			out = append(out, `{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"poison"}}}`)
		default:
			if aside != nil {
				source["tocsin.event"] = aside
			}
			found[id] = source
			out = append(out, `{"create":{"status":201}}`)
		}
	}
	p.requests = append(p.requests, len(out))
	if size > p.limit {
		return status(413, `<html>too large</html>`)(r)
	}
	maps.Copy(p.stored, found)
	return status(200, `{"items":[`+strings.Join(out, ",")+`]}`)(r)
}

func createAt(t *testing.T, p *picky, docs []alert.Document) []alert.Written {
	t.Helper()
	c, _ := scripted(t, elastic.Config{}, p.reply)
	a, err := elastic.NewAlerts(c, "default")
	if err != nil {
		t.Fatal(err)
	}
	written, err := a.Create(t.Context(), docs)
	if err != nil {
		t.Fatal(err)
	}
	return written
}

// TestForms: an alert that is refused for its event is written with that aside, one too large without it.
func TestForms(t *testing.T) {
	long := strings.Repeat("x", 5000)
	own := map[string]any{"kibana.alert.uuid": "1", "@timestamp": "2026-01-01T00:00:00Z", "kibana.alert.original_event.reason": long}
	with := func(more map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range []map[string]any{own, more} {
			maps.Copy(out, m)
		}
		return out
	}
	bad := with(map[string]any{"a": "poison", "event": map[string]any{"kind": "signal", "id": "x"}, "tocsin.event": map[string]any{"b": 1.0}})
	big := with(map[string]any{"a": strings.Repeat("y", 50_000), "event": map[string]any{"kind": "signal"}})
	synctest.Test(t, func(t *testing.T) {
		p := &picky{limit: 40_000, poison: "poison", stored: map[string]map[string]any{}}
		got := createAt(t, p, []alert.Document{{ID: "good", Source: with(nil)}, {ID: "bad", Source: bad}, {ID: "big", Source: big}})
		want := []alert.Written{
			{ID: "good", Outcome: alert.Created},
			{ID: "bad", Outcome: alert.Created, Form: alert.EventAside},
			{ID: "big", Outcome: alert.Created, Form: alert.EventOmitted},
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(alert.Written{}, "Refused")); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if got[1].Refused == nil || got[2].Refused == nil || !strings.Contains(got[1].Refused.Error(), "poison") {
			t.Errorf("refused: %v, %v", got[1].Refused, got[2].Refused)
		}
		size := float64(len(mustJSON(t, big)))
		stored := map[string]map[string]any{
			"good": with(nil),
			"bad":  with(map[string]any{"event.kind": "signal", "tocsin.event": map[string]any{"a": "poison", "event": map[string]any{"id": "x"}, "b": 1.0}}),
			"big": {
				"kibana.alert.uuid": "1", "@timestamp": own["@timestamp"], "event.kind": "signal", "tocsin.event_omitted": true, "tocsin.event_size": size,
			},
		}
		if diff := cmp.Diff(stored, p.stored); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFormRefusedForEver: an alert that is rejected in every form is Failed, for the first reason.
func TestFormRefusedForEver(t *testing.T) {
	p := &picky{limit: 1 << 20, poison: "kibana", stored: map[string]map[string]any{}}
	got := createAt(t, p, []alert.Document{{ID: "1", Source: map[string]any{"kibana.alert.uuid": "1", "a": 1}}})
	if got[0].Outcome != alert.Failed || got[0].Form != alert.WithEvent || got[0].Err == nil {
		t.Errorf("%+v", got)
	}
	p = &picky{limit: 10, poison: "none", stored: map[string]map[string]any{}}
	got = createAt(t, p, []alert.Document{{ID: "1", Source: map[string]any{"kibana.alert.uuid": "1"}}, {ID: "2", Source: map[string]any{"kibana.alert.uuid": "2"}}})
	for _, w := range got {
		if w.Outcome != alert.Failed || w.Err == nil {
			t.Errorf("%+v", w)
		}
	}
}

// TestEverythingIsWritten: every alert is written, in any mixture of alerts that are too large, rejected or
// too early.
func TestEverythingIsWritten(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "n")
		p := &picky{limit: rapid.IntRange(1000, 300_000).Draw(rt, "limit"), poison: "poison", stored: map[string]map[string]any{}, busy: map[string]int{}}
		docs := make([]alert.Document, n)
		for i := range docs {
			id := strconv.Itoa(i)
			size := rapid.SampledFrom([]int{0, 10, 5000, 100_000}).Draw(rt, "size")
			docs[i] = alert.Document{ID: id, Source: map[string]any{"kibana.alert.uuid": id, "a": strings.Repeat("x", size)}}
			if rapid.IntRange(0, 5).Draw(rt, "poison") == 0 {
				docs[i].Source["b"] = "poison"
			}
			p.busy[id] = max(0, rapid.IntRange(-8, 2).Draw(rt, "busy"))
		}
		synctest.Test(t, func(t *testing.T) {
			for i, w := range createAt(t, p, docs) {
				_, bad := docs[i].Source["b"]
				if w.ID != docs[i].ID || w.Outcome != alert.Created || w.Err != nil || (w.Form != alert.WithEvent) != (w.Refused != nil) || bad && w.Form == alert.WithEvent {
					rt.Fatalf("%+v", w)
				}
				switch stored := p.stored[w.ID]; {
				case stored["kibana.alert.uuid"] != w.ID:
					rt.Fatalf("%s is not stored", w.ID)
				case (stored["tocsin.event_omitted"] == true) != (w.Form == alert.EventOmitted):
					rt.Fatalf("%s: form %d, stored as %v", w.ID, w.Form, stored)
				case w.Form == alert.WithEvent && stored["a"] != docs[i].Source["a"]:
					rt.Fatalf("%s has lost its event", w.ID)
				}
			}
		})
	})
}
