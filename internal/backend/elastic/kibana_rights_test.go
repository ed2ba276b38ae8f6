package elastic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
)

// TestKibanaRights: of generated privileges, every one that is lacking is named; a cluster without security lacks none.
func TestKibanaRights(t *testing.T) {
	mapping := mappingOf(schemaTypes(t))
	mapping["_meta"] = map[string]any{"kibana": map[string]any{"version": "8.19.0"}}
	const alias = ".alerts-security.alerts-soc"
	var has map[string]bool
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		answer := map[string]any{}
		switch {
		case strings.HasSuffix(r.URL.Path, "/_has_privileges") && has == nil:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"no handler found for uri [/_security/user/_has_privileges] and method [POST]","status":400}`)
			return
		case strings.HasSuffix(r.URL.Path, "/_has_privileges"):
			var asked struct {
				Index []struct {
					Names, Privileges []string
				}
			}
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || !slices.Equal(asked.Index[0].Names, []string{alias}) {
				t.Errorf("%v %v", asked, err)
			}
			of := map[string]bool{}
			for _, p := range asked.Index[0].Privileges {
				of[p] = has[p]
			}
			answer["index"] = map[string]any{alias: of}
		default:
			answer[".internal.alerts-security.alerts-soc-000001"] = map[string]any{"mappings": mapping, "settings": map[string]any{}, "aliases": map[string]any{alias: map[string]any{"is_write_index": true}}}
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer fake.Close()
	a, err := elastic.NewKibanaAlerts(newClient(t, elastic.Config{URLs: []string{fake.URL}, RequestTimeout: 10 * time.Second}), "soc")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Install(t.Context()); err != nil {
		t.Errorf("without security: %v", err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		has = map[string]bool{}
		var lacks []string
		for _, p := range []string{"read", "view_index_metadata", "create_doc"} {
			if has[p] = rapid.Bool().Draw(rt, p); !has[p] {
				lacks = append(lacks, p)
			}
		}
		err := a.Install(t.Context())
		if (err == nil) != (lacks == nil) || err != nil && (failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), "lacks the privileges "+strings.Join(lacks, ", ")+" on it")) {
			rt.Fatalf("%v: %v", lacks, err)
		}
	})
}
