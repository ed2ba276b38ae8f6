//go:build integration

package elastic_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
)

// TestRealRefreshes: the intervals of the open indices of patterns, including indices behind aliases and data
// streams; without a setting it is a second; negative intervals and 0 mean never.
func TestRealRefreshes(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	for name, interval := range map[string]string{"five": "5s", "half": "500ms", "never": "-1", "zero": "0", "hours": "2h", "closed": "50s"} {
		makeIndex(t, do, p+"-"+name, `{"settings":{"refresh_interval":"`+interval+`","number_of_replicas":0},"aliases":{"`+p+`-alias-`+name+`":{}}}`)
	}
	makeIndex(t, do, p+"-unset", `{"settings":{"number_of_replicas":0}}`)
	do("POST", "/"+p+"-closed/_close", "")
	do("PUT", "/_index_template/"+p, `{"index_patterns":["`+p+`-stream*"],"data_stream":{},"template":{"settings":{"number_of_replicas":0,"refresh_interval":"7s"}}}`)
	t.Cleanup(func() { do("DELETE", "/_index_template/"+p, "") })
	t.Cleanup(func() { do("DELETE", "/_data_stream/"+p+"-stream", "") })
	do("POST", "/"+p+"-stream/_doc?refresh=true", `{"@timestamp":"2026-01-01T00:00:00Z"}`)
	for _, tt := range []struct {
		name     string
		patterns []string
		want     elastic.Refreshes
	}{
		{"unset", []string{p + "-unset"}, elastic.Refreshes{Longest: time.Second}},
		{"shorter than the default", []string{p + "-half"}, elastic.Refreshes{Longest: time.Second}},
		{"set", []string{p + "-five"}, elastic.Refreshes{Longest: 5 * time.Second}},
		{"the longest", []string{p + "-five," + p + "-unset", p + "-hours"}, elastic.Refreshes{Longest: 2 * time.Hour}},
		{"alias", []string{p + "-alias-five"}, elastic.Refreshes{Longest: 5 * time.Second}},
		{"data stream", []string{p + "-stream"}, elastic.Refreshes{Longest: 7 * time.Second}},
		{"never", []string{p + "-never", p + "-z*", p + "-alias-never"}, elastic.Refreshes{Longest: time.Second, Never: []string{p + "-never", p + "-zero"}}},
		{"exclusion", []string{p + "-*", "-" + p + "-never", "-" + p + "-zero", "-" + p + "-hours"}, elastic.Refreshes{Longest: 7 * time.Second}},
		{"closed is not read", []string{p + "-c*"}, elastic.Refreshes{Longest: time.Second}},
		{"nothing", []string{p + "-none", p + "-nothing*"}, elastic.Refreshes{Longest: time.Second}},
		{"remote", []string{"far:" + p + "-*", p + "-five"}, elastic.Refreshes{Longest: 5 * time.Second, Remote: []string{"far:" + p + "-*"}}},
		{"only remote", []string{"far:*"}, elastic.Refreshes{Remote: []string{"far:*"}}},
		{"none", nil, elastic.Refreshes{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Refreshes(t.Context(), tt.patterns)
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
	if _, err := c.Refreshes(t.Context(), []string{"<logs-{now/d}>"}); err == nil {
		t.Error("a date in a name is taken for a name")
	}
}
