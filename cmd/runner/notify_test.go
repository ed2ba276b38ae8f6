package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/notify"
)

// TestServiceNotifies: an alert that a service makes reaches the webhook once, and the routes follow their file, unless it has errors.
func TestServiceNotifies(t *testing.T) {
	t.Parallel()
	got := make(chan notify.Payload, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var p notify.Payload
		if err := json.Unmarshal(body, &p); err != nil {
			t.Error(err)
		}
		got <- p
	}))
	defer hook.Close()
	next := func() notify.Payload {
		t.Helper()
		select {
		case p := <-got:
			return p
		case <-time.After(30 * time.Second):
			t.Fatal("no message")
			return notify.Payload{}
		}
	}
	dir, rules := t.TempDir(), t.TempDir()
	route := func(name string) string {
		return "[[route]]\nname = \"" + name + "\"\ntype = \"webhook\"\nurl = \"" + hook.URL + "\"\nkinds = [\"alert\"]\n"
	}
	write(t, dir, "routes.toml", route("first"))
	write(t, rules, "one.toml", namedRule(1, "process where true"))
	s := startService(t, "--rules", rules, "--events", writeFile(t, "e.ndjson", serviceEvents), "--store", t.TempDir(), "--no-reload", "--notify", filepath.Join(dir, "routes.toml"))
	if p := next(); p.Route != "first" || p.Notice.RuleID != "11111111-aaaa-4aaa-8aaa-000000000001" || p.Count != 1 {
		t.Errorf("%+v", p)
	}
	write(t, dir, "routes.toml", route("first")+route("first"))
	write(t, rules, "two.toml", namedRule(2, "process where true"))
	if status, body := s.post(t, "/reload"); status == http.StatusOK || !strings.Contains(body, "stay as they were: ") || !strings.Contains(body, "two routes named") {
		t.Error(status, body)
	}
	if p := next(); p.Route != "first" || p.Notice.RuleID != "11111111-aaaa-4aaa-8aaa-000000000002" {
		t.Errorf("%+v", p)
	}
	write(t, dir, "routes.toml", route("second"))
	write(t, rules, "three.toml", namedRule(3, "process where true"))
	if status, body := s.post(t, "/reload"); status != http.StatusOK {
		t.Error(status, body)
	}
	// Rules one and two meet their alerts again, which are older than the route.
	if p := next(); p.Route != "second" || p.Notice.RuleID != "11111111-aaaa-4aaa-8aaa-000000000003" {
		t.Errorf("%+v", p)
	}
	told := func() bool {
		_, body := s.get(t, "/metrics")
		return strings.Contains(body, `tocsin_notification_attempts_total{outcome="delivered",route="second"} 1`) && strings.Contains(body, `tocsin_notifications{route="second",status="delivered"} 1`)
	}
	for end := time.Now().Add(30 * time.Second); !told(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the metrics do not say so")
		}
	}
	s.stop(t)
	s.until(t, "stopped")
	s.ended(t)
	select {
	case p := <-got:
		t.Errorf("told again: %+v", p)
	default:
	}
}
