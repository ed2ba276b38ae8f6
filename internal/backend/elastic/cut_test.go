package elastic_test

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

// cutter gives up the first answer to every path, in some way.
type cutter struct {
	cut func(w http.ResponseWriter, answer string)

	mu    sync.Mutex
	asked map[string]int
	major int
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.mu.Lock()
	c.asked[r.Method+r.URL.Path]++
	first := c.asked[r.Method+r.URL.Path] == 1
	c.major = r.ProtoMajor
	c.mu.Unlock()
	text := infoJSON
	switch {
	case strings.HasSuffix(r.URL.Path, "/_pit"):
		text = `{"id":"p","_shards":{"total":1,"successful":1,"failed":0},"succeeded":true}`
	case r.URL.Path == "/_search":
		text = `{"_shards":{"total":1},"hits":{"hits":[{"_index":"logs","_id":"1","_source":{"a":1},"sort":[1,1]}]}}`
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	if first && r.Method != http.MethodDelete {
		c.cut(w, text)
		return
	}
	_, _ = io.WriteString(w, text)
}

// TestCutAnswersAreAskedForAgain: an answer that ends before its end, however it is sent, is no answer; the request is
// made again, and what comes then counts.
func TestCutAnswersAreAskedForAgain(t *testing.T) {
	t.Parallel()
	flush := func(w http.ResponseWriter) {
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
	cuts := map[string]func(w http.ResponseWriter, answer string){
		"with its length": func(w http.ResponseWriter, answer string) {
			w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
			_, _ = io.WriteString(w, answer[:len(answer)/2])
			flush(w)
			panic(http.ErrAbortHandler)
		},
		"without its length": func(w http.ResponseWriter, answer string) {
			_, _ = io.WriteString(w, answer[:len(answer)/2])
			flush(w)
			panic(http.ErrAbortHandler)
		},
		"behind the head": func(w http.ResponseWriter, _ string) {
			w.WriteHeader(http.StatusOK)
			flush(w)
			panic(http.ErrAbortHandler)
		},
		"before the head":  func(http.ResponseWriter, string) { panic(http.ErrAbortHandler) },
		"as if it were it": func(w http.ResponseWriter, answer string) { _, _ = io.WriteString(w, answer[:len(answer)/2]) },
		"to nothing":       func(http.ResponseWriter, string) {},
	}
	for name, start := range map[string]func(s *httptest.Server){
		"HTTP/1":          func(s *httptest.Server) { s.Start() },
		"HTTP/1 over TLS": func(s *httptest.Server) { s.StartTLS() },
		"HTTP/2 over TLS": func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
	} {
		for how, cut := range cuts {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				c := &cutter{cut: cut, asked: map[string]int{}}
				server := httptest.NewUnstartedServer(c)
				server.Config.ErrorLog = nil
				start(server)
				defer server.Close()
				client, err := elastic.New(elastic.Config{URLs: []string{server.URL}, CAFile: authority(t, server)})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = client.Close(t.Context()) }()
				info, err := client.Ping(t.Context())
				if err != nil || info.Name == "" {
					t.Errorf("ping: %v, %v", info, err)
				}
				found := 0
				_, err = client.Search(t.Context(), search.Request{Patterns: []string{"logs"}, Where: condition.Const(true)}, func(page []event.Event) (bool, error) {
					found += len(page)
					return true, nil
				})
				if err != nil || found != 1 {
					t.Errorf("search: %d events, %v", found, err)
				}
				if want := map[bool]int{true: 2, false: 1}[name == "HTTP/2 over TLS"]; c.major != want {
					t.Errorf("HTTP/%d was spoken", c.major)
				}
				for path, n := range c.asked {
					if n != 2 && !strings.HasPrefix(path, http.MethodDelete) {
						t.Errorf("%s was asked for %d times", path, n)
					}
				}
			})
		}
	}
}

// authority is a file with the certificate of a server, "" where it has none.
func authority(t *testing.T, server *httptest.Server) string {
	t.Helper()
	if server.Certificate() == nil {
		return ""
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
