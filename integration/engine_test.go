//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The tests in this file test Elasticsearch, not Tocsin: they state the behaviour on which the runner relies, on
// the node of the suite.

type object = map[string]any

// ecsMapping has the field types of typical ECS data.
func ecsMapping() object {
	keyword := object{"type": "keyword", "ignore_above": 1024}
	return object{"properties": object{
		"@timestamp":          object{"type": "date"},
		"event.ingested":      object{"type": "date_nanos"},
		"event.category":      keyword,
		"event.duration":      object{"type": "long"},
		"data_stream.type":    object{"type": "constant_keyword", "value": "logs"},
		"data_stream.dataset": object{"type": "constant_keyword"},
		"message":             object{"type": "match_only_text"},
		"host.name":           keyword,
		"host.hostname":       object{"type": "alias", "path": "host.name"},
		"host.ip":             object{"type": "ip"},
		"host.cpu.usage":      object{"type": "scaled_float", "scaling_factor": 1000},
		"source.ip":           object{"type": "ip"},
		"user.name":           keyword,
		"labels":              object{"type": "flattened"},
		"package.version":     object{"type": "version"},
		"threat":              object{"type": "nested", "properties": object{"name": keyword, "score": object{"type": "long"}}},
		"process.name": object{"type": "keyword", "fields": object{
			"text":     object{"type": "match_only_text"},
			"caseless": object{"type": "keyword", "normalizer": "lowercase"},
		}},
		"process.command_line": object{"type": "wildcard"},
	}}
}

// indexEvents creates two indices with 20 events each and returns the pattern for both. Event i is i seconds after
// midnight of 2026-01-01. Events with even numbers are from PowerShell and in the first index.
func indexEvents(t *testing.T, n *Node) string {
	t.Helper()
	names := [2]string{n.Name("events-1"), n.Name("events-2")}
	for _, name := range names {
		n.CreateIndex(t, name, ecsMapping())
	}
	var bulk strings.Builder
	encoder := json.NewEncoder(&bulk)
	for i := range 40 {
		must(t, encoder.Encode(object{"create": object{"_index": names[i%2], "_id": fmt.Sprintf("e%02d", i)}}))
		must(t, encoder.Encode(sampleEvent(i)))
	}
	n.Bulk(t, bulk.String())
	return n.Name("events-*")
}

func sampleEvent(i int) object {
	process := [2]string{"PowerShell.exe", "cmd.exe"}[i%2]
	return object{
		"@timestamp":  fmt.Sprintf("2026-01-01T00:00:%02dZ", i),
		"message":     fmt.Sprintf("Failed password for user%d", i),
		"data_stream": object{"dataset": "windows.process"},
		"event": object{
			"category": "process",
			"duration": i * 1000,
			"ingested": fmt.Sprintf("2026-01-01T00:00:%02d.123456789Z", i),
		},
		"host":    object{"name": fmt.Sprintf("h%d", i%4), "ip": []string{fmt.Sprintf("10.0.%d.1", i%4), "fe80::1"}, "cpu": object{"usage": 0.5}},
		"source":  object{"ip": fmt.Sprintf("192.168.%d.%d", i%2, i)},
		"user":    object{"name": fmt.Sprintf("u%d", i%5)},
		"labels":  object{"team": fmt.Sprintf("blue%d", i)},
		"package": object{"version": fmt.Sprintf("1.%d.0", i)},
		"threat":  []object{{"name": "a", "score": i}, {"name": "b", "score": 0}},
		"process": object{"name": process, "command_line": `C:\Windows\` + process + ` -enc AAA`},
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestRoot(t *testing.T) {
	n := newNode(t)
	reply := n.Must(t, http.MethodGet, "/", nil)
	if version := reply.At("version", "number").String(); !strings.HasPrefix(version, "8.") {
		t.Errorf("version %q is not one of 8.x", version)
	}
	equal(t, "tagline", reply.At("tagline").String(), "You Know, for Search")
}

func TestPagesOfPointInTime(t *testing.T) {
	n := newNode(t)
	pattern := indexEvents(t, n)
	pit := n.Must(t, http.MethodPost, "/"+pattern+"/_pit?keep_alive=1m", nil).At("id").String()

	// Documents that are written after the point in time was opened do not belong to it.
	n.Bulk(t, fmt.Sprintf("{\"create\":{\"_index\":%q}}\n{\"@timestamp\":\"2026-01-01T00:00:05Z\"}\n", n.Name("events-1")))

	for _, order := range []string{"_shard_doc", "@timestamp"} {
		search := object{
			"size":             9,
			"pit":              object{"id": pit, "keep_alive": "1m"},
			"sort":             []any{object{order: "asc"}},
			"track_total_hits": false,
		}
		seen := map[string]bool{}
		var pages []int
		for len(pages) < 10 {
			hits := n.Must(t, http.MethodPost, "/_search", search).At("hits", "hits").List()
			if len(hits) == 0 {
				break
			}
			pages = append(pages, len(hits))
			for _, hit := range hits {
				seen[hit.At("_id").String()] = true
			}
			search["search_after"] = hits[len(hits)-1].At("sort").Any()
		}
		equal(t, order+": page sizes", pages, []int{9, 9, 9, 9, 4})
		equal(t, order+": different events", len(seen), 40)
	}
	closed := n.Must(t, http.MethodDelete, "/_pit", object{"id": pit})
	equal(t, "closed", closed.At("succeeded").Bool(), true)

	status, gone := n.Do(t, http.MethodPost, "/_search", object{"pit": object{"id": pit}})
	equal(t, "search in a closed point in time", status, http.StatusNotFound)
	equal(t, "its cause", gone.At("error", "root_cause", 0, "type").String(), "search_context_missing_exception")
}

func TestCreateOnce(t *testing.T) {
	n := newNode(t)
	index := n.Name("alerts")
	n.CreateIndex(t, index, nil)
	path := "/" + index + "/_doc/1?op_type=create"

	status, first := n.Do(t, http.MethodPut, path, object{"n": 1})
	equal(t, "first", status, http.StatusCreated)
	status, second := n.Do(t, http.MethodPut, path, object{"n": 2})
	equal(t, "second", status, http.StatusConflict)
	equal(t, "type", second.At("error", "type").String(), "version_conflict_engine_exception")

	bulk := n.Lines(t, "/"+index+"/_bulk", `{"create":{"_id":"1"}}
{"n":3}
{"create":{"_id":"2"}}
{"n":4}
`)
	equal(t, "bulk has errors", bulk.At("errors").Bool(), true)
	equal(t, "bulk, known id", bulk.At("items", 0, "create", "status").Int(), 409)
	equal(t, "bulk, new id", bulk.At("items", 1, "create", "status").Int(), 201)
	equal(t, "document", n.Must(t, http.MethodGet, "/"+index+"/_doc/1", nil).At("_source", "n").Int(), 1)

	// Optimistic concurrency control, as for the leases.
	swap := fmt.Sprintf("/%s/_doc/1?if_seq_no=%d&if_primary_term=%d", index, first.At("_seq_no").Int(), first.At("_primary_term").Int())
	status, _ = n.Do(t, http.MethodPut, swap, object{"n": 5})
	equal(t, "swap", status, http.StatusOK)
	status, _ = n.Do(t, http.MethodPut, swap, object{"n": 6})
	equal(t, "swap of what has changed", status, http.StatusConflict)
}

func TestQueries(t *testing.T) {
	n := newNode(t)
	pattern := indexEvents(t, n)
	tests := []struct {
		name  string
		query object
		want  int64
	}{
		{"term", object{"term": object{"process.name": "cmd.exe"}}, 20},
		{"term is case-sensitive", object{"term": object{"process.name": "CMD.EXE"}}, 0},
		{"term, any case", object{"term": object{"process.name": object{"value": "CMD.EXE", "case_insensitive": true}}}, 20},
		{"terms", object{"terms": object{"user.name": []string{"u1", "u2", "nobody"}}}, 16},
		{"normalizer", object{"term": object{"process.name.caseless": "CMD.EXE"}}, 20},
		{"ip", object{"term": object{"source.ip": "192.168.1.1"}}, 1},
		{"ip, network", object{"term": object{"source.ip": "192.168.1.0/24"}}, 20},
		{"ip, networks", object{"terms": object{"host.ip": []string{"10.0.1.0/24", "10.0.2.0/24"}}}, 20},
		{"ip, network of version 6", object{"terms": object{"host.ip": []string{"fe80::/64"}}}, 40},
		{"prefix", object{"prefix": object{"process.name": object{"value": "Power"}}}, 20},
		{"prefix, any case", object{"prefix": object{"process.name": object{"value": "power", "case_insensitive": true}}}, 20},
		{"prefix, other case", object{"prefix": object{"process.name": object{"value": "power"}}}, 0},
		{"wildcard", object{"wildcard": object{"process.name": object{"value": "Power*.exe"}}}, 20},
		{"wildcard, any case", object{"wildcard": object{"process.command_line": object{"value": `*\\POWERSHELL.exe*`, "case_insensitive": true}}}, 20},
		{"wildcard, other case", object{"wildcard": object{"process.command_line": object{"value": `*\\POWERSHELL.exe*`}}}, 0},
		{"wildcard ?", object{"wildcard": object{"user.name": object{"value": "u?"}}}, 40},
		{"regexp", object{"regexp": object{"process.name": object{"value": `cmd\.(exe|com)`}}}, 20},
		{"regexp is anchored", object{"regexp": object{"process.name": object{"value": `cmd`}}}, 0},
		{"regexp, any case", object{"regexp": object{"process.name": object{"value": `POWER.*\.EXE`, "case_insensitive": true}}}, 20},
		{"range of dates", object{"range": object{"@timestamp": object{"gte": "2026-01-01T00:00:10Z||-5s", "lt": "2026-01-01T00:00:10Z"}}}, 5},
		{"range of nanoseconds", object{"range": object{"event.ingested": object{"gte": "2026-01-01T00:00:10.123456789Z", "lt": "2026-01-01T00:00:12.123456789Z"}}}, 2},
		{"range of numbers", object{"range": object{"event.duration": object{"gt": 37000}}}, 2},
		{"range of versions", object{"range": object{"package.version": object{"gte": "1.9.0", "lt": "1.11.0"}}}, 2},
		{"scaled_float", object{"term": object{"host.cpu.usage": 0.5}}, 40},
		{"exists", object{"exists": object{"field": "user.name"}}, 40},
		{"exists, unmapped", object{"exists": object{"field": "no.such.field"}}, 0},
		{"term, unmapped", object{"term": object{"no.such.field": "x"}}, 0},
		{"alias", object{"term": object{"host.hostname": "h1"}}, 10},
		{"flattened", object{"term": object{"labels.team": "blue7"}}, 1},
		{"constant_keyword of the mapping", object{"term": object{"data_stream.type": "logs"}}, 40},
		{"constant_keyword, any case", object{"term": object{"data_stream.type": object{"value": "LOGS", "case_insensitive": true}}}, 40},
		{"constant_keyword of a document", object{"term": object{"data_stream.dataset": "windows.process"}}, 40},
		{"constant_keyword, other value", object{"wildcard": object{"data_stream.dataset": object{"value": "linux.*"}}}, 0},
		{"nested, one member", object{"nested": object{"path": "threat", "query": object{"bool": object{"filter": []object{
			{"term": object{"threat.name": "b"}}, {"term": object{"threat.score": 7}},
		}}}}}, 0},
		{"nested", object{"nested": object{"path": "threat", "query": object{"term": object{"threat.score": 7}}}}, 1},
		{"phrase", object{"match_phrase": object{"message": "failed password"}}, 40},
		{"phrase, other order", object{"match_phrase": object{"message": "password failed"}}, 0},
		{"text", object{"match": object{"message": "USER7"}}, 1},
		{"query_string", object{"query_string": object{"query": "process.name:cmd.exe AND event.duration:[1000 TO 5000]"}}, 3},
		{"kql", object{"kql": object{"query": "process.name:cmd.exe and not user.name:u1"}}, 16},
		{"bool", object{"bool": object{
			"should":               []object{{"term": object{"user.name": "u1"}}, {"term": object{"user.name": "u2"}}},
			"minimum_should_match": 1,
			"must_not":             []object{{"term": object{"process.name": "cmd.exe"}}},
		}}, 8},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			reply := n.Must(t, http.MethodPost, "/"+pattern+"/_search", object{"size": 0, "track_total_hits": true, "query": test.query})
			equal(t, "hits", reply.At("hits", "total", "value").Int(), test.want)
			equal(t, "failed shards", reply.At("_shards", "failed").Int(), 0)
		})
	}
}

func TestConstantKeywordRefusesAnotherValue(t *testing.T) {
	n := newNode(t)
	n.CreateIndex(t, n.Name("a"), ecsMapping())
	reply := n.Lines(t, "/"+n.Name("a")+"/_bulk", `{"create":{}}
{"data_stream":{"type":"metrics"}}
`)
	equal(t, "status", reply.At("items", 0, "create", "status").Int(), 400)
}

func TestMultiSearch(t *testing.T) {
	n := newNode(t)
	pattern := indexEvents(t, n)
	reply := n.Lines(t, "/_msearch", fmt.Sprintf(`{"index":%q}
{"size":0,"query":{"term":{"process.name":"cmd.exe"}}}
{"index":%q}
{"size":0}
{"index":%q,"ignore_unavailable":true}
{"size":0}
`, pattern, n.Name("absent"), n.Name("absent")))
	var statuses []int64
	for _, response := range reply.At("responses").List() {
		statuses = append(statuses, response.At("status").Int())
	}
	equal(t, "statuses", statuses, []int64{200, 404, 200})
	equal(t, "hits", reply.At("responses", 0, "hits", "total", "value").Int(), 20)
}

func TestFieldCapabilities(t *testing.T) {
	n := newNode(t)
	pattern := indexEvents(t, n)
	fields := n.Must(t, http.MethodGet, "/"+pattern+"/_field_caps?fields=*", nil).At("fields")
	got := map[string][]string{}
	for _, name := range []string{"@timestamp", "event.ingested", "source.ip", "user.name", "event.duration", "host.hostname", "package.version", "labels", "threat"} {
		got[name] = fields.At(name).Keys()
	}
	equal(t, "types", got, map[string][]string{
		"@timestamp":      {"date"},
		"event.ingested":  {"date_nanos"},
		"source.ip":       {"ip"},
		"user.name":       {"keyword"},
		"event.duration":  {"long"},
		"host.hostname":   {"keyword"},
		"package.version": {"version"},
		"labels":          {"flattened"},
		"threat":          {"nested"},
	})
	equal(t, "unmapped", fields.At("no.such.field").Missing(), true)

	// A field with two types is reported by index.
	n.CreateIndex(t, n.Name("events-3"), object{"properties": object{"source.ip": object{"type": "keyword"}}})
	fields = n.Must(t, http.MethodGet, "/"+pattern+"/_field_caps?fields=source.ip", nil).At("fields", "source.ip")
	equal(t, "conflict", fields.Keys(), []string{"ip", "keyword"})
	equal(t, "where it is another", fields.At("keyword", "indices").Strings(), []string{n.Name("events-3")})
}

func TestResolveAndClosedIndex(t *testing.T) {
	n := newNode(t)
	pattern := indexEvents(t, n)
	n.Must(t, http.MethodPost, "/"+n.Name("events-2")+"/_close", nil)
	n.Must(t, http.MethodPut, "/"+n.Name("events-1")+"/_alias/"+n.Name("all"), nil)

	got := map[string][]string{}
	resolved := n.Must(t, http.MethodGet, "/_resolve/index/"+n.Name("*")+"?expand_wildcards=open,closed", nil)
	for _, index := range resolved.At("indices").List() {
		got[index.At("name").String()] = index.At("attributes").Strings()
	}
	equal(t, "indices", got, map[string][]string{n.Name("events-1"): {"open"}, n.Name("events-2"): {"closed"}})
	equal(t, "alias", resolved.At("aliases", 0, "name").String(), n.Name("all"))

	tests := []struct {
		name, path string
		status     int
		hits       int64
	}{
		{"a pattern passes a closed index over", pattern + "/_search", 200, 20},
		{"the closed index", n.Name("events-2") + "/_search", 400, 0},
		{"the closed index, lenient", n.Name("events-2") + "/_search?ignore_unavailable=true", 200, 0},
		{"an absent index", n.Name("absent") + "/_search", 404, 0},
		{"an absent index, lenient", n.Name("absent") + "/_search?ignore_unavailable=true", 200, 0},
		{"an absent index beside a pattern", pattern + "," + n.Name("absent") + "/_search?ignore_unavailable=true", 200, 20},
		{"a pattern that matches nothing", n.Name("absent-*") + "/_search", 200, 0},
		{"a pattern that must match", n.Name("absent-*") + "/_search?allow_no_indices=false", 404, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			status, reply := n.Do(t, http.MethodGet, "/"+test.path, nil)
			equal(t, "status", status, test.status)
			equal(t, "hits", reply.At("hits", "total", "value").Int(), test.hits)
		})
	}
}

func TestTemplateAndDataStream(t *testing.T) {
	n := newNode(t)
	stream := n.Name("logs")
	n.Must(t, http.MethodPut, "/_component_template/"+n.Name("ecs"), object{"template": object{"mappings": ecsMapping()}})
	n.Must(t, http.MethodPut, "/_index_template/"+n.Name("logs"), object{
		"index_patterns": []string{stream},
		"composed_of":    []string{n.Name("ecs")},
		"data_stream":    object{},
		"priority":       900,
		"template":       object{"settings": object{"number_of_replicas": 0}},
	})

	write := func(id string) JSON {
		line, err := json.Marshal(sampleEvent(1))
		must(t, err)
		return n.Lines(t, "/"+stream+"/_bulk?refresh=true", fmt.Sprintf("{\"create\":{\"_id\":%q}}\n%s\n", id, line)).At("items", 0, "create")
	}
	first := write("1")
	equal(t, "first", first.At("status").Int(), 201)
	if index := first.At("_index").String(); !strings.HasPrefix(index, ".ds-"+stream+"-") || !strings.HasSuffix(index, "-000001") {
		t.Errorf("written to %q, which is no backing index of %q", index, stream)
	}
	equal(t, "same id", write("1").At("status").Int(), 409)

	rolled := n.Must(t, http.MethodPost, "/"+stream+"/_rollover", nil)
	equal(t, "rolled over", rolled.At("rolled_over").Bool(), true)
	second := write("2")
	equal(t, "new backing index", second.At("_index").String(), rolled.At("new_index").String())
	// An id is unique in a backing index, not in its data stream: create alone does not see the older one.
	equal(t, "same id after rollover", write("1").At("status").Int(), 201)

	reply := n.Must(t, http.MethodPost, "/"+stream+"/_search", object{"query": object{"term": object{"host.hostname": "h1"}}})
	equal(t, "hits by a field of the template", reply.At("hits", "total", "value").Int(), 3)
	resolved := n.Must(t, http.MethodGet, "/_resolve/index/"+stream, nil)
	equal(t, "backing indices", len(resolved.At("data_streams", 0, "backing_indices").List()), 2)
}

func TestWriteAliasRollsOver(t *testing.T) {
	n := newNode(t)
	alias := n.Name("alerts")
	n.Must(t, http.MethodPut, "/"+alias+"-000001", object{
		"settings": object{"number_of_replicas": 0},
		"aliases":  object{alias: object{"is_write_index": true}},
	})
	put := func() string {
		return n.Must(t, http.MethodPost, "/"+alias+"/_doc", object{"n": 1}).At("_index").String()
	}
	equal(t, "before", put(), alias+"-000001")
	n.Must(t, http.MethodPost, "/"+alias+"/_rollover", nil)
	equal(t, "after", put(), alias+"-000002")
	n.Refresh(t, alias)
	equal(t, "both are searched", n.Must(t, http.MethodGet, "/"+alias+"/_count", nil).At("count").Int(), 2)
}

func TestAggregations(t *testing.T) {
	n := newNode(t)
	pattern := indexEvents(t, n)
	composite := object{
		"size":    15,
		"sources": []object{{"host": object{"terms": object{"field": "host.name"}}}, {"user": object{"terms": object{"field": "user.name"}}}},
	}
	search := object{"size": 0, "aggs": object{"groups": object{
		"composite": composite,
		"aggs": object{
			"processes": object{"cardinality": object{"field": "process.name"}},
			"newest":    object{"max": object{"field": "@timestamp"}},
			"example":   object{"top_hits": object{"size": 1, "_source": []string{"host.name"}}},
		},
	}}}
	var pages []int
	groups := map[string]int64{}
	for len(pages) < 5 {
		page := n.Must(t, http.MethodPost, "/"+pattern+"/_search", search).At("aggregations", "groups")
		buckets := page.At("buckets").List()
		if len(buckets) == 0 {
			break
		}
		pages = append(pages, len(buckets))
		for _, bucket := range buckets {
			groups[bucket.At("key", "host").String()+bucket.At("key", "user").String()] = bucket.At("doc_count").Int()
			equal(t, "processes of a host", bucket.At("processes", "value").Int(), 1)
			equal(t, "example", bucket.At("example", "hits", "hits", 0, "_source", "host", "name").String(), bucket.At("key", "host").String())
		}
		composite["after"] = page.At("after_key").Any()
	}
	equal(t, "page sizes", pages, []int{15, 5})
	equal(t, "groups", len(groups), 20)
	equal(t, "events of one group", groups["h1u1"], 2)
}

func TestESQL(t *testing.T) {
	n := newNode(t)
	pattern := indexEvents(t, n)
	query := func(text string) object { return object{"query": strings.ReplaceAll(text, "EVENTS", pattern)} }

	reply := n.Must(t, http.MethodPost, "/_query", query(
		`FROM EVENTS | WHERE process.name == "cmd.exe" AND CIDR_MATCH(source.ip, "192.168.1.0/24")
		 | STATS events = COUNT(*), users = COUNT_DISTINCT(user.name) BY host.name | SORT host.name`))
	equal(t, "values", reply.At("values").String(), `[[10,5,"h1"],[10,5,"h3"]]`)

	reply = n.Must(t, http.MethodPost, "/_query", query(
		`FROM EVENTS METADATA _id, _index | WHERE process.command_line LIKE "*cmd.exe*" | SORT @timestamp | KEEP _id, _index | LIMIT 1`))
	equal(t, "metadata", reply.At("values").String(), fmt.Sprintf(`[["e01",%q]]`, n.Name("events-2")))

	filtered := query(`FROM EVENTS | STATS COUNT(*)`)
	filtered["filter"] = object{"range": object{"@timestamp": object{"lt": "2026-01-01T00:00:10Z"}}}
	equal(t, "filtered", n.Must(t, http.MethodPost, "/_query", filtered).At("values").String(), `[[10]]`)

	for _, text := range []string{"FROM EVENTS | WHERE no_such_field == 1", "FROM " + n.Name("absent"), "FROM EVENTS | WHERE"} {
		status, reply := n.Do(t, http.MethodPost, "/_query", query(text))
		if status != http.StatusBadRequest {
			t.Errorf("%s: status %s, want 400: %s", text, strconv.Itoa(status), reply)
		}
	}
}

func TestAuthentication(t *testing.T) {
	n := SecuredNode(t)
	pattern := indexEvents(t, n)
	mine, other := n.Name("events-1"), n.Name("other")
	n.CreateIndex(t, other, nil)

	status := func(n *Node, method, path string, body any) int {
		t.Helper()
		status, _ := n.Do(t, method, path, body)
		return status
	}
	equal(t, "superuser", n.Must(t, http.MethodGet, "/_security/_authenticate", nil).At("username").String(), "elastic")
	equal(t, "wrong password", status(n.As("elastic", n.Password+"x"), http.MethodGet, "/", nil), http.StatusUnauthorized)
	equal(t, "nobody", status(n.As("", ""), http.MethodGet, "/", nil), http.StatusUnauthorized)

	read := []object{{"names": []string{pattern}, "privileges": []string{"read", "view_index_metadata"}}}
	key := n.Must(t, http.MethodPost, "/_security/api_key", object{
		"name":             n.Name("key"),
		"expiration":       "1h",
		"role_descriptors": object{"reader": object{"cluster": []string{"monitor"}, "indices": read}},
	})
	role, user := n.Name("reader"), n.Name("bob")
	n.Must(t, http.MethodPut, "/_security/role/"+role, object{"cluster": []string{"monitor"}, "indices": read})
	n.Must(t, http.MethodPut, "/_security/user/"+user, object{"password": "bob's password", "roles": []string{role}})
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		n.delete(ctx, t, "/_security/user/"+user)
		n.delete(ctx, t, "/_security/role/"+role)
	})

	holders := map[string]*Node{"API key": n.WithAPIKey(key.At("encoded").String()), "user": n.As(user, "bob's password")}
	for name, holder := range holders {
		t.Run(name, func(t *testing.T) {
			equal(t, "read", status(holder, http.MethodGet, "/"+mine+"/_search", nil), http.StatusOK)
			equal(t, "read by ES|QL", status(holder, http.MethodPost, "/_query", object{"query": "FROM " + mine + " | STATS COUNT(*)"}), http.StatusOK)
			equal(t, "point in time", status(holder, http.MethodPost, "/"+mine+"/_pit?keep_alive=1s", nil), http.StatusOK)
			equal(t, "field capabilities", status(holder, http.MethodGet, "/"+mine+"/_field_caps?fields=*", nil), http.StatusOK)
			equal(t, "read another index", status(holder, http.MethodGet, "/"+other+"/_search", nil), http.StatusForbidden)
			equal(t, "write", status(holder, http.MethodPost, "/"+mine+"/_doc", object{"n": 1}), http.StatusForbidden)
		})
	}

	n.Must(t, http.MethodDelete, "/_security/api_key", object{"ids": []string{key.At("id").String()}})
	equal(t, "invalidated key", status(holders["API key"], http.MethodGet, "/"+mine+"/_search", nil), http.StatusUnauthorized)
}
