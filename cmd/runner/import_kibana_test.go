package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportFromKibana: rules come from the API of a Kibana, with credentials, from a space; refusals are errors.
func TestImportFromKibana(t *testing.T) {
	const line = `{"rule_id":"a","name":"A","description":"d","type":"query","language":"kuery","query":"process.name: a","data_view_id":"view 1","severity":"low","risk_score":21,"exceptions_list":[{"id":"x","list_id":"l","type":"detection","namespace_type":"single"}]}
{"list_id":"l","type":"detection","namespace_type":"single","name":"L"}
{"list_id":"l","item_id":"i","type":"simple","namespace_type":"single","name":"I","entries":[{"field":"source.ip","type":"list","operator":"included","list":{"id":"hosts.txt","type":"ip"}}]}
`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case user != "ann" || password != "secret":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"message":"who are you?"}`))
		case r.URL.Path == "/base/s/blue/api/data_views/data_view/view 1":
			_, _ = w.Write([]byte(`{"data_view":{"id":"view 1","title":"logs-a-*,logs-b-*"}}`))
		case r.URL.Path == "/base/s/blue/api/lists/items/_export" && r.URL.Query().Get("list_id") == "hosts.txt" && r.Method == http.MethodPost:
			_, _ = w.Write([]byte("10.0.0.1\n10.0.0.2\n"))
		case r.Method != http.MethodPost || r.URL.Path != "/base/s/blue/api/detection_engine/rules/_export" || r.Header.Get("kbn-xsrf") == "":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			_, _ = w.Write([]byte(line))
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	key := filepath.Join(dir, "password")
	if err := os.WriteFile(key, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := execute(t.Context(), append([]string{"import", "--into", filepath.Join(dir, "rules")}, args...), stdio{strings.NewReader(""), &out, &errs})
		return code, out.String(), errs.String()
	}
	if code, _, errs := run("--kibana", server.URL+"/base", "--space", "blue"); code != exitFailed || !strings.Contains(errs, "401 Unauthorized: {\"message\":\"who are you?\"}") {
		t.Errorf("without credentials: %d, %s", code, errs)
	}
	if code, _, errs := run("--kibana", server.URL+"/base", "--space", "red", "--username", "ann", "--password-file", key); code != exitFailed || !strings.Contains(errs, "302 Found") {
		t.Errorf("a redirect: %d, %s", code, errs)
	}
	code, out, errs := run("--kibana", server.URL+"/base/", "--space", "blue", "--username", "ann", "--password-file", key)
	if code != exitDone || !strings.Contains(out, "a.toml") {
		t.Errorf("%d, %s%s", code, out, errs)
	}
	if code, _, errs := run("--kibana", server.URL+"/base/", "--space", "blue", "--username", "ann", "--password-file", key); code != exitDone || !strings.Contains(errs, "3 unchanged") {
		t.Errorf("again: %d, %s", code, errs)
	}
	var checked bytes.Buffer
	if code := execute(t.Context(), []string{"check", filepath.Join(dir, "rules")}, stdio{strings.NewReader(""), &checked, &checked}); code != exitDone {
		t.Errorf("check: %d, %s", code, checked.String())
	}
	if text, err := os.ReadFile(filepath.Join(dir, "rules", "a.toml")); err != nil || !strings.Contains(string(text), `index = ["logs-a-*", "logs-b-*"]`) {
		t.Errorf("the data view: %v, %s", err, text)
	}
	server.Close()
	if code, _, errs := run("--kibana", server.URL); code != exitFailed || !strings.Contains(errs, "export the rules of Kibana") {
		t.Errorf("gone: %d, %s", code, errs)
	}
}
