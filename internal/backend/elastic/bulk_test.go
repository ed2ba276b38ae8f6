package elastic_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
)

// bulkReply answers lookups with nothing and each bulk request as items says, by id and try.
func bulkReply(t *testing.T, items func(id string, try int) string, sizes *[]int) reply {
	t.Helper()
	tries := map[string]int{}
	return func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/_search") {
			return status(200, `{"_shards":{"total":1},"hits":{"hits":[]}}`)(r)
		}
		if strings.HasPrefix(r.URL.Path, "/_alias/") {
			return status(200, `{"tocsin-alerts-default-000001":{"aliases":{"tocsin-alerts-default":{"is_write_index":true}}}}`)(r)
		}
		lines := bufio.NewScanner(r.Body)
		lines.Buffer(nil, 64<<20)
		var out []string
		for lines.Scan() {
			var action struct {
				Create struct {
					ID string `json:"_id"`
				}
			}
			if err := json.Unmarshal(lines.Bytes(), &action); err != nil {
				t.Error(err)
			}
			lines.Scan()
			tries[action.Create.ID]++
			item := items(action.Create.ID, tries[action.Create.ID])
			if item == "down" {
				return nil, io.ErrUnexpectedEOF
			}
			out = append(out, `{"create":`+item+`}`)
		}
		*sizes = append(*sizes, len(out))
		return status(200, `{"items":[`+strings.Join(out, ",")+`]}`)(r)
	}
}

func TestCreate(t *testing.T) {
	const (
		created = `{"status":201}`
		exists  = `{"status":409,"error":{"type":"version_conflict_engine_exception"}}`
		busy    = `{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}`
		invalid = `{"status":400,"error":{"type":"document_parsing_exception","reason":"bad","caused_by":{"reason":"worse"}}}`
	)
	short, long := `x`, strings.Repeat("x", 2<<20)
	rows := []struct {
		name, text string
		count      int
		items      func(id string, try int) string
		want       map[string]alert.Outcome
		sizes      []int
		kind       failure.Kind
	}{
		{"all new", short, 3, func(string, int) string { return created }, nil, []int{3}, 0},
		{"by number", short, 1100, func(string, int) string { return created }, nil, []int{500, 500, 100}, 0},
		{"by size", long, 5, func(string, int) string { return created }, nil, []int{2, 2, 1}, 0},
		{"there already", short, 2, func(id string, _ int) string {
			return map[string]string{"0": exists, "1": created}[id]
		}, map[string]alert.Outcome{"0": alert.Duplicate}, []int{2}, 0},
		{"invalid", short, 2, func(id string, _ int) string {
			return map[string]string{"0": invalid, "1": created}[id]
		}, map[string]alert.Outcome{"0": alert.Failed}, []int{2, 1, 1}, failure.Rejected},
		{"busy, then well", short, 3, func(id string, try int) string {
			if id == "1" && try < 3 {
				return busy
			}
			return created
		}, nil, []int{3, 1, 1}, 0},
		{"busy for ever", short, 2, func(id string, _ int) string {
			return map[string]string{"0": busy, "1": created}[id]
		}, map[string]alert.Outcome{"0": alert.Failed}, []int{2, 1, 1, 1, 1}, failure.Unavailable},
		{"down in the second part", long, 3, func(id string, _ int) string {
			return map[string]string{"0": created, "1": created, "2": "down"}[id]
		}, map[string]alert.Outcome{"2": alert.Failed}, []int{2}, failure.Unavailable},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sizes []int
				c, _ := scripted(t, elastic.Config{}, bulkReply(t, row.items, &sizes))
				a, err := elastic.NewAlerts(c, "default")
				if err != nil {
					t.Fatal(err)
				}
				docs := make([]alert.Document, row.count)
				want := make([]alert.Written, row.count)
				for i := range docs {
					id := strconv.Itoa(i)
					docs[i] = alert.Document{ID: id, Source: map[string]any{"text": row.text}}
					want[i] = alert.Written{ID: id, Outcome: alert.Created}
					if o, ok := row.want[id]; ok {
						want[i].Outcome = o
					}
				}
				got, err := a.Create(t.Context(), docs)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(alert.Written{}, "Err", "Refused")); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				if diff := cmp.Diff(row.sizes, sizes); diff != "" {
					t.Errorf("alerts in each request (-want +got):\n%s", diff)
				}
				for _, w := range got {
					if (w.Outcome == alert.Failed) != (w.Err != nil) || w.Err != nil && failure.KindOf(w.Err) != row.kind {
						t.Errorf("%s: %v", w.ID, w.Err)
					}
				}
			})
		})
	}
}

func TestCreateFailsAsAWhole(t *testing.T) {
	c, _ := scripted(t, elastic.Config{MaxRetries: -1}, status(503, ``))
	a, err := elastic.NewAlerts(c, "default")
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Create(t.Context(), []alert.Document{{ID: "1", Source: map[string]any{}}})
	if got != nil || failure.KindOf(err) != failure.Unavailable {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCreateRefusesWhatIsNotJSON(t *testing.T) {
	var sizes []int
	c, _ := scripted(t, elastic.Config{}, bulkReply(t, func(string, int) string { return `{"status":201}` }, &sizes))
	a, err := elastic.NewAlerts(c, "default")
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Create(t.Context(), []alert.Document{
		{ID: "1", Source: map[string]any{"f": func() {}}}, {ID: "2", Source: map[string]any{}},
	})
	if err != nil || got[0].Outcome != alert.Failed || got[0].Err == nil || got[1].Outcome != alert.Created {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNamespaces(t *testing.T) {
	for namespace, ok := range map[string]bool{
		"default": true, "team-a.x_1": true, "": false, "A": false, "a*": false, "a,b": false, "a b": false, "ä": false,
		strings.Repeat("a", 101): false,
	} {
		a, err := elastic.NewAlerts(nil, namespace)
		if (err == nil) != ok || ok && a.Alias() != "tocsin-alerts-"+namespace {
			t.Errorf("%q: %v", namespace, err)
		}
	}
}
