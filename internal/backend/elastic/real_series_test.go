//go:build integration

package elastic_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/alert/series"
	"tocsin/internal/backend/elastic"
)

// TestRealSeries: rollovers and data streams show which indices belong together, not names, and a decision
// holds whatever happens to the indices later.
func TestRealSeries(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	l, err := elastic.NewLedger(c, p)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-ledger-"+p, "") })
	stream := p + "-stream"
	do("PUT", "/_index_template/"+stream, `{"index_patterns":["`+stream+`"],"data_stream":{},"priority":700}`)
	t.Cleanup(func() {
		do("DELETE", "/_data_stream/"+stream, "")
		do("DELETE", "/_index_template/"+stream, "")
	})
	bulk(t, do, create(stream, "1", `{"@timestamp":"2026-01-01T00:00:00Z"}`))
	backing := backingIndices(t, do, stream)
	for _, name := range []string{"customer-000001", "customer-000002", "late-000001"} {
		makeIndex(t, do, p+"-"+name, `{}`)
	}
	makeIndex(t, do, p+"-audit-000001", `{"aliases":{"`+p+`-audit":{"is_write_index":true},"`+p+`-all":{}}}`)
	for n := 2; n <= 3; n++ {
		do("POST", "/"+p+"-audit/_rollover", "")
		t.Cleanup(func() { do("DELETE", fmt.Sprintf("/%s-audit-00000%d", p, n), "") })
	}
	want := map[string]string{
		p + "-customer-000001": p + "-customer-000001", p + "-customer-000002": p + "-customer-000002", p + "-late-000001": p + "-late-000001",
		p + "-audit-000001": p + "-audit", p + "-audit-000002": p + "-audit", p + "-audit-000003": p + "-audit",
		backing[0]: stream, p + "-gone": p + "-gone",
	}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	check := func(when string) {
		t.Helper()
		for _, r := range []*series.Registry{series.NewRegistry(c, l), series.NewRegistry(c, &series.Memory{Base: l})} {
			got, err := r.Of(t.Context(), names)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
	}
	check("at first")
	// It is rolled over only now.
	do("POST", "/_aliases", `{"actions":[{"add":{"index":"`+p+`-late-000001","alias":"`+p+`-late","is_write_index":true}}]}`)
	do("POST", "/"+p+"-late/_rollover", "")
	t.Cleanup(func() { do("DELETE", "/"+p+"-late-000002", "") })
	do("POST", "/"+stream+"/_rollover", "")
	do("DELETE", "/"+p+"-audit-000002", "")
	want[p+"-late-000002"], names = p+"-late-000001", append(names, p+"-late-000002")
	do("POST", "/tocsin-ledger-"+p+"/_refresh", "")
	check("later")
}

func backingIndices(t *testing.T, do do, stream string) []string {
	t.Helper()
	var answer struct {
		Streams []struct {
			Backing []string `json:"backing_indices"`
		} `json:"data_streams"`
	}
	if err := json.Unmarshal([]byte(do("GET", "/_resolve/index/"+stream, "")), &answer); err != nil || len(answer.Streams) != 1 {
		t.Fatal(err, answer)
	}
	return answer.Streams[0].Backing
}

// TestRealKeep: of runners that decide at the same time, one has its way.
func TestRealKeep(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	l, err := elastic.NewLedger(c, p)
	if err != nil {
		t.Fatal(err)
	}
	records := []series.Record{{UUID: "1", Index: "a", Series: "x"}, {UUID: "2", Index: "b", Series: "y"}}
	if got, err := l.Records(t.Context(), []string{"1"}, []string{"a"}); err != nil || len(got) > 0 {
		t.Fatal("before the index is there:", got, err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-ledger-"+p, "") })
	if err := l.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Keep(t.Context(), records[:1]); err != nil || !cmp.Equal(got, records[:1]) {
		t.Fatal(got, err)
	}
	got, err := l.Keep(t.Context(), []series.Record{{UUID: "2", Index: "b", Series: "y"}, {UUID: "1", Index: "a", Series: "other"}})
	slices.SortFunc(got, func(a, b series.Record) int {
		return len(a.UUID+a.Series) - len(b.UUID+b.Series) + int(a.UUID[0]) - int(b.UUID[0])
	})
	if diff := cmp.Diff(records, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	do("POST", "/tocsin-ledger-"+p+"/_refresh", "")
	if got, err := l.Records(t.Context(), nil, []string{"a", "c"}); err != nil || !cmp.Equal(got, records[:1]) {
		t.Error(got, err)
	}
}

// TestRealMet: a duplicate has the source of the existing alert, whether that existed before, was created
// meanwhile, or is in the same batch.
func TestRealMet(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	a.Refresh = ""
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	of := func(id, index string) alert.Document {
		return alert.Document{ID: id, Source: map[string]any{
			"@timestamp": "2026-01-15T14:00:00Z", "kibana.alert.rule.rule_id": "r",
			"tocsin.source": &alert.Source{Index: []string{index}, Content: []string{"c-" + index}},
		}}
	}
	plain := alert.Document{ID: "plain", Source: map[string]any{"@timestamp": "2026-01-15T14:00:00Z"}}
	check := func(when string, docs []alert.Document, want map[int]string) {
		t.Helper()
		written, err := a.Create(t.Context(), docs)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int]string{}
		for i, w := range written {
			if w.Err != nil {
				t.Fatal(w.Err)
			}
			if w.Outcome == alert.Duplicate {
				got[i] = "?"
				if w.Met != nil {
					got[i] = w.Met.Index[0]
				}
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("in one batch", []alert.Document{of("1", "a"), of("2", "a"), of("1", "b"), plain, plain}, map[int]string{2: "a", 4: "?"})
	check("not refreshed", []alert.Document{of("1", "c"), of("3", "c")}, map[int]string{0: "a"})
	do("POST", "/"+a.Alias()+"/_refresh", "")
	check("refreshed", []alert.Document{of("1", "d"), of("2", "d"), of("3", "d"), plain}, map[int]string{0: "a", 1: "a", 2: "c", 3: "?"})
	do("POST", "/"+a.Alias()+"/_rollover", "")
	check("rolled over", []alert.Document{of("1", "e"), of("4", "e"), of("4", "f")}, map[int]string{0: "a", 2: "e"})
	there, err := a.Existing(t.Context(), []string{"1", "plain", "none"})
	if err != nil || len(there) != 2 || there["1"] == nil || there["1"].Content[0] != "c-a" || there["plain"] != nil {
		t.Error(there, err)
	}
}
