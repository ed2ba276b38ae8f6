//go:build integration

package integration

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// kept is what a process or a server has said.
type kept struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(p)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

// echoes are servers that tell in an error what they were sent.
var echoes = []func(w http.ResponseWriter, r *http.Request, echo string){
	func(w http.ResponseWriter, _ *http.Request, echo string) {
		refuse(w, http.StatusForbidden, "security_exception", "not with "+echo)
	},
	func(w http.ResponseWriter, _ *http.Request, echo string) {
		refuse(w, http.StatusBadRequest, "exception", echo)
	},
	func(w http.ResponseWriter, _ *http.Request, echo string) {
		refuse(w, http.StatusInternalServerError, "exception", echo)
	},
	func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = fmt.Fprintf(w, "<html>upstream &quot;%s&quot;</html>", url.QueryEscape(echo))
	},
	func(w http.ResponseWriter, _ *http.Request, echo string) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		_, _ = fmt.Fprintf(w, `{"took": %s`, echo)
	},
	func(w http.ResponseWriter, r *http.Request, echo string) {
		http.Redirect(w, r, "http://"+url.UserPassword("elastic", echo).String()+"@127.0.0.1:1/", http.StatusTemporaryRedirect)
	},
}

// plantedService is a service with a secret wherever it may have one.
type plantedService struct {
	core     string
	env      []string
	token    string
	args     []string
	answered kept // by the receivers of traces
}

// TestSecretsOfService: a service, with other secrets for its cluster, its webhook, its traces and its page, works for a while with a cluster,
// a webhook and a collector that tell them in their errors. No secret is in its log, in any of its pages, in an answer of its API, its
// metrics, its traces, in what commands show of it, and in what it keeps in its indices. TOCSIN_SECRETS_ROUNDS makes it longer.
func TestSecretsOfService(t *testing.T) {
	t.Parallel()
	node := newNode(t)
	for round := range sizeOf(t, "TOCSIN_SECRETS_ROUNDS", 2) {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			t.Parallel()
			tryPlanted(t, node, round)
		})
	}
}

func tryPlanted(t *testing.T, node *Node, round int) {
	t.Helper()
	s := &plantedService{core: fmt.Sprintf("sesame%016x", rand.Uint64())}
	namespace, events, rules, dir := node.Name(fmt.Sprint("s", round)), node.Name(fmt.Sprint("s", round, "-events")), ruleDir(t.TempDir()), t.TempDir()
	node.CreateIndex(t, events, eventMapping())
	rules.add(t, "r", events+"*", `any where event.action == "bad"`, `interval = "1s"`)
	feed := &faulty{node: node, namespace: namespace, events: events, rules: rules}

	var failing atomic.Bool
	target, err := url.Parse(node.URL)
	must(t, err)
	forward := httputil.NewSingleHostReverseProxy(target)
	forward.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {}
	cluster := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if failing.Load() && rand.IntN(4) == 0 {
			echoes[rand.IntN(len(echoes))](w, r, echoOf(r))
			return
		}
		r.Header.Del("Authorization") // the node has no security
		forward.ServeHTTP(w, r)
	}))
	defer cluster.CloseClientConnections()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rand.IntN(2) == 0 {
			w.WriteHeader([]int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusServiceUnavailable}[rand.IntN(3)])
			_, _ = io.WriteString(w, echoOf(r)+" at "+r.URL.RequestURI())
		}
	}))
	defer hook.Close()
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(body)
		}
		_, _ = io.Copy(&s.answered, body)
		if rand.IntN(2) == 0 {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, echoOf(r))
		}
	}))
	defer collector.Close()
	s.plant(t, dir, cluster.URL, hook.URL, collector.URL)
	common := []string{"--namespace", namespace}

	stopEvents := feed.feed(t)
	defer stopEvents()
	log, address, stop := s.start(t, slices.Concat([]string{
		"run", "--rules", string(rules), "--listen", "127.0.0.1:0", "--log-level", "debug", "--settle", "0s", "--request-timeout", "3s", "--lease", "2s",
	}, common, s.args))
	defer stop()
	time.Sleep(4 * time.Second)
	failing.Store(true)
	said := map[string]string{}
	for range 3 {
		time.Sleep(3 * time.Second)
		for place, text := range s.crawl(t, address) {
			said[place] += text
		}
	}
	for _, command := range [][]string{
		{"notify", "list", "--status", "all"}, {"coverage", "gaps", "--rules", string(rules)}, {"doctor", "--rules", string(rules), "--listen", address}, {"config"}, {"runners"}, {"alerts", "list"},
		{"coverage", "executions", "--rules", string(rules)},
	} {
		if command[0] == "notify" {
			failing.Store(false)
		}
		args := slices.Concat(command, common, s.flagsOf(command[0]))
		o := runner(t, s.env, args...)
		said["runner "+strings.Join(command, " ")] = o.out + o.err
		failing.Store(true)
	}
	failing.Store(false)
	stop()
	said["the log"], said["traces"] = log.String(), s.answered.String()
	for _, index := range []string{"tocsin-*-" + namespace, "tocsin-alerts-" + namespace + "-*"} {
		_, found := node.Do(t, http.MethodPost, "/"+index+"/_search?expand_wildcards=all", object{"size": 5000})
		said["the indices "+index] += found.String()
	}
	failures := 0
	for place, text := range said {
		if at := s.leak(text); at >= 0 {
			t.Errorf("%s: …%s…", place, text[max(0, at-200):min(len(text), at+60)])
		}
		if strings.Contains(text, "[redacted]") {
			failures++
		}
	}
	if !strings.Contains(said["the log"], "[redacted]") || len(said["GET /alerts"]) == 0 || len(said["GET /api/v1/rules"]) == 0 || said["traces"] == "" || failures < 3 {
		t.Errorf("nothing was tried: %d places had something to hide; pages and operations: %d\n%s", failures, len(said), log)
	}
	t.Logf("%d places, %d of them had something to hide", len(said), failures)
}

// echoOf returns what a server can say of what it was sent.
func echoOf(r *http.Request) string {
	sent := r.Header.Get("Authorization") + fmt.Sprint(r.Header)
	if _, encoded, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && rand.IntN(2) == 0 {
		plain, _ := base64.StdEncoding.DecodeString(encoded)
		sent = string(plain) + " with " + sent
	}
	return sent
}

// leak returns where a text has the secret, as it is or in base64; -1 if it has not.
func (s *plantedService) leak(text string) int {
	if at := strings.Index(text, s.core); at >= 0 {
		return at
	}
	for _, word := range base64Word.FindAllStringIndex(text, -1) {
		plain, _ := base64.RawStdEncoding.DecodeString(text[word[0]:word[1]])
		if strings.Contains(string(plain), s.core) {
			return word[0]
		}
	}
	return -1
}

var base64Word = regexp.MustCompile(`[A-Za-z0-9+/]{20,}`)

// plant draws where the secrets come from.
func (s *plantedService) plant(t *testing.T, dir, cluster, hook, collector string) {
	t.Helper()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	odd := []string{"", "/x", "%41", "+", "&z", "ü", `"`, "?"}[rand.IntN(8)]
	withUser := strings.Replace(cluster, "://", "://"+url.UserPassword("elastic", s.core+odd).String()+"@", 1)
	s.args = []string{"--elasticsearch", cluster}
	switch rand.IntN(6) {
	case 0:
		s.env, s.args = append(s.env, "TOCSIN_PASSWORD="+s.core+odd), append(s.args, "--username", "elastic")
	case 1:
		s.args = append(s.args, "--username", "elastic", "--password-file", file("password", s.core+odd+"\n"))
	case 2:
		s.env = append(s.env, "TOCSIN_API_KEY=id-1234567890:"+s.core+odd)
	case 3:
		s.args = append(s.args, "--api-key-file", file("key", base64.StdEncoding.EncodeToString([]byte("id:"+s.core+odd))))
	case 4:
		s.args = append(s.args, "--bearer-token-file", file("bearer", s.core))
	default:
		s.args = []string{"--elasticsearch", withUser}
	}
	routes := []string{
		fmt.Sprintf("url = %q\nsecret_env = \"PLANTED\"", hook), `url_env = "PLANTED_PATH"`, fmt.Sprintf("url = %q\nheaders = {Authorization = \"env:PLANTED\"}", hook),
		`url_env = "PLANTED_USER"`,
	}
	s.env = append(
		s.env, "PLANTED="+s.core+odd, "PLANTED_PATH="+hook+"/services/"+s.core+"/x", "PLANTED_USER="+strings.Replace(hook, "://", "://u:"+s.core+"@", 1),
		"OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20"+s.core,
	)
	s.token = s.core + "-of-the-page"
	s.args = append(
		s.args, "--notify", file("routes.toml", "[[route]]\nname = \"planted\"\ntype = \"webhook\"\nkinds = [\"alert\", \"state\", \"recovery\"]\n"+routes[rand.IntN(len(routes))]+"\n"),
		"--trace-endpoint", collector, "--web-token-file", file("tokens", s.token+"\n"),
	)
}

// flagsOf returns the flags of the service that another command has.
func (s *plantedService) flagsOf(command string) []string {
	var out []string
	for i := 0; i+1 < len(s.args); i += 2 {
		switch s.args[i] {
		case "--trace-endpoint", "--web-token-file":
			continue
		case "--notify":
			if command != "doctor" && command != "config" {
				continue
			}
		}
		out = append(out, s.args[i], s.args[i+1])
	}
	return out
}

// start starts the service and waits until it listens.
func (s *plantedService) start(t *testing.T, args []string) (log *kept, address string, stop func()) {
	t.Helper()
	binary, err := buildRunner()
	must(t, err)
	command := exec.CommandContext(t.Context(), binary, args...)
	log = &kept{}
	command.Stderr, command.Stdout = log, log
	command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, s.env...)
	must(t, command.Start())
	stop = sync.OnceFunc(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	begun := time.Now()
	for {
		if m := listening.FindStringSubmatch(log.String()); m != nil {
			return log, m[1], stop
		}
		if time.Since(begun) > 30*time.Second {
			stop()
			t.Fatalf("it does not listen:\n%s", log)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

var (
	listening = regexp.MustCompile(`msg=listening address=(\S+)`)
	link      = regexp.MustCompile(`(?:href|src)="(/[^"#]*)"`)
)

// crawl asks the service for every page that a page links, every operation of the API that only reads, and its metrics, with its token
// and without.
func (s *plantedService) crawl(t *testing.T, address string) map[string]string {
	t.Helper()
	client := &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	said := map[string]string{}
	ask := func(path, token string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
		must(t, err)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Errorf("GET %s: %v", path, err)
			return ""
		}
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(answer.Body)
		short, _, _ := strings.Cut(path, "?")
		said["GET "+short] += fmt.Sprint(answer.Header) + string(body)
		return string(body)
	}
	todo := []string{"/", "/metrics", "/readyz", "/healthz"}
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	_ = json.Unmarshal([]byte(ask("/api/v1/openapi.json", s.token)), &document)
	for path, methods := range document.Paths {
		if methods["get"] != nil {
			todo = append(todo, strings.ReplaceAll(path, "{id}", "r"))
		}
	}
	for i := 0; i < len(todo) && i < 80; i++ {
		body := ask(todo[i], s.token)
		_ = ask(todo[i], "")
		for _, m := range link.FindAllStringSubmatch(body, -1) {
			if path := strings.ReplaceAll(m[1], "&amp;", "&"); !slices.Contains(todo, path) && !strings.HasPrefix(path, "/logout") {
				todo = append(todo, path)
			}
		}
	}
	return said
}
