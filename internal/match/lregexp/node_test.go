package lregexp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/match/lregexp"
)

// node is an index of a real Elasticsearch holding one document for each value.
type node struct {
	*testing.T
	url    string
	values []string
}

func newNode(t *testing.T, name string, values []string) node {
	t.Helper()
	base := os.Getenv("TOCSIN_ELASTICSEARCH_URL")
	if base == "" {
		t.Skip("TOCSIN_ELASTICSEARCH_URL is not set")
	}
	n := node{t, fmt.Sprintf("%s/lre-%s-%d", base, name, os.Getpid()), values}
	n.do(http.MethodPut, "", `{"settings": {"number_of_shards": 1, "number_of_replicas": 0, "max_result_window": 100000},
		"mappings": {"properties": {"f": {"type": "keyword"}}}}`)
	t.Cleanup(func() { n.do(http.MethodDelete, "", "") })
	var bulk strings.Builder
	for _, v := range values {
		doc, _ := json.Marshal(map[string]string{"f": v})
		fmt.Fprintf(&bulk, "{\"index\":{}}\n%s\n", doc)
	}
	if b := n.do(http.MethodPost, "/_bulk?refresh=true", bulk.String()); !bytes.Contains(b, []byte(`"errors":false`)) {
		t.Fatalf("%s", b)
	}
	return n
}

func (n node) do(method, path, body string) []byte {
	n.Helper()
	ctx := context.WithoutCancel(n.Context()) // the index is deleted after the test
	req, err := http.NewRequestWithContext(ctx, method, n.url+path, strings.NewReader(body))
	if err != nil {
		n.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		n.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil {
		n.Fatal(err)
	}
	return b.Bytes()
}

// search returns the values a pattern finds, or why the node refuses it.
func (n node) search(pattern string, opts lregexp.Options) (found map[string]bool, refusal string) {
	n.Helper()
	query, _ := json.Marshal(map[string]any{
		"size": len(n.values), "query": map[string]any{"regexp": map[string]any{"f": map[string]any{
			"value": pattern, "flags_value": opts.Flags, "case_insensitive": opts.CaseInsensitive,
		}}},
	})
	body := n.do(http.MethodPost, "/_search", string(query))
	var answer struct {
		Error json.RawMessage
		Hits  struct {
			Hits []struct {
				Source struct{ F string } `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		n.Fatal(err)
	}
	if answer.Error != nil {
		return nil, string(answer.Error)
	}
	found = map[string]bool{}
	for _, h := range answer.Hits.Hits {
		found[h.Source.F] = true
	}
	return found, ""
}

// complexity is in the node's refusal of a pattern that it could parse.
func complexity(refusal string) bool {
	return strings.Contains(refusal, "Determinizing") || strings.Contains(refusal, "too large") ||
		strings.Contains(refusal, "circuit_breaking_exception")
}

// agree compares the answers for one pattern, and reports whether the node took it.
func (n node) agree(pattern string, opts lregexp.Options) bool {
	n.Helper()
	found, refusal := n.search(pattern, opts)
	re, err := lregexp.Compile(pattern, opts)
	var syntax *lregexp.SyntaxError
	switch {
	case complexity(refusal):
		return false
	case errors.As(err, &syntax) != (refusal != "") || err != nil && syntax == nil:
		n.Errorf("%q (%+v): got error %v, the node answers %q", pattern, opts, err, refusal)
		return false
	case err != nil:
		return false
	}
	for _, v := range n.values {
		if re.Match(v) != found[v] {
			n.Errorf("%q (%+v) on %q: got %v", pattern, opts, v, re.Match(v))
		}
	}
	return true
}

// TestNodeTable asks a node about the tables of the other tests.
func TestNodeTable(t *testing.T) {
	all := map[string]bool{}
	for _, r := range table {
		for _, v := range append(append(list{}, r.yes...), r.no...) {
			all[v] = true
		}
	}
	n := newNode(t, "table", slices.Sorted(maps.Keys(all)))
	for _, r := range table {
		if !n.agree(r.pattern, r.options()) {
			t.Errorf("%s: refused", r.pattern)
		}
	}
	for _, e := range syntaxErrors {
		n.agree(e.in, lregexp.Options{Flags: e.flags})
	}
	t.Logf("%d pairs", len(table)*len(n.values))
}

// soup is a pattern without a grammar.
func soup(r *rand.Rand) string {
	tokens := []string{
		"a", "b", "A", "0", "1", "9", "é", "😀", "-", " ", "^", "$", ",", ".", ".", "|", "&", "~", "@", "#",
		"?", "*", "+", "?", "*", "+", "(", ")", "(a", "b)", "[", "]", "[^", "[a-", "a-b", `"`, `"a"`, `\`, `\\`, `\d`, `\W`, `\s`,
		"()", `""`, "(.a)", "a.", "#", "*{0,}", `\"`, `\n`, `\]`, `\[`, "{", "}", "{2}", "{1,", "{0,2}", "<", ">", "<1-12>", "<01-9", "<00-10>",
	}
	var b strings.Builder
	for range 1 + r.IntN(9) {
		b.WriteString(tokens[r.IntN(len(tokens))])
	}
	return b.String()
}

// TestNodeGenerated compares generated patterns, well-formed ones and others.
func TestNodeGenerated(t *testing.T) {
	const patterns = 4000
	r := rand.New(rand.NewPCG(1, 2))
	all := map[string]bool{"": true, "\u212a": true, "ſ": true, "É": true, "٣": true}
	for i := range 100 {
		all[values.Example(i)] = true
	}
	for range 300 {
		all[soup(r)] = true
	}
	for i := range 15 {
		all[strconv.Itoa(i)], all[fmt.Sprintf("%02d", i)] = true, true
	}
	n := newNode(t, "generated", slices.Sorted(maps.Keys(all)))
	structured := rapid.Custom(func(t *rapid.T) struct {
		pattern string
		opts    lregexp.Options
	} {
		opts := options.Draw(t, "options")
		return struct {
			pattern string
			opts    lregexp.Options
		}{generator{t, opts}.expr(4).pattern, opts}
	})
	taken := 0
	for i := range patterns {
		p := structured.Example(i)
		if i%2 == 0 {
			p.pattern, p.opts = soup(r), lregexp.Options{Flags: lregexp.Flags(r.IntN(256)), CaseInsensitive: r.IntN(2) == 0}
			if r.IntN(2) == 0 {
				p.opts.Flags = lregexp.All
			}
		}
		if n.agree(p.pattern, p.opts) {
			taken++
		}
		if t.Failed() && i > 200 {
			break
		}
	}
	t.Logf("%d patterns, %d taken by the node: %d pairs", patterns, taken, taken*len(n.values))
}
