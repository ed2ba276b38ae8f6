package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// takingCluster takes every request, and records it.
type takingCluster struct {
	mu   sync.Mutex
	seen []string
	body map[string]string
}

func (c *takingCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.body == nil {
		c.body = map[string]string{}
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	if strings.HasPrefix(r.URL.Path, "/_resolve/index/") { // there are no aliases
		_, _ = io.WriteString(w, `{"indices":[],"aliases":[],"data_streams":[]}`)
		return
	}
	if r.URL.Path != "/" {
		c.seen = append(c.seen, r.Method+" "+r.URL.Path)
		c.body[r.URL.Path] = string(data)
	}
	switch r.URL.Path {
	case "/":
		_, _ = io.WriteString(w, `{"cluster_name":"c","version":{"number":"8.19.7"}}`)
	case "/_security/api_key":
		_, _ = io.WriteString(w, `{"id":"i","name":"n","api_key":"s3same","encoded":"aTpzM3NhbWU=","expiration":1893456000000}`)
	default:
		_, _ = io.WriteString(w, `{"acknowledged":true}`)
	}
}

// TestSetupSends: what is printed is what is sent with --apply. (The lifecycle was not tried on Elasticsearch: the engine of
// the tests has none.)
func TestSetupSends(t *testing.T) {
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := execute(t.Context(), append([]string{"setup"}, args...), stdio{strings.NewReader(""), &out, &errs})
		return code, out.String(), errs.String()
	}
	for _, args := range [][]string{{"role", "--first"}, {"ilm", "--keep", "4380h", "--keep-risk", "2000h"}} {
		t.Run(args[0], func(t *testing.T) {
			code, out, errs := run(append(args, "--format", "json")...)
			var printed []struct {
				Method, Path string
				Body         any
			}
			if err := json.Unmarshal([]byte(out), &printed); code != exitDone || err != nil {
				t.Fatalf("exit code %d, %v: %s%s", code, err, out, errs)
			}
			c := &takingCluster{}
			server := httptest.NewServer(c)
			defer server.Close()
			if code, out, errs := run(append(args, "--apply", "--elasticsearch", server.URL)...); code != exitDone {
				t.Fatalf("exit code %d: %s%s", code, out, errs)
			}
			var want []string
			for _, r := range printed {
				want = append(want, r.Method+" "+r.Path)
				var sent any
				if err := json.Unmarshal([]byte(c.body[r.Path]), &sent); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(r.Body, sent); diff != "" {
					t.Errorf("%s (-printed +sent):\n%s", r.Path, diff)
				}
			}
			if diff := cmp.Diff(want, c.seen); diff != "" {
				t.Errorf("-printed +sent:\n%s", diff)
			}
		})
	}
	c := &takingCluster{}
	server := httptest.NewServer(c)
	defer server.Close()
	file := filepath.Join(t.TempDir(), "key")
	code, out, errs := run("apikey", "--apply", "--out", file, "--elasticsearch", server.URL, "--expires", "24h")
	if code != exitDone || strings.Contains(out+errs, "s3same") || strings.Contains(out+errs, "aTpz") || !strings.Contains(errs, "API key n (id i) was made; it expires 2030-01-01T00:00:00Z") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	text, err := os.ReadFile(file)
	info, failed := os.Stat(file)
	if err != nil || failed != nil || string(text) != "aTpzM3NhbWU=\n" || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %q, %v, %v", text, info, err)
	}
	if code, _, errs := run("apikey", "--apply", "--out", file, "--elasticsearch", server.URL); code != exitUsage || !strings.Contains(errs, "file exists") || len(c.seen) != 1 {
		t.Errorf("over a file: exit code %d: %s, %d keys were made", code, errs, len(c.seen))
	}
	if code, out, _ := run("apikey", "--apply", "--elasticsearch", server.URL); code != exitDone || out != "aTpzM3NhbWU=\n" {
		t.Errorf("to standard output: exit code %d: %s", code, out)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"role", "--apply"}, "--apply needs --elasticsearch"},
		{[]string{"apikey", "--out", "x"}, "--out needs --apply"},
		{[]string{"apikey", "--expires", "-1h"}, "--expires"},
		{[]string{"ilm", "--keep", "24h"}, "--keep 24h is too short: alerts would be made again"},
		{[]string{"ilm", "--keep-risk", "24h"}, "--keep-risk 24h is too short"},
		{[]string{"ilm", "--rollover-size", "50"}, "is not a size such as 50gb"},
		{[]string{"ilm", "--rollover-age", "1m"}, "at least 1h"},
		{[]string{"role", "--rules", "nowhere"}, "nowhere"},
		{[]string{"role", "--format", "csv"}, "not supported"},
		{[]string{"templates", "--namespace", "A"}, "namespace"},
	} {
		if code, _, errs := run(tt.args...); code != exitUsage || !strings.Contains(errs, tt.want) {
			t.Errorf("%q: exit code %d: %s, want %s", tt.args, code, errs, tt.want)
		}
	}
}
