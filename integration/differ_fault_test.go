//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/search"
	"tocsin/internal/search/planner"
	"tocsin/internal/testkit/indexgen"
)

// TestIndicesDifferFaults: what TestIndicesDiffer compares tells a wrong mapping from a right one. For
// each kind, what memory is told of the mappings is wrong, by the node's answers or by the mapping
// file, and rules have to come to something else.
func TestIndicesDifferFaults(t *testing.T) {
	node := newNode(t)
	client, err := elastic.New(elastic.Config{URLs: []string{node.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	for _, kind := range indexgen.Kinds[1:] { // the first differs in nothing
		if !strings.HasPrefix(kind.Name, *differKind) {
			continue
		}
		w := indexgen.New(kind, *differSeed, indexgen.Options{Prefix: node.Name(kind.Name) + "-", Documents: *differDocuments, Candidates: 12})
		d := newDiffer(t, node, client, w, kind, differTypes(), 1)
		want := d.run(t, differModes[0], client, d.rules)
		for _, m := range []differMode{{"scan", planner.Scan, false}, {"embedded", planner.Auto, true}} {
			if m.embedded && !kind.FaultInFiles() || !m.embedded && !kind.FaultInScan() {
				continue
			}
			got := d.run(t, m, d.deceived(t, m), d.rules)
			differ := 0
			for _, r := range d.rules {
				if d.difference(r, m, want[r.ID], got[r.ID]) != "" {
					differ++
				}
			}
			t.Logf("%s [%s]: %d of %d rules differ", kind.Name, m.name, differ, len(d.rules))
			if differ == 0 {
				t.Errorf("%s [%s]: no rule comes to anything else under wrong mappings", kind.Name, m.name)
			}
		}
		d.remove(t)
	}
}

// deceived is where events are for a mode that is told wrong mappings.
func (d *differ) deceived(t *testing.T, m differMode) search.Events {
	t.Helper()
	if m.embedded {
		if d.kind.FaultInNames() {
			text, err := os.ReadFile(d.file)
			must(t, err)
			must(t, os.WriteFile(d.file, d.renamed(text), 0o600))
			return d.open(t, d.mapping(t))
		}
		return d.open(t, d.kind.Fault(d.world, d.mapping(t)))
	}
	to, err := url.Parse(d.node.URL)
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: d.deceive,
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	client, err := elastic.New(elastic.Config{URLs: []string{server.URL}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close(t.Context()) })
	return client
}

// deceive changes what the node says of mappings, or of where its hits are.
func (d *differ) deceive(r *http.Response) error {
	path := r.Request.URL.Path
	ofMappings := strings.Contains(path, "/_mapping") || strings.HasSuffix(path, "/_field_caps")
	if d.kind.FaultInNames() {
		ofMappings = strings.HasSuffix(path, "_search")
	}
	if !ofMappings || r.StatusCode != http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	switch {
	case d.kind.FaultInNames(), strings.HasSuffix(path, "/_field_caps"):
		text = d.renamed(text)
	case !strings.HasSuffix(path, "/_mapping"):
		if text, err = d.deceiveOfFields(text); err != nil {
			return err
		}
	default:
		var mappings object
		if err := json.Unmarshal(text, &mappings); err != nil {
			return err
		}
		if text, err = json.Marshal(d.kind.Fault(d.world, mappings)); err != nil {
			return err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	r.ContentLength = int64(len(text))
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// deceiveOfFields changes an answer of GET _mapping/field.
func (d *differ) deceiveOfFields(text []byte) ([]byte, error) {
	var answer map[string]struct {
		Mappings map[string]struct {
			Name    string            `json:"full_name"`
			Mapping map[string]object `json:"mapping"`
		} `json:"mappings"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	damaged := false
	for _, index := range answer {
		for name, field := range index.Mappings {
			for last, definition := range field.Mapping {
				if wrong := d.kind.FaultOfField(name, definition); wrong != nil {
					field.Mapping[last], damaged = wrong, true
				}
			}
		}
	}
	if !damaged {
		return d.renamed(text), nil
	}
	return json.Marshal(answer)
}

// renamed gives every index of events the name of the one before it.
func (d *differ) renamed(text []byte) []byte {
	events := d.world.Indices[:len(d.world.Indices)-1]
	var pairs []string
	for i, index := range events {
		pairs = append(pairs, fmt.Sprintf("%q", events[(i+1)%len(events)].Name), fmt.Sprintf("%q", index.Name))
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(text)))
}
