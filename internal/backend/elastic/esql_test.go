package elastic_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

// queries is a server that runs one query after another and records the requests.
type queries struct {
	// answers are the bodies of the calls in turn, with their status if it is not 200: "400 {…}".
	answers []string
	header  http.Header
	calls   []string
	// before is called before each answer.
	before func(n int)
}

func (q *queries) handler(t *testing.T) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + r.URL.Path
		if r.Method == http.MethodDelete {
			q.calls = append(q.calls, call)
			answer(w, http.StatusOK, `{"acknowledged":true}`)
			return
		}
		n := len(q.calls)
		q.calls = append(q.calls, call)
		if q.before != nil {
			q.before(n)
		}
		if n >= len(q.answers) {
			t.Errorf("one call too many: %s", call)
			return
		}
		maps.Copy(w.Header(), q.header)
		status, body := http.StatusOK, q.answers[n]
		if _, err := fmt.Sscanf(body, "%d ", &status); err == nil {
			_, body, _ = strings.Cut(body, " ")
		}
		answer(w, status, body)
	}
}

const ranESQL = `{"is_running":false,"is_partial":false,"took":7,"columns":[{"name":"a","type":"long"}],"values":[[1],[null],[[1,2]]]}`

func TestRunESQL(t *testing.T) {
	q := &queries{answers: []string{ranESQL}, header: http.Header{"Warning": {
		`299 Elasticsearch-8.19.7-abc "a \"remark\" on it"`, `299 Elasticsearch-8.19.7-abc "a \"remark\" on it"`, "something else",
	}}}
	rows, err := newServer(t, q.handler(t)).RunESQL(t.Context(), search.ESQLQuery{Text: "FROM a"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`a "remark" on it`, "something else"}, rows.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if got := fmt.Sprint(rows.Columns, rows.Values, rows.Took); got != "[{a long}] [[1] [<nil>] [[1 2]]] 7ms" {
		t.Errorf("rows %s", got)
	}
	if diff := cmp.Diff([]string{"POST /_query/async"}, q.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestRunESQLSends(t *testing.T) {
	c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body := read(t, r)
		want := map[string]any{
			"query": "FROM a", "filter": map[string]any{"match_none": map[string]any{}}, "keep_on_completion": false,
			"keep_alive": "60000ms", "wait_for_completion_timeout": body["wait_for_completion_timeout"],
		}
		if diff := cmp.Diff(want, body); diff != "" || r.URL.Query().Get("allow_partial_results") != "true" {
			t.Errorf("%s (-want +got):\n%s", r.URL, diff)
		}
		answer(w, http.StatusOK, ranESQL)
	})
	if _, err := c.RunESQL(t.Context(), search.ESQLQuery{Text: "FROM a", Filter: condition.DSL(condition.Const(false))}); err != nil {
		t.Error(err)
	}
}

// The stored answer is deleted after it was read, and when it is no longer wanted.
func TestRunESQLWaits(t *testing.T) {
	running := `{"id":"i","is_running":true,"columns":[],"values":[]}`
	get, remove := "GET /_query/async/i", "DELETE /_query/async/i"
	q := &queries{answers: []string{running, running, ranESQL}}
	rows, err := newServer(t, q.handler(t)).RunESQL(t.Context(), search.ESQLQuery{Text: "FROM a"})
	if err != nil || len(rows.Values) != 3 {
		t.Errorf("%v, error %v", rows, err)
	}
	if diff := cmp.Diff([]string{"POST /_query/async", get, get, remove}, q.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}

	q = &queries{answers: []string{running, `400 {"error":{"type":"illegal_argument_exception","reason":"no"}}`}}
	if _, err = newServer(t, q.handler(t)).RunESQL(t.Context(), search.ESQLQuery{}); failure.KindOf(err) != failure.Rejected {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{"POST /_query/async", get, remove}, q.calls); diff != "" {
		t.Errorf("calls when it fails (-want +got):\n%s", diff)
	}

	for n, want := range map[int][]string{0: {"POST /_query/async", remove}, 1: {"POST /_query/async", get, remove}} {
		ctx, cancel := context.WithCancel(t.Context())
		q = &queries{answers: []string{running, running, running}, before: func(i int) {
			if i == n {
				cancel()
			}
		}}
		if _, err = newServer(t, q.handler(t)).RunESQL(ctx, search.ESQLQuery{}); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if diff := cmp.Diff(want, q.calls); diff != "" {
			t.Errorf("calls when it is cancelled during call %d (-want +got):\n%s", n, diff)
		}
		cancel()
	}
}

func TestRunESQLRefused(t *testing.T) {
	refusal := func(typ, reason string) string {
		return fmt.Sprintf(`400 {"error":{"root_cause":[{"type":%q,"reason":%q}],"type":%q,"reason":%q},"status":400}`, typ, reason, typ, reason)
	}
	for _, tt := range []struct {
		typ, reason string
		want        []search.Problem
	}{
		{"verification_exception", "Found 2 problems\nline 1:23: Unknown column [x]\nline 12:3: Unknown column [y], did you mean [z]?", []search.Problem{
			{Line: 1, Column: 23, Message: "Unknown column [x]"}, {Line: 12, Column: 3, Message: "Unknown column [y], did you mean [z]?"},
		}},
		{"parsing_exception", "line 2:3: mismatched input 'WHER' expecting {'a'}", []search.Problem{{Line: 2, Column: 3, Message: "mismatched input 'WHER' expecting {'a'}"}}},
		{"kql_parsing_exception", "line 1:9: missing ')'", []search.Problem{{Message: "the text of KQL(): line 1:9: missing ')'"}}},
		{"verification_exception", "Found no place", nil},
		{"illegal_argument_exception", "line 1:2: no", nil},
	} {
		q := &queries{answers: []string{refusal(tt.typ, tt.reason)}}
		_, err := newServer(t, q.handler(t)).RunESQL(t.Context(), search.ESQLQuery{})
		wrong, ok := errors.AsType[*search.QueryError](err)
		if ok != (tt.want != nil) || failure.KindOf(err) != failure.Rejected {
			t.Errorf("%s: %v", tt.reason, err)
			continue
		}
		if ok {
			if diff := cmp.Diff(tt.want, wrong.Problems); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		}
	}
}

func TestRunESQLIsPartial(t *testing.T) {
	const rows = `{"is_running":false,"is_partial":true,"columns":[],"values":[[]],"_clusters":{"details":{%s}}}`
	for details, want := range map[string]string{
		`"(local)":{"status":"partial","failures":[{"shard":-1,"index":null,"reason":{"type":"t","reason":"r"}},{"shard":1,"reason":{"type":"t","reason":"r"}}]}`: "shards failed: t: r",
		`"b":{"status":"skipped"},"a":{"status":"failed","failures":[{"reason":{"type":"t","reason":"r"}}]},"c":{"status":"successful"}`:                          "shards failed: t: r; clusters did not answer: a,b",
		``: "Elasticsearch says that its answer is not whole",
	} {
		q := &queries{answers: []string{fmt.Sprintf(rows, details)}}
		got, err := newServer(t, q.handler(t)).RunESQL(t.Context(), search.ESQLQuery{})
		partial, ok := errors.AsType[*failure.Error](err)
		if !ok || partial.Kind != failure.Partial || partial.Reason != want || len(got.Values) != 1 {
			t.Errorf("%s: rows %v, error %v", details, got, err)
		}
	}
}

func TestDocuments(t *testing.T) {
	var asked []string
	c := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body := read(t, r)
		asked = append(asked, fmt.Sprint(r.URL.Path, body["size"]))
		shards := `{"total":1,"failed":0}`
		if strings.HasPrefix(r.URL.Path, "/bad") {
			shards = `{"total":1,"failed":1,"failures":[{"shard":0,"index":"bad","reason":{"type":"t","reason":"r"}}]}`
		}
		answer(w, http.StatusOK, `{"_shards":`+shards+`,"hits":{"hits":[{"_index":"remote:a","_id":"1","_source":{"x":1}}]}}`)
	})
	refs := []search.Ref{{Index: "remote:a", ID: "1"}, {Index: "b", ID: "1"}}
	for i := range 500 {
		refs = append(refs, search.Ref{Index: "remote:a", ID: fmt.Sprint("n", i)})
	}
	found, err := c.Documents(t.Context(), refs)
	if err != nil || len(found) != 1 || string(found[refs[0]].Source) != `{"x":1}` {
		t.Errorf("%v, error %v", found, err)
	}
	if diff := cmp.Diff([]string{"/remote:a/_search100", "/remote:a/_search400", "/remote:a/_search1", "/b/_search1"}, asked); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := c.Documents(t.Context(), []search.Ref{{Index: "bad", ID: "1"}}); failure.KindOf(err) != failure.Partial {
		t.Errorf("error %v", err)
	}
}

var _ search.ESQL = (*elastic.Client)(nil)
