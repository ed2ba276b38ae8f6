//go:build integration

package elastic_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// node is the real Elasticsearch that these tests are about.
func node(t *testing.T) string {
	t.Helper()
	url := os.Getenv("TOCSIN_ELASTICSEARCH_URL")
	if url == "" {
		t.Fatal("TOCSIN_ELASTICSEARCH_URL is not set: these tests need a real Elasticsearch 8.19")
	}
	return strings.TrimRight(url, "/")
}

// realClient returns a client of the node, and a request function for what the client cannot do.
func realClient(t *testing.T) (*elastic.Client, func(method, path, body string) string) {
	t.Helper()
	base := node(t)
	c := newClient(t, elastic.Config{URLs: []string{base}, RequestTimeout: 30 * time.Second})
	return c, func(method, path, body string) string {
		t.Helper()
		return request(t, method, base+path, body)
	}
}

func request(t *testing.T, method, url, body string) string {
	t.Helper()
	// Cleaning up happens after the test's own context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode > 299 && method != http.MethodDelete {
		t.Fatalf("%s %s: %d: %s", method, url, res.StatusCode, text)
	}
	return string(text)
}

// prefix returns a name that only this test uses.
func prefix(t *testing.T) string {
	t.Helper()
	return fmt.Sprintf("elc-%s-%x", strings.ToLower(strings.TrimPrefix(t.Name(), "TestReal")), time.Now().UnixNano()&0xffffff)
}

type do = func(method, path, body string) string

func makeIndex(t *testing.T, do do, name, body string) {
	t.Helper()
	t.Cleanup(func() { do("DELETE", "/"+name, "") })
	do("PUT", "/"+name, body)
}

func bulk(t *testing.T, do do, lines ...string) {
	t.Helper()
	if out := do("POST", "/_bulk?refresh=true", strings.Join(lines, "\n")+"\n"); !strings.Contains(out, `"errors":false`) {
		t.Fatalf("bulk: %s", out)
	}
}

func create(index, id, source string) string {
	return fmt.Sprintf("{\"create\":{\"_index\":%q,\"_id\":%q}}\n%s", index, id, source)
}

func TestRealPing(t *testing.T) {
	c, _ := realClient(t)
	info, err := c.Ping(t.Context())
	if err != nil || !strings.HasPrefix(info.Version, "8.") || info.Name == "" {
		t.Fatalf("Ping() = %+v, %v", info, err)
	}
}

func TestRealPaging(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var lines, want []string
	times := map[string]string{}
	for i := range 3 {
		typ := []string{"date", "date_nanos", "date"}[i]
		makeIndex(t, do, fmt.Sprintf("%s-%d", p, i), `{"mappings":{"properties":{"@timestamp":{"type":"`+typ+`"},"event.ingested":{"type":"date"}}}}`)
	}
	for i := range 2500 {
		index, id := fmt.Sprintf("%s-%d", p, i%3), strconv.Itoa(i)
		source := fmt.Sprintf(`{"n":%d}`, i) // Every tenth event has no time at all, every seventh only the fallback.
		at := start.Add(time.Duration(i/7) * time.Second).Format(time.RFC3339)
		switch {
		case i%10 == 0:
		case i%7 == 0:
			source = fmt.Sprintf(`{"n":%d,"event":{"ingested":%q}}`, i, at)
		default:
			source = fmt.Sprintf(`{"n":%d,"@timestamp":%q}`, i, at)
			times[index+"/"+id] = at
		}
		lines = append(lines, create(index, id, source))
		want = append(want, index+"/"+id)
	}
	bulk(t, do, lines...)
	target, err := c.Resolve(t.Context(), []string{p + "-*"}, []string{"@timestamp"})
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := target.Fields.Field("@timestamp"); f.Type != mapping.DateNanos || f.Conflict != nil {
		t.Errorf("date and date_nanos together give %+v", f)
	}
	many := []string{p + "-0", p + "-1"} // One of them is matched by two parts of the patterns.
	for i := range 300 {
		many = append(many, fmt.Sprintf("%s-none-%03d-*", p, i))
	}
	many = append(many, p+"-*")
	for _, patterns := range [][]string{many, {p + "-*"}} {
		types := target.Fields
		for _, descending := range []bool{false, true} {
			for _, size := range []int{100, 834, 5000} {
				var got []string
				if size == 834 {
					types = nil
				}
				res, err := c.Search(t.Context(), search.Request{
					Patterns: patterns, Where: condition.Const(true), PageSize: size, Descending: descending,
					Time: search.TimeRange{Field: "@timestamp", Fallback: "event.ingested"}, FieldTypes: types,
				}, ids(&got))
				if err != nil || res.Total != 2500 && len(patterns) == 1 || res.Total != -1 && len(patterns) > 1 {
					t.Fatalf("size %d: %+v, %v", size, res, err)
				}
				if !slices.IsSortedFunc(got, byTime(times, descending)) {
					t.Errorf("size %d descending %v, %d patterns: not in order of time", size, descending, len(patterns))
				}
				if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
					t.Fatalf("size %d descending %v, %d patterns: %d of %d events (-want +got):\n%.600s",
						size, descending, len(patterns), len(got), len(want), diff)
				}
			}
		}
	}
	var got []string
	w := window.Window{From: start.Add(10 * time.Second), To: start.Add(20 * time.Second)}
	res, err := c.Search(t.Context(), search.Request{
		Patterns: []string{p + "-*"}, Where: condition.Const(true), PageSize: 7,
		Time: search.TimeRange{Field: "@timestamp", Window: w},
	}, func(page []event.Event) (bool, error) {
		_, _ = ids(&got)(page)
		return len(got) < 14, nil
	})
	if err != nil || len(got) != 14 || res.Pages != 2 {
		t.Errorf("stopped after two pages: %d events, %+v, %v", len(got), res, err)
	}
}

// byTime orders events by their time, those without one last.
func byTime(times map[string]string, descending bool) func(a, b string) int {
	return func(a, b string) int {
		order := strings.Compare(times[a], times[b])
		if descending && times[a] != "" && times[b] != "" || times[a] == "" != (times[b] == "") {
			order = -order
		}
		return order
	}
}

func TestRealResolve(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	makeIndex(t, do, p+"-a", `{"aliases":{"`+p+`-alias":{}},"mappings":{"properties":{
		"msg":{"type":"text","fields":{"raw":{"type":"keyword","ignore_above":40}}},
		"two":{"type":"text","fields":{"a":{"type":"keyword"},"b":{"type":"keyword"}}},
		"mixed":{"type":"keyword"},"narrow":{"type":"integer"},"obj":{"properties":{"k":{"type":"keyword"}}},
		"nest":{"type":"nested","properties":{"k":{"type":"keyword"}}},"flat":{"type":"flattened"},
		"ver":{"type":"version"},"al":{"type":"alias","path":"obj.k"},"only":{"type":"ip"},
		"const":{"type":"constant_keyword","value":"one"},"low":{"type":"keyword","normalizer":"lowercase"}}}}`)
	makeIndex(t, do, p+"-b", `{"mappings":{"properties":{"mixed":{"type":"long"},"narrow":{"type":"long"},
		"const":{"type":"constant_keyword","value":"two"}}}}`)
	makeIndex(t, do, p+"-closed", `{}`)
	do("POST", "/"+p+"-closed/_close", "")
	makeIndex(t, do, "."+p+"-hidden", `{"settings":{"index.hidden":true}}`)
	makeIndex(t, do, p+"-veiled", `{"settings":{"index.hidden":true}}`)

	rows := []struct {
		name                  string
		patterns              []string
		open, missing, closed []string
		// unread are names that are not read: closed, or of an unknown cluster.
		unread []string
	}{
		{"wildcard", []string{p + "-*"}, []string{p + "-a", p + "-alias", p + "-b"}, nil, []string{p + "-closed"}, []string{p + "-closed"}},
		{"names, one missing", []string{p + "-a", p + "-none"}, []string{p + "-a"}, []string{p + "-none"}, nil, nil},
		{"closed by name", []string{p + "-closed", p + "-b"}, []string{p + "-b"}, []string{}, []string{p + "-closed"}, []string{p + "-closed"}},
		{"nothing", []string{p + "-none-*"}, nil, []string{p + "-none-*"}, nil, nil},
		{"exclusion", []string{p + "-*", "-" + p + "-a*"}, []string{p + "-b"}, nil, []string{p + "-closed"}, []string{p + "-closed"}},
		{"all excluded", []string{p + "-a*", "-" + p + "-*"}, nil, []string{p + "-a*"}, nil, nil},
		{"alias", []string{p + "-alias"}, []string{p + "-alias"}, nil, nil, nil},
		{"dot finds hidden", []string{"." + p + "-*"}, []string{"." + p + "-hidden"}, nil, nil, nil},
		{"hidden by name does not answer for a wildcard", []string{p + "-veiled", p + "-v*"}, []string{p + "-veiled"}, []string{p + "-v*"}, nil, nil},
		{"unknown cluster", []string{"nowhere:" + p + "-*", p + "-b"}, []string{p + "-b"}, []string{}, nil, []string{"nowhere:" + p + "-*"}},
		{"none at all", nil, nil, nil, nil, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := c.Resolve(t.Context(), row.patterns, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := search.Target{Indices: row.open, Missing: row.missing, Closed: row.closed, Fields: mapping.Table{}}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(search.Target{}, "Unread")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var unread []string
			for _, u := range got.Unread {
				unread = append(unread, u.Name)
			}
			if diff := cmp.Diff(row.unread, unread); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
			if row.name == "unknown cluster" {
				return // A search that names it is an error, as it is on Elasticsearch.
			}
			res, err := c.Search(t.Context(), search.Request{Patterns: row.patterns, Where: condition.Const(true)}, nil)
			if nowhere := len(row.open) == 0 && len(row.patterns) > 0; (err != nil) != nowhere || res.Total != 0 {
				t.Errorf("search of no documents: %+v, %v", res, err)
			}
		})
	}
	t.Run("fields", func(t *testing.T) { realFields(t, c, p) })
	t.Run("more patterns than fit a URL", func(t *testing.T) {
		patterns := []string{p + "-*"}
		for i := range 400 {
			patterns = append(patterns, fmt.Sprintf("%s-none-%03d-*", p, i))
		}
		patterns = append(patterns, "-"+p+"-a*")
		got, err := c.Resolve(t.Context(), patterns, []string{"mixed", "obj.k"})
		if err != nil || len(got.Missing) != 400 || !slices.Equal(got.Indices, []string{p + "-b"}) {
			t.Fatalf("%d missing, open %v, %v", len(got.Missing), got.Indices, err)
		}
		if f, _ := got.Fields.Field("mixed"); f.Type != mapping.Long {
			t.Errorf("mixed = %+v", f)
		}
	})
}

func realFields(t *testing.T, c *elastic.Client, p string) {
	t.Helper()
	fields := []string{
		"msg", "two", "mixed", "narrow", "obj", "nest.k", "flat.some.key", "ver", "al", "only", "const", "low",
		"none", "_id", "_index",
	}
	for i := range 300 { // Many fields: they must not end up in a URL.
		fields = append(fields, fmt.Sprintf("a.field.that.is.not.mapped.anywhere.%d", i))
	}
	got, err := c.Resolve(t.Context(), []string{p + "-*"}, fields)
	if err != nil {
		t.Fatal(err)
	}
	want := mapping.Table{
		"msg":     {Name: "msg", Type: mapping.Text, Exact: "msg.raw"},
		"msg.raw": {Name: "msg.raw", Type: mapping.Keyword, Path: "msg", IgnoreAbove: 40},
		"two":     {Name: "two", Type: mapping.Text},
		"two.a":   {Name: "two.a", Type: mapping.Keyword, Path: "two"},
		"two.b":   {Name: "two.b", Type: mapping.Keyword, Path: "two"},
		"mixed":   {Name: "mixed", Type: mapping.Keyword, Conflict: []string{"long in [" + p + "-b]"}},
		"narrow":  {Name: "narrow", Type: mapping.Long},
		"obj":     {Name: "obj", Type: mapping.Object, Members: []string{"obj.k"}},
		"obj.k":   {Name: "obj.k", Type: mapping.Keyword},
		"nest":    {Name: "nest", Type: mapping.Nested, Members: []string{"nest.k"}},
		"nest.k":  {Name: "nest.k", Type: mapping.Keyword, Opaque: "it is in the nested object [nest]"},
		"flat":    {Name: "flat", Type: mapping.Flattened},
		"ver":     {Name: "ver", Type: mapping.Version},
		"al":      {Name: "al", Type: mapping.Keyword, Path: "obj.k"},
		"only":    {Name: "only", Type: mapping.IP},
		"const":   {Name: "const", Type: mapping.ConstantKeyword},
		"low":     {Name: "low", Type: mapping.Keyword, Normalizer: "lowercase"},
	}
	for name, f := range mapping.Metadata() {
		if name == "_index" {
			f.Unsourced = "it also stands for aliases of the index"
		}
		want[name] = f
	}
	table := mapping.Table{}
	for _, name := range got.Fields.(interface{ Names() []string }).Names() {
		table[name], _ = got.Fields.Field(name)
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if own, _ := mapping.OfIndex(got.Fields, p+"-b").Field("mixed"); own.Type != mapping.Long || len(own.Conflict) > 0 {
		t.Errorf("mixed in one of the indices: %+v", own)
	}
	one, err := c.Resolve(t.Context(), []string{p + "-a"}, []string{"const"})
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := one.Fields.Field("const"); f.Constant == nil || *f.Constant != "one" {
		t.Errorf("constant of one index: %+v", f)
	}
}

func TestRealPartial(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	makeIndex(t, do, p+"-ok", `{}`)
	bulk(t, do, create(p+"-ok", "1", `{"@timestamp":"2026-01-01T00:00:00Z"}`), create(p+"-ok", "2", `{"@timestamp":"2026-01-01T00:00:01Z"}`))
	t.Cleanup(func() { do("DELETE", "/"+p+"-red", "") })
	do("PUT", "/"+p+"-red?wait_for_active_shards=0", `{"settings":{"index.routing.allocation.require._name":"no-such-node"}}`)

	var got []string
	req := search.Request{
		Patterns: []string{p + "-*"}, Where: condition.Const(true), PageSize: 1,
		Time: search.TimeRange{Field: "@timestamp"},
	}
	_, err := c.Search(t.Context(), req, ids(&got))
	if failure.KindOf(err) != failure.Partial || !strings.Contains(err.Error(), "1 of 2 shards failed: ["+p+"-red] no_shard_available") {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{p + "-ok/1", p + "-ok/2"}, got); diff != "" {
		t.Errorf("hits of the healthy index (-want +got):\n%s", diff)
	}
	target, err := c.Resolve(t.Context(), req.Patterns, []string{"@timestamp"})
	if failure.KindOf(err) != failure.Partial || !strings.Contains(err.Error(), p+"-red") {
		t.Errorf("resolve: %v", err)
	}
	if f, _ := target.Fields.Field("@timestamp"); f.Type != mapping.Date {
		t.Errorf("resolve keeps what is known: %+v", f)
	}
	quick := newClient(t, elastic.Config{URLs: []string{node(t)}, MaxRetries: -1})
	req.Patterns = []string{p + "-red"}
	if _, err = quick.Search(t.Context(), req, ids(&got)); failure.KindOf(err) != failure.Unavailable {
		t.Errorf("nothing but a red index: %v", err)
	}
	req.Patterns, req.Where = []string{p + "-ok"}, condition.Regexp{Field: "x", Pattern: "(((", Fold: false}
	if _, err = c.Search(t.Context(), req, ids(&got)); failure.KindOf(err) != failure.Rejected {
		t.Errorf("a wrong query: %v", err)
	}
}

func TestRealDataStream(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	t.Cleanup(func() {
		do("DELETE", "/_data_stream/"+p, "")
		do("DELETE", "/_index_template/"+p, "")
	})
	do("PUT", "/_index_template/"+p, `{"index_patterns":["`+p+`*"],"data_stream":{},"priority":900,
		"template":{"mappings":{"properties":{"host":{"properties":{"name":{"type":"keyword"}}}}}}}`)
	bulk(t, do, create(p, "1", `{"@timestamp":"2026-01-01T00:00:00Z","host":{"name":"a"}}`))
	target, err := c.Resolve(t.Context(), []string{p + "*"}, []string{"host.name"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{p}, target.Indices); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if f, _ := target.Fields.Field("host.name"); f.Type != mapping.Keyword {
		t.Errorf("host.name = %+v", f)
	}
	var got []event.Event
	_, err = c.Search(t.Context(), search.Request{
		Patterns: []string{p + "*"}, Where: condition.Term{Field: "host.name", Value: "a"}, Fields: []string{"host.name"},
		Time: search.TimeRange{Field: "@timestamp"},
	}, func(page []event.Event) (bool, error) { got = append(got, page...); return true, nil })
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	if !strings.HasPrefix(got[0].Index, ".ds-"+p+"-") || event.DataStream(got[0].Index) != p {
		t.Errorf("index %q, data stream %q", got[0].Index, event.DataStream(got[0].Index))
	}
	if diff := cmp.Diff([]any{"a"}, got[0].Fields["host.name"]); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}
