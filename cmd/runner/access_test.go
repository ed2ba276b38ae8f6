package main

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/backend/elastic"
)

// recordingProxy is a proxy for connections, which records their targets.
type recordingProxy struct {
	mu   sync.Mutex
	seen []string
}

func (p *recordingProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.seen = append(p.seen, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	if r.Method != http.MethodConnect {
		r.RequestURI = ""
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		maps.Copy(w.Header(), answer.Header)
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
		return
	}
	to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	from, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
}

// TestProxy: requests go through the proxy of --proxy, with its credentials, whatever the environment says; none goes past it.
func TestProxy(t *testing.T) {
	ours := newAuthority(t, "ours")
	secure := encrypted(t, &tls.Config{Certificates: []tls.Certificate{ours.leaf(t, time.Now().Add(time.Hour), "127.0.0.1")}}, nil)
	plain := httptest.NewServer(http.HandlerFunc(emptyCluster))
	defer plain.Close()
	for name, at := range map[string]string{"TLS": secure, "plain": plain.URL} {
		t.Run(name, func(t *testing.T) {
			p := &recordingProxy{}
			server := httptest.NewServer(p)
			defer server.Close()
			with := strings.Replace(server.URL, "http://", "http://ann:sesame@", 1)
			code, text := connect(t.Context(), "--elasticsearch", at, "--ca-file", ours.file, "--proxy", with)
			if code != exitDone || len(p.seen) == 0 {
				t.Fatalf("exit code %d, %d requests: %s", code, len(p.seen), text)
			}
			want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:sesame"))
			for _, seen := range p.seen {
				if !strings.Contains(seen, strings.TrimPrefix(strings.TrimPrefix(at, "https://"), "http://")) || !strings.HasSuffix(seen, want) {
					t.Errorf("the proxy saw %s", seen)
				}
			}
		})
	}
}

// TestSeveralAddresses: with one good address among bad ones the client works; without any, the message names one of them.
func TestSeveralAddresses(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(emptyCluster))
	defer plain.Close()
	gone := httptest.NewServer(http.HandlerFunc(emptyCluster))
	gone.Close()
	if code, text := connect(t.Context(), "--elasticsearch", gone.URL, "--elasticsearch", plain.URL); code != exitDone {
		t.Errorf("exit code %d: %s", code, text)
	}
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"root_cause":[{"type":"security_exception","reason":"missing","additional_unsuccessful_credentials":"API key: api key is expired"}],"type":"security_exception","reason":"missing"},"status":401}`)
	}))
	defer refusing.Close()
	t.Setenv("TOCSIN_API_KEY", "aWQ6c2VzYW1l")
	code, text := connect(t.Context(), "--elasticsearch", refusing.URL, "--elasticsearch", refusing.URL+"/x")
	if code != exitRefused || !strings.Contains(text, " at "+refusing.URL+": status 401") || !strings.Contains(text, "the API key from TOCSIN_API_KEY has expired: make another one with runner setup apikey") {
		t.Errorf("exit code %d: %s", code, text)
	}
}

// TestRenewedCredentials: when the cluster rejects the key, a key that has been put into its file since is used.
func TestRenewedCredentials(t *testing.T) {
	const old, renewed = "b2xkOmtleQ==", "bmV3OmtleQ=="
	valid := old
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "ApiKey "+valid {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		emptyCluster(w, r)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "key")
	write := func(key string) {
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(old)
	g := &globals{Elasticsearch: []string{server.URL}, APIKeyFile: file}
	if err := g.openLog(io.Discard); err == nil {
		t.Log("without a level")
	}
	cfg, err := g.connectionConfig()
	if err != nil {
		t.Fatal(err)
	}
	client, err := elastic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close(context.WithoutCancel(t.Context())) }()
	ping := func() error { _, err := client.Ping(t.Context()); return err }
	if err := ping(); err != nil {
		t.Fatal(err)
	}
	valid = renewed
	write(renewed)
	if err := ping(); err == nil || strings.Contains(err.Error(), renewed) || strings.Contains(err.Error(), old) {
		t.Errorf("the old key: %v", err)
	}
	if err := ping(); err != nil {
		t.Errorf("the key that is in the file now: %v", err)
	}
}

// TestCloudID: the address of a deployment, and what is not a cloud id.
func TestCloudID(t *testing.T) {
	id := func(text string) string { return "deployment:" + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, tt := range []struct{ id, want string }{
		{id("eu.cloud.example$abc$def"), "https://abc.eu.cloud.example:443"},
		{id("eu.cloud.example:9243$abc$def"), "https://abc.eu.cloud.example:9243"},
		{id("eu.cloud.example$abc:9244$"), "https://abc.eu.cloud.example:9244"},
		{"a:b:" + id("eu.cloud.example$abc"), "https://abc.eu.cloud.example:443"},
		{id("eu.cloud.example"), ""},
		{id("$abc"), ""},
		{id("a b$abc"), ""},
		{"deployment:!", ""},
		{"", ""},
		{id("evil.example/x?$abc"), ""},
		{id("h$u:p@x"), ""},
	} {
		got, err := elastic.CloudURL(tt.id)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", tt.id, got, err, tt.want)
		}
	}
}

// TestSecretsInNoMessage: whatever credentials are given in whatever way, and whatever fails, no message has them: neither
// with a server that repeats what it was sent.
func TestSecretsInNoMessage(t *testing.T) {
	ours := newAuthority(t, "ours")
	good := &tls.Config{Certificates: []tls.Certificate{ours.leaf(t, time.Now().Add(time.Hour), "127.0.0.1")}}
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Get("Authorization")
		decoded, _ := base64.StdEncoding.DecodeString(sent[strings.LastIndexByte(sent, ' ')+1:])
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader([]int{400, 401, 403, 404, 502}[time.Now().UnixNano()%5])
		_, _ = fmt.Fprintf(w, `{"error":{"type":"x","reason":%q,"root_cause":[{"type":"x","reason":%q}]}}`, sent, string(decoded))
	})
	servers := []string{encrypted(t, good, echo), encrypted(t, good.Clone(), echo), "http://127.0.0.1:1", "https://127.0.0.1:1", "http://nowhere.invalid:9200", "://", "http://[::1"}
	plainEcho := httptest.NewServer(echo)
	defer plainEcho.Close()
	servers = append(servers, plainEcho.URL)
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		secret := "s3same-" + rapid.StringMatching(`[A-Za-z0-9!$&'()*+,;=%/?#@: "\\ä-]{4,16}`).Draw(rt, "secret")
		escaped := strings.NewReplacer("%", "%25", "/", "%2F", "?", "%3F", "#", "%23", "@", "%40", ":", "%3A", " ", "%20", `"`, "%22", `\`, "%5C").Replace(secret)
		var args, variables []string
		at := rapid.SampledFrom(servers).Draw(rt, "server")
		set := func(name string) {
			variables = append(variables, name)
			_ = os.Setenv(name, secret) //nolint:usetesting // rapid's checks have no Setenv
		}
		defer func() {
			for _, name := range variables {
				_ = os.Unsetenv(name)
			}
		}()
		file := filepath.Join(dir, "secret")
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 2).Draw(rt, "credentials") {
			switch rapid.IntRange(0, 7).Draw(rt, "way") {
			case 0:
				set("TOCSIN_API_KEY")
			case 1:
				set("TOCSIN_PASSWORD")
				args = append(args, "--username", "ann")
			case 2:
				set("TOCSIN_BEARER_TOKEN")
			case 3:
				at = strings.Replace(at, "://", "://ann:"+escaped+"@", 1)
			case 4:
				at = strings.Replace(at, "://", "://ann:"+secret+"@", 1) // perhaps no URL any more
			case 5:
				args = append(args, "--api-key-file", file)
			case 6:
				args = append(args, "--proxy", "http://ann:"+escaped+"@127.0.0.1:1")
			case 7:
				args = append(args, "--proxy", "http://ann:"+secret+"@127.0.0.1:x")
			}
		}
		if rapid.Bool().Draw(rt, "trusted") {
			args = append(args, "--ca-file", ours.file)
		}
		slices.Sort(args[:0])
		command := rapid.SampledFrom([][]string{{"alerts", "list"}, {"doctor", "--listen", "none"}, {"config"}, {"config", "--format", "toml"}}).Draw(rt, "command")
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond) // retries need not end
		defer cancel()
		out, errs := &strings.Builder{}, &strings.Builder{}
		_ = execute(ctx, slices.Concat(command, []string{"--log-level", "debug", "--elasticsearch", at}, args), stdio{strings.NewReader(""), out, errs})
		if text := out.String() + errs.String(); strings.Contains(text, "s3same") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret))) {
			rt.Fatalf("a secret is shown by %q %q:\n%s", command, args, text)
		}
	})
}
