//go:build integration

package elastic_test

import (
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
)

// meddler does something ahead of the first bulk request that goes through it.
type meddler struct {
	once sync.Once
	do   func(r *http.Request)
	next http.Transport
}

func (m *meddler) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/_bulk") {
		m.once.Do(func() { m.do(r) })
	}
	return m.next.RoundTrip(r) //nolint:wrapcheck // it is a transport
}

// TestRealRollover: an alert exists once, whatever happens between the check whether it exists and its
// creation.
func TestRealRollover(t *testing.T) {
	other, do := realClient(t)
	one := alert.Document{ID: "one", Source: map[string]any{"@timestamp": "2026-01-15T14:00:00Z", "kibana.alert.rule.rule_id": "r"}}
	create := func(t *testing.T, a *elastic.Alerts) alert.Outcome {
		t.Helper()
		got, err := a.Create(t.Context(), []alert.Document{one})
		if err != nil || got[0].Err != nil {
			t.Fatal(got, err)
		}
		return got[0].Outcome
	}
	for _, tt := range []struct {
		name    string
		meddle  func(t *testing.T, b *elastic.Alerts, rollover func(), r *http.Request)
		outcome alert.Outcome
	}{
		{"the other creates it, then rolls over", func(t *testing.T, b *elastic.Alerts, rollover func(), _ *http.Request) {
			t.Helper()
			create(t, b)
			rollover()
		}, alert.Duplicate},
		{"rolled over, then the other creates it", func(t *testing.T, b *elastic.Alerts, rollover func(), _ *http.Request) {
			t.Helper()
			rollover()
			create(t, b)
		}, alert.Duplicate},
		{"ours goes to the old index still", func(t *testing.T, b *elastic.Alerts, rollover func(), r *http.Request) {
			t.Helper()
			rollover()
			create(t, b)
			// As a request that was routed ahead of the rollover.
			r.URL.Path = "/" + b.Alias() + "-000001/_bulk"
			r.URL.RawQuery = ""
		}, alert.Created},
		{"nobody else", func(_ *testing.T, _ *elastic.Alerts, rollover func(), _ *http.Request) { rollover() }, alert.Created},
	} {
		t.Run(tt.name, func(t *testing.T) {
			namespace := namespaceOf(t)
			theirs := realAlerts(t, other, do, namespace)
			theirs.Refresh = elastic.RefreshLater
			if err := theirs.Install(t.Context()); err != nil {
				t.Fatal(err)
			}
			rollover := func() { do("POST", "/"+theirs.Alias()+"/_rollover", "") }
			m := &meddler{next: http.Transport{DisableKeepAlives: true}, do: func(r *http.Request) { tt.meddle(t, theirs, rollover, r) }}
			client, err := elastic.NewWithTransport(elastic.Config{URLs: []string{os.Getenv("TOCSIN_ELASTICSEARCH_URL")}}, m)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := elastic.NewAlerts(client, namespace)
			if err != nil {
				t.Fatal(err)
			}
			if got := create(t, ours); got != tt.outcome {
				t.Errorf("outcome %v, want %v", got, tt.outcome)
			}
			for range 2 { // also when it is asked for again
				do("POST", "/"+theirs.Alias()+"/_refresh", "")
				if count := do("GET", "/"+theirs.Alias()+"/_count", ""); !strings.Contains(count, `"count":1,`) {
					t.Errorf("alerts: %s", count)
				}
				if got := create(t, theirs); got != alert.Duplicate {
					t.Errorf("once more: %v", got)
				}
			}
		})
	}
}

// TestRealRolloverMends: duplicates that a runner left behind when it was killed before its check are deleted
// by the next run of the slot.
func TestRealRolloverMends(t *testing.T) {
	c, do := realClient(t)
	a := realAlerts(t, c, do, namespaceOf(t))
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	do("POST", "/"+a.Alias()+"/_rollover", "")
	for _, index := range []string{"-000001", "-000002"} {
		do("PUT", "/"+a.Alias()+index+"/_doc/one?refresh=true", `{"@timestamp":"2026-01-15T14:00:00Z"}`)
	}
	got, err := a.Create(t.Context(), []alert.Document{{ID: "one", Source: map[string]any{}}})
	if err != nil || got[0].Outcome != alert.Duplicate {
		t.Error(got, err)
	}
	do("POST", "/"+a.Alias()+"/_refresh", "")
	if count := do("GET", "/"+a.Alias()+"/_count", ""); !strings.Contains(count, `"count":1,`) {
		t.Errorf("alerts: %s", count)
	}
}
