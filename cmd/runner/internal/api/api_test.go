package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/sample"
)

// published is the committed document; TOCSIN_OPENAPI=write writes it.
const published = "../../../../docs/openapi.json"

func handler() http.Handler {
	return (&api.API{Source: sample.New(300, nil), Redact: strings.ToUpper, Version: "test"}).Handler()
}

// document returns the document as the API serves it.
func document(t *testing.T) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, api.Prefix+"/openapi.json", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	return w.Body.Bytes()
}

func newValidator(t *testing.T) validator.Validator {
	t.Helper()
	doc, err := libopenapi.NewDocument(document(t))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if errs != nil {
		t.Fatal(errs)
	}
	return v
}

func TestDocument(t *testing.T) {
	if ok, errs := newValidator(t).ValidateDocument(); !ok {
		t.Errorf("the document is not one of OpenAPI: %v", errs)
	}
	data, err := json.MarshalIndent(api.Document("latest"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	if os.Getenv("TOCSIN_OPENAPI") == "write" {
		if err := os.WriteFile(published, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	known, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(known), string(data)); diff != "" {
		t.Errorf("%s is not what the API serves, make openapi writes it: -published +served:\n%s", published, diff)
	}
}

// operation is an operation of the document.
type operation struct {
	method, path string
	parameters   []parameter
	body         bool
	statuses     []string
}

type parameter struct {
	name, in string
	kind     string
	values   []string
}

// operations reads the operations of the document.
func operations(t *testing.T) []operation {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Name, In string
				Schema   struct {
					Type  string
					Enum  []string
					Items struct {
						Type string
						Enum []string
					}
				}
			}
			RequestBody any `json:"requestBody"`
			Responses   map[string]any
		}
	}
	if err := json.Unmarshal(document(t), &doc); err != nil {
		t.Fatal(err)
	}
	var out []operation
	for path, methods := range doc.Paths {
		for method, one := range methods {
			o := operation{method: strings.ToUpper(method), path: path, body: one.RequestBody != nil}
			for _, p := range one.Parameters {
				q := parameter{name: p.Name, in: p.In, kind: p.Schema.Type, values: p.Schema.Enum}
				if q.kind == "array" {
					q.kind, q.values = p.Schema.Items.Type, p.Schema.Items.Enum
				}
				o.parameters = append(o.parameters, q)
			}
			for status := range one.Responses {
				o.statuses = append(o.statuses, status)
			}
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	if len(out) < 20 {
		t.Fatalf("the document has %d operations", len(out))
	}
	return out
}

// bodies are request bodies by path, right ones first.
var bodies = map[string][]string{
	"/explain": {
		`{"rule_id": "rule-0001", "event": {"process": {"name": "sh"}}}`, `{"rule_id": "rule-0001", "index": "logs-*", "id": "e1", "at": "2026-03-12T14:00:00Z"}`,
		`{"rule_id": "nobody", "event": {}}`, `{"rule": "x"}`, `[]`, `{`, `{} {}`, ``, `null`, `{"rule_id": 7}`,
	},
	"/alert-changes": {
		`{"ids": ["a", "b"], "status": "closed", "reason": "false_positive", "add_tags": ["x"]}`, `{"ids": []}`, `{"status": "open"}`, `{"ids": ["a"], "status": "gone"}`, `{"ids": "a"}`,
	},
	"/backfills": {
		`{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z", "rules": ["rule-0001"]}`,
		`{"from": "2026-03-03T00:00:00Z", "to": "2026-03-02T00:00:00Z"}`, `{"from": "yesterday"}`, `{"to": 7}`, `x`,
	},
}

var ids = map[string]string{"/rules": "rule-0003", "/alerts": fmt.Sprintf("%064x", 0xabc0), "/backfills": "sigma-q1"}

// request makes a request of an operation with the parameters that are in q.
func (o operation) request(id string, q url.Values, body string) *http.Request {
	path := o.path
	if i := strings.Index(path, "{"); i >= 0 {
		path = path[:i] + url.PathEscape(id) + path[strings.Index(path, "}")+1:]
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	r := httptest.NewRequestWithContext(context.Background(), o.method, path, strings.NewReader(body))
	if o.body {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// idOf returns an id that an operation knows.
func (o operation) idOf() string {
	for prefix, id := range ids {
		if strings.HasPrefix(o.path, api.Prefix+prefix+"/{") {
			return id
		}
	}
	return ""
}

// answered sends a request, and checks the answer against the document.
func answered(t interface {
	Errorf(format string, args ...any)
}, v validator.Validator, h http.Handler, o operation, r *http.Request,
) int {
	sent := r.Clone(r.Context())
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := w.Result()
	if !slices.Contains(o.statuses, strconv.Itoa(answer.StatusCode)) {
		body, _ := io.ReadAll(answer.Body)
		t.Errorf("%s %s: status %d is not documented: %s", r.Method, r.URL, answer.StatusCode, body)
		return answer.StatusCode
	}
	sent.Body = http.NoBody
	if ok, errs := v.ValidateHttpResponse(sent, answer); !ok {
		for _, e := range errs {
			t.Errorf("%s %s: %s: %s %v", r.Method, r.URL, e.Message, e.Reason, e.SchemaValidationErrors)
		}
	}
	return answer.StatusCode
}

// TestAnswers sends right requests of every documented operation: the answers are as documented.
func TestAnswers(t *testing.T) {
	v, h := newValidator(t), handler()
	for _, o := range operations(t) {
		q := url.Values{}
		for _, p := range o.parameters {
			if p.in == "query" && p.values != nil {
				q.Add(p.name, p.values[len(p.values)-1])
			}
		}
		body := ""
		if o.body {
			body = bodies[strings.TrimPrefix(o.path, api.Prefix)][0]
		}
		for _, q := range []url.Values{nil, q} {
			if status := answered(t, v, h, o, o.request(o.idOf(), q, body)); status != http.StatusOK {
				t.Errorf("%s %s %v: status %d", o.method, o.path, q, status)
			}
		}
	}
}

// TestAnyRequest sends requests with any parameters: the answers, mostly problems, are as documented.
func TestAnyRequest(t *testing.T) {
	v, h, all := newValidator(t), handler(), operations(t)
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "0", "-1", "1", "7", "1000", "1001", "99999999999999999999", "true", "maybe", "24h", "2026-01-15T14:05:00Z", "(", "high", "ok", "a\x00b", "%", "../..", "é"}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(all).Draw(t, "operation")
		q := url.Values{}
		for _, p := range o.parameters {
			if p.in == "query" && rapid.Bool().Draw(t, p.name+" is given") {
				q[p.name] = rapid.SliceOfN(text, 1, 2).Draw(t, p.name)
			}
		}
		if rapid.IntRange(0, 9).Draw(t, "another parameter") == 0 {
			q.Set(rapid.String().Draw(t, "name"), "x")
		}
		id := o.idOf()
		if rapid.Bool().Draw(t, "another id") {
			id = rapid.StringMatching(`[a-z0-9 é/%.<>"]{1,12}`).Draw(t, "id")
		}
		body := ""
		if o.body {
			body = rapid.OneOf(rapid.SampledFrom(bodies[strings.TrimPrefix(o.path, api.Prefix)]), rapid.String()).Draw(t, "body")
		}
		r := o.request(id, q, body)
		if id == "." || id == ".." || strings.Contains(r.URL.Path, "/../") || strings.HasSuffix(r.URL.Path, "/..") || strings.HasSuffix(r.URL.Path, "/.") || strings.Contains(r.URL.Path, "/./") || strings.Contains(r.URL.Path, "//") {
			t.Skip("the path is another one")
		}
		answered(t, v, h, o, r)
	})
}

// TestNoOperation: what is no operation is a problem, too.
func TestNoOperation(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/nothing", http.StatusNotFound}, {http.MethodDelete, "/rules", http.StatusMethodNotAllowed}, {http.MethodGet, "/reload", http.StatusMethodNotAllowed}, {http.MethodPut, "/backfills", http.StatusMethodNotAllowed},
	} {
		w := httptest.NewRecorder()
		handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, api.Prefix+tt.path, http.NoBody))
		var p api.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != tt.status || p.Status != tt.status || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: status %d, %v, %s", tt.method, tt.path, w.Code, err, w.Body)
		}
	}
}

func TestBodyLimits(t *testing.T) {
	for _, tt := range []struct {
		kind, body string
		status     int
	}{
		{"application/json", `{"rule_id": "rule-0001", "event": "` + strings.Repeat("x", api.MaxBody) + `"}`, http.StatusRequestEntityTooLarge},
		{"text/plain", `{}`, http.StatusUnsupportedMediaType},
		{"application/x-www-form-urlencoded", `{}`, http.StatusUnsupportedMediaType},
		{"", `{}`, http.StatusUnsupportedMediaType},
		{"application/json; charset=utf-8", `{"rule_id": "rule-0001", "event": {}}`, http.StatusOK},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, api.Prefix+"/explain", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		handler().ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("%s: status %d, want %d: %s", tt.kind, w.Code, tt.status, w.Body)
		}
	}
}

// TestPages: the pages of a list are the list, in its order, whatever their size.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int(), 0, 50).Draw(t, "list")
		size := rapid.IntRange(1, 60).Draw(t, "size")
		var got []int
		for offset := 0; offset <= len(all); offset += size {
			got = append(got, api.Of(api.Page{Offset: offset, Limit: size}, all)...)
		}
		if !slices.Equal(got, all) {
			t.Errorf("pages of %d: %v, want %v", size, got, all)
		}
	})
}

// TestSelect: a selection has all rules that meet the filter and no other, the worst first.
func TestSelect(t *testing.T) {
	rules, err := sample.New(400, nil).Rules(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rank := func(s api.State) int { return slices.Index(api.States, s) }
	rapid.Check(t, func(t *rapid.T) {
		f := api.RuleFilter{Text: rapid.SampledFrom([]string{"", "SHELL", "rule-00", "nothing at all", "tactic: execution"}).Draw(t, "text")}
		f.States = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"ok", "failing", "vacant", "disabled"}), rapid.ID).Draw(t, "states")
		f.Severity = rapid.SliceOfDistinct(rapid.SampledFrom(api.Severities), rapid.ID).Draw(t, "severities")
		f.Technique = rapid.SampledFrom([]string{"", "T1059", "T9"}).Draw(t, "technique")
		got := f.Select(rules.Rules)
		n := 0
		for _, r := range rules.Rules {
			text := strings.ToLower(strings.Join(append([]string{r.ID, r.Name, r.Path}, r.Tags...), "\n"))
			if strings.Contains(text, strings.ToLower(f.Text)) && (len(f.States) == 0 || slices.Contains(f.States, string(r.State))) &&
				(len(f.Severity) == 0 || slices.Contains(f.Severity, r.Severity)) && (f.Technique == "" || slices.Contains(r.Techniques, f.Technique)) {
				n++
			}
		}
		if len(got) != n {
			t.Errorf("%d rules, want %d", len(got), n)
		}
		if !slices.IsSortedFunc(got, func(a, b api.Rule) int { return rank(a.State) - rank(b.State) }) {
			t.Error("the worst are not first")
		}
	})
}

// TestSelectStates: a selection has all states that meet the filter and no other, in their order, and those that are there whenever they began.
func TestSelectStates(t *testing.T) {
	states, err := sample.New(400, nil).States(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		q := url.Values{
			"q": {rapid.SampledFrom([]string{"", "SHELL", "web-01", "nothing at all"}).Draw(t, "text")}, "since": {rapid.SampledFrom([]string{"", "1h", "30h", "90d"}).Draw(t, "since")},
			"rule": {rapid.SampledFrom([]string{"", "rule-0003", "rule-0005", "nobody"}).Draw(t, "rule")}, "runner": {rapid.SampledFrom([]string{"", "nobody"}).Draw(t, "runner")},
		}
		for name, values := range map[string][]string{"status": api.Phases, "severity": api.Gravities, "kind": {"gap", "rule-failing", "notifications-undelivered", "cluster-refused"}} {
			q[name] = rapid.SliceOfDistinct(rapid.SampledFrom(values), rapid.ID).Draw(t, name)
		}
		f, err := api.StateFilterOf(q, sample.Now)
		if err != nil {
			t.Fatal(err)
		}
		var want []api.ServiceState
		for _, s := range states.States {
			last := s.Since
			if s.Until != nil {
				last = *s.Until
			}
			age := map[string]float64{"": 7 * 24, "1h": 1, "30h": 30, "90d": 90 * 24}[q.Get("since")]
			text := strings.ToLower(s.Subject + "\n" + s.Text + "\n" + s.RuleName)
			if (s.Status == "open" || sample.Now.Sub(last).Hours() <= age) && strings.Contains(text, strings.ToLower(q.Get("q"))) &&
				(len(q["status"]) == 0 || slices.Contains(q["status"], string(s.Status))) && (len(q["severity"]) == 0 || slices.Contains(q["severity"], string(s.Severity))) &&
				(len(q["kind"]) == 0 || slices.Contains(q["kind"], string(s.Kind))) && (q.Get("runner") == "" || slices.Contains(s.Runners, q.Get("runner"))) &&
				(q.Get("rule") == "" || s.RuleID == q.Get("rule") || slices.Contains(s.Rules, q.Get("rule"))) {
				want = append(want, s)
			}
		}
		if diff := cmp.Diff(want, f.Select(states.States), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v: -want +got:\n%s", q, diff)
		}
	})
}

// TestSecrets: the text of an error goes through the redaction, a problem of the request as it is.
func TestSecrets(t *testing.T) {
	hide := func(string) string { return "hidden" }
	if p := api.ProblemOf(fmt.Errorf("dial http://user:secret@host: %w", io.EOF), hide); p.Detail != "hidden" || p.Status != http.StatusBadGateway {
		t.Errorf("%+v", p)
	}
	if p := api.ProblemOf(fmt.Errorf("wrapped: %w", api.NotFound("nothing")), hide); p.Detail != "nothing" || p.Status != http.StatusNotFound {
		t.Errorf("%+v", p)
	}
}
