package page_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/guard"
	"tocsin/cmd/runner/internal/page"
	"tocsin/cmd/runner/internal/sample"
)

const token = "0123456789abcdef-token"

// handler returns the page of a service.
func handler(t interface{ Fatal(...any) }, s *sample.Source, o guard.Options) http.Handler {
	p := &page.Page{Source: s, Guard: guard.New(o), Redact: func(text string) string { return text }, Namespace: "default", Version: "test", Now: func() time.Time { return sample.Now }}
	h, err := p.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "http://localhost"+path, http.NoBody)
	h.ServeHTTP(w, r)
	return w
}

func post(h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(w, r)
	return w
}

// pages are the addresses of all pages, of a rule and an alert with the ids that text makes.
func pages(text func(string) string) []string {
	rule, alert := url.PathEscape(text("rule-0003")), url.PathEscape(text(fmt.Sprintf("%064x", 0xabc0)))
	return []string{
		"/", "/rules", "/rules?state=failing&q=a", "/rules?offset=100&sort=next", "/rules/" + rule, "/coverage", "/coverage?open=1", "/alerts", "/alerts?severity=high", "/alerts?after=50", "/alerts?where=(", "/alerts?limit=x", "/alerts/" + alert, "/alerts/" + alert + "?explain=all",
		"/attack", "/costs", "/costs?sort=alerts", "/backfills", "/backfills?notice=started", "/runners", "/states", "/states?status=open&severity=critical", "/states?status=ended&offset=50&since=90d", "/states?since=x", "/nothing", "/rules/nobody", "/rules?offset=-1",
	}
}

// TestPages: every page is whole, with the headers that keep it to itself, and names nothing that is not there.
func TestPages(t *testing.T) {
	h := handler(t, sample.New(250, nil), guard.Options{})
	for _, path := range pages(strings.Clone) {
		w := get(h, path)
		if want := statusOf(path); w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
		for name, part := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Content-Type": "text/html",
		} {
			if !strings.Contains(w.Header().Get(name), part) {
				t.Errorf("%s: %s is %q", path, name, w.Header().Get(name))
			}
		}
		root := parsed(t, w.Body.String())
		whole(t, path, root)
		for _, link := range attributes(root, "href") {
			if !strings.HasPrefix(link, "/") || strings.HasPrefix(link, "/api/") || strings.HasPrefix(link, "//") {
				continue
			}
			if got := get(h, link).Code; got != http.StatusOK && !strings.Contains(path, link) {
				t.Errorf("%s: the link %s has status %d", path, link, got)
			}
		}
	}
}

// statusOf is the status of a page.
func statusOf(path string) int {
	switch path {
	case "/nothing", "/rules/nobody":
		return http.StatusNotFound
	case "/rules?offset=-1", "/states?since=x":
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func parsed(t interface{ Fatal(...any) }, text string) *html.Node {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// whole checks what every page must be: one heading of the first level, unique ids, labels that lead somewhere, no inline code or styles.
func whole(t interface {
	Errorf(string, ...any)
}, path string, root *html.Node,
) {
	ids, headings := map[string]int{}, 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "h1":
			headings++
		case "style", "iframe", "object", "embed", "base":
			t.Errorf("%s has an element %s", path, n.Data)
		case "script":
			if n.FirstChild != nil {
				t.Errorf("%s has a script inside", path)
			}
		}
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				ids[a.Val]++
			case a.Key == "style", strings.HasPrefix(a.Key, "on"):
				t.Errorf("%s has an attribute %s", path, a.Key)
			case a.Key == "href" && strings.Contains(strings.ToLower(a.Val), "javascript:") && !strings.HasPrefix(a.Val, "/"):
				t.Errorf("%s has a link %s", path, a.Val)
			}
		}
	}
	if headings != 1 {
		t.Errorf("%s has %d headings of the first level", path, headings)
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("%s has %d elements with the id %s", path, n, id)
		}
	}
	for _, name := range []string{"aria-labelledby", "for"} {
		for _, id := range attributes(root, name) {
			if ids[id] == 0 {
				t.Errorf("%s: %s %s leads nowhere", path, name, id)
			}
		}
	}
}

func attributes(root *html.Node, name string) (values []string) {
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == name {
				values = append(values, a.Val)
			}
		}
	}
	return values
}

// shape is a page without its texts and the values of its attributes: its elements in order, with the names of their attributes.
func shape(root *html.Node) string {
	var out strings.Builder
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		out.WriteString(n.Data)
		names := make([]string, len(n.Attr))
		for i, a := range n.Attr {
			names[i] = a.Key
		}
		slices.Sort(names)
		fmt.Fprintln(&out, names)
	}
	return out.String()
}

// TestHostile: whatever the texts of rules and events are, a page has the elements and attributes that it has with harmless texts.
func TestHostile(t *testing.T) {
	pieces := []string{
		"<script>alert(1)</script>", "</title><script>", `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, "javascript:alert(1)", "</textarea><script>alert(1)</script>", "<!--", "-->", "]]>", "<svg onload=alert(1)>", "&lt;b&gt;",
		"{{.}}", "${7*7}", "</svg><style>*{}</style>", "\u202e", "\x00", "`", "data:text/html,<script>", "//evil.example/", "\r\nSet-Cookie: a=b", "a/b/../..", "%2e%2e", "+", "?x=1#y", " ", "\u2028",
	}
	harmless := handler(t, sample.New(30, func(s string) string { return "harmless " + s }), guard.Options{})
	rapid.Check(t, func(t *rapid.T) {
		evil := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(pieces), rapid.String()), 1, 3).Draw(t, "text"), "")
		hostile := func(s string) string { return evil + s }
		h := handler(t, sample.New(30, hostile), guard.Options{})
		i := rapid.IntRange(0, len(pages(hostile))-1).Draw(t, "page")
		path, plain := pages(hostile)[i], pages(func(s string) string { return "harmless " + s })[i]
		if strings.Contains(path, "/./") || strings.Contains(path, "/../") || strings.Contains(path, "//") {
			t.Skip("the path is another one")
		}
		w := get(h, path)
		if w.Code >= http.StatusInternalServerError {
			t.Fatalf("%s: status %d", path, w.Code)
		}
		want, got := parsed(t, get(harmless, plain).Body.String()), parsed(t, w.Body.String())
		whole(t, path, got)
		if shape(want) != shape(got) {
			t.Errorf("%s: %q changes the page", path, evil)
		}
	})
}

// TestHostileForm: what a person sends comes back as text.
func TestHostileForm(t *testing.T) {
	h := handler(t, sample.New(30, nil), guard.Options{})
	evil := `</textarea><script>alert(1)</script>"'>`
	for _, path := range []string{"/rules?q=" + url.QueryEscape(evil), "/alerts?host=" + url.QueryEscape(evil), "/rules?technique=" + url.QueryEscape(evil), "/coverage?q=" + url.QueryEscape(evil), "/costs?sort=" + url.QueryEscape(evil)} {
		if n := len(scripts(parsed(t, get(h, path).Body.String()))); n != 1 {
			t.Errorf("%s: %d scripts", path, n)
		}
	}
	if n := len(scripts(parsed(t, post(h, "/rules/rule-0001/explain", url.Values{"event": {evil}}).Body.String()))); n != 1 {
		t.Errorf("%d scripts", n)
	}
}

func scripts(root *html.Node) (found []*html.Node) {
	for n := range root.Descendants() {
		if n.Data == "script" && n.Type == html.ElementNode {
			found = append(found, n)
		}
	}
	return found
}

// TestForms: forms do what they say, and go on to a page.
func TestForms(t *testing.T) {
	s := sample.New(30, nil)
	h := handler(t, s, guard.Options{})
	for _, tt := range []struct {
		path   string
		form   url.Values
		status int
		to     string
	}{
		{"/rules/reload", nil, http.StatusSeeOther, "/rules?notice=reloaded"},
		{"/backfills", url.Values{"from": {"2026-03-01T00:00"}, "to": {"2026-03-02T00:00"}, "rules": {"rule-0001\r\n\r\n rule-0002 "}}, http.StatusSeeOther, "/backfills?notice=started"},
		{"/backfills", url.Values{"from": {"2026-03-03T00:00"}, "to": {"2026-03-02T00:00"}}, http.StatusBadRequest, ""},
		{"/backfills", url.Values{"from": {"yesterday"}, "to": {"2026-03-02T00:00"}}, http.StatusBadRequest, ""},
		{"/alerts/a%2Fb/status", url.Values{"status": {"closed"}, "reason": {"duplicate"}}, http.StatusSeeOther, "/alerts/a%2Fb?notice=changed"},
		{"/alerts/a/status", url.Values{"status": {"gone"}}, http.StatusBadRequest, ""},
		{"/backfills/sigma-q1/cancel", nil, http.StatusSeeOther, "/backfills?notice=cancelled"},
		{"/backfills/nothing/cancel", nil, http.StatusNotFound, ""},
		{"/rules/rule-0001/explain", url.Values{"event": {`{"process": {"name": "sh"}}`}}, http.StatusOK, ""},
		{"/rules/rule-0001/explain", url.Values{"event": {`{`}}, http.StatusOK, ""},
		{"/backfills", url.Values{"rules": {strings.Repeat("x", 2<<20)}}, http.StatusRequestEntityTooLarge, ""},
	} {
		w := post(h, tt.path, tt.form)
		if w.Code != tt.status || w.Header().Get("Location") != tt.to {
			t.Errorf("%s: status %d to %q", tt.path, w.Code, w.Header().Get("Location"))
		}
	}
	jobs, err := s.Backfills(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last := jobs.Backfills[len(jobs.Backfills)-1]; last.Rules != 2 || !last.From.Equal(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("the job is %+v", last)
	}
}

// TestLogin: a browser without a session goes to the form, and with it back to where it was going, if that is here.
func TestLogin(t *testing.T) {
	h := handler(t, sample.New(30, nil), guard.Options{Tokens: []guard.Token{{Secret: token}}})
	for _, path := range pages(strings.Clone) {
		w := get(h, path)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?next="+url.QueryEscape(path) {
			t.Errorf("%s: status %d to %s", path, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{"/rules/reload", "/backfills", "/backfills/x/cancel", "/rules/rule-0001/explain"} {
		if w := post(h, path, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login" {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	if w := get(h, "/login?next=%2Frules"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `value="/rules"`) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if w := post(h, "/login", url.Values{"secret": {"wrong"}}); w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) > 0 {
		t.Errorf("a wrong token: status %d", w.Code)
	}
	for next, to := range map[string]string{
		"/rules?q=a": "/rules?q=a", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "javascript:alert(1)": "/", "/\t/evil.example": "/", "rules": "/",
	} {
		w := post(h, "/login", url.Values{"secret": {token}, "next": {next}})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != to || len(w.Result().Cookies()) != 1 {
			t.Errorf("%q: status %d to %q", next, w.Code, w.Header().Get("Location"))
			continue
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/", http.NoBody)
		r.AddCookie(w.Result().Cookies()[0])
		in := httptest.NewRecorder()
		h.ServeHTTP(in, r)
		if in.Code != http.StatusOK {
			t.Errorf("the session has status %d", in.Code)
		}
	}
	if w := get(h, "/assets/style.css"); w.Code != http.StatusOK {
		t.Errorf("the style sheet has status %d", w.Code)
	}
}

// TestOff: where nobody is let in, a page says so.
func TestOff(t *testing.T) {
	h := handler(t, sample.New(30, nil), guard.Options{Off: "it is off because"})
	for _, path := range append(pages(strings.Clone), "/login") {
		if w := get(h, path); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "it is off because") || strings.Contains(w.Body.String(), "Shell") {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

// BenchmarkPages measures each page with 2,000 rules.
func BenchmarkPages(b *testing.B) {
	h := handler(b, sample.New(2000, nil), guard.Options{})
	for _, path := range []string{"/", "/rules", "/rules/rule-0003", "/coverage", "/alerts", "/attack", "/costs", "/states"} {
		b.Run(path, func(b *testing.B) {
			var size int
			for b.Loop() {
				w := get(h, path)
				size = w.Body.Len()
				_, _ = io.Copy(io.Discard, w.Body)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
