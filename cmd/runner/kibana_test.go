package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestKibanaVersion(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		part := rapid.IntRange(0, 30)
		major := part.Draw(rt, "major")
		text := fmt.Sprintf("%d.%d.%d%s", major, part.Draw(rt, "minor"), part.Draw(rt, "patch"), rapid.SampledFrom([]string{"", "-SNAPSHOT"}).Draw(rt, "build"))
		if err := kibanaVersion(text).Validate(); (err == nil) != (major >= oldestKibana) {
			rt.Fatalf("%s: %v", text, err)
		}
	})
	for _, text := range []string{"8", "8.1", "8.1.2.3", "8.x.1", "-8.1.1", "v8.1.1", "8..1"} {
		if kibanaVersion(text).Validate() == nil {
			t.Errorf("%s is a version", text)
		}
	}
}

// TestAskKibanaVersion reads a status as Kibana gives it, with the credentials of Elasticsearch.
func TestAskKibanaVersion(t *testing.T) {
	t.Setenv("TOCSIN_API_KEY", "a2V5")
	for name, test := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"as it is":            {http.StatusOK, `{"name":"k","version":{"number":"8.19.1","build_number":1,"build_snapshot":false},"status":{"overall":{"level":"available"}}}`, "8.19.1"},
		"a snapshot":          {http.StatusOK, `{"version":{"number":"9.1.0-SNAPSHOT"}}`, "9.1.0"},
		"to anybody":          {http.StatusOK, `{"status":{"overall":{"level":"available"}}}`, ""},
		"refused":             {http.StatusUnauthorized, `{"statusCode":401}`, ""},
		"something else":      {http.StatusOK, `<html>`, ""},
		"another form of one": {http.StatusOK, `{"version":"8.19.1"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/base/api/status" || r.Header.Get("Authorization") != "ApiKey a2V5" {
					t.Errorf("%s %v", r.URL, r.Header)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer fake.Close()
			a := &app{global: &globals{kibanaFlags: kibanaFlags{KibanaURL: kibanaURL(fake.URL + "/base")}, Timeout: time.Second, log: slog.New(slog.DiscardHandler)}}
			if got, err := a.askKibanaVersion(t.Context()); got != test.want || (err == nil) != (test.want != "") {
				t.Error(got, err)
			}
		})
	}
}
