package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
)

// answer is what a server says to some requests.
type answer struct {
	// Request is a regular expression for "METHOD /path?query".
	Request string
	Status  int // 200 when absent.
	Body    json.RawMessage
	// Product is the header by which Elasticsearch makes itself known, which is sent when absent.
	Product *string
	// Last makes the server go away after this answer.
	Last bool

	match *regexp.Regexp
}

// healthy is how a cluster answers that has one index without any event in it.
const healthy = `
{"request":"^GET /$","body":{"cluster_name":"fake","version":{"number":"8.19.0"}}}
{"request":"^GET /_alias/","body":{"tocsin-alerts-default-000001":{"aliases":{"tocsin-alerts-default":{"is_write_index":true}}}}}
{"request":"^GET /_resolve/index/","body":{"indices":[{"name":"logs-web","attributes":["open"]}],"aliases":[],"data_streams":[]}}
{"request":"/_settings/index.refresh_interval","body":{}}
{"request":"/_field_caps","body":{"indices":["logs-web"],"fields":{"@timestamp":{"date":{"type":"date"}},
  "event.category":{"keyword":{"type":"keyword"}},"process.name":{"keyword":{"type":"keyword"}},
  "process.parent.name":{"keyword":{"type":"keyword"}}}}}
{"request":"/_mapping/field","body":{}}
{"request":"^GET /tocsin-leases-","status":404,"body":{"found":false}}
{"request":"/_has_privileges","status":400,"body":{"error":"no handler found for uri [/_security/user/_has_privileges]","status":400}}
{"request":"/_pit","body":{"id":"pit"}}
{"request":"/_search","body":{"took":1,"timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{"total":{"value":0,"relation":"eq"},"hits":[]}}}
{"request":"","body":{"acknowledged":true}}
`

// fakeServer answers as it was told. It proves nothing about Elasticsearch: it is for answers that a
// real one is not easily made to give.
type fakeServer struct {
	*httptest.Server
	answers []answer
	// before, if any, is called ahead of every answer.
	before func(*http.Request)
	gone   sync.Once
}

// newFakeServer starts a server. It gives the first answer that fits: of those that r holds as JSON
// objects, else the [healthy] ones.
func newFakeServer(r io.Reader, before func(*http.Request)) (*fakeServer, error) {
	f := &fakeServer{before: before}
	dec := json.NewDecoder(io.MultiReader(r, strings.NewReader(healthy)))
	for dec.More() {
		a := answer{Status: http.StatusOK}
		if err := dec.Decode(&a); err != nil {
			return nil, fmt.Errorf("decode answer: %w", err)
		}
		var err error
		if a.match, err = regexp.Compile(a.Request); err != nil {
			return nil, fmt.Errorf("answer: %w", err)
		}
		f.answers = append(f.answers, a)
	}
	f.Server = httptest.NewUnstartedServer(f)
	f.Start()
	return f, nil
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.before != nil {
		f.before(r)
	}
	if strings.HasPrefix(r.URL.Path, "/tocsin-ledger-") && strings.HasSuffix(r.URL.Path, "/_bulk") {
		keepLedger(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/tocsin-ledger-") && strings.HasSuffix(r.URL.Path, "/_mget") {
		emptyLedger(w, r)
		return
	}
	for _, a := range f.answers {
		if !a.match.MatchString(r.Method + " " + r.URL.RequestURI()) {
			continue
		}
		product := "Elasticsearch"
		if a.Product != nil {
			product = *a.Product
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Elastic-Product", product)
		if a.Last {
			w.Header().Set("Connection", "close")
			f.gone.Do(func() { _ = f.Listener.Close() })
		}
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
		return
	}
}

// emptyLedger answers that none of the documents is there.
func emptyLedger(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		IDs []string `json:"ids"`
	}
	_ = json.NewDecoder(r.Body).Decode(&asked)
	docs := make([]string, len(asked.IDs))
	for i := range docs {
		docs[i] = `{"found":false}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	_, _ = fmt.Fprintf(w, `{"docs":[%s]}`, strings.Join(docs, ","))
}

// keepLedger answers a bulk of two lines for each document, all of which are written.
func keepLedger(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	items := make([]string, strings.Count(string(body), "\n")/2)
	for i := range items {
		items[i] = `{"create":{"status":201,"_seq_no":1,"_primary_term":1}}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	_, _ = fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
}
