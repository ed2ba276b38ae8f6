package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"golang.org/x/crypto/bcrypt"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/sample"
	"tocsin/cmd/runner/internal/server"
)

const webToken, webPassword = "0123456789abcdef-token", "correct horse"

// webRoute is a request for something that is not for everybody.
type webRoute struct{ method, path string }

// webRoutes returns all operations of the document, and the pages.
func webRoutes() []webRoute {
	out := []webRoute{
		{http.MethodGet, "/"},
		{http.MethodGet, "/rules"},
		{http.MethodGet, "/rules/rule-0001"},
		{http.MethodGet, "/coverage"},
		{http.MethodGet, "/alerts"},
		{http.MethodGet, "/attack"},
		{http.MethodGet, "/costs"},
		{http.MethodGet, "/backfills"},
		{http.MethodGet, "/runners"},
		{http.MethodGet, "/states"},
		{http.MethodPost, "/rules/reload"},
		{http.MethodPost, "/backfills"},
		{http.MethodPost, "/backfills/x/cancel"},
		{http.MethodPost, "/rules/rule-0001/explain"},
		{http.MethodPost, "/reload"},
		{http.MethodGet, api.Prefix + "/openapi.json"},
		{http.MethodGet, api.Prefix + "/nothing"},
	}
	paths := api.Document("test")["paths"].(map[string]any)
	for path, methods := range paths {
		for method := range methods.(map[string]any) {
			out = append(out, webRoute{strings.ToUpper(method), strings.NewReplacer("{id}", "rule-0001", "{job}", "x").Replace(path)})
		}
	}
	return out
}

// TestWebAccess asks for every route with no, wrong and right credentials, on loopback and other addresses, with every setting: what is
// not for everybody is answered to those that may, and what supervisors ask for to everybody.
func TestWebAccess(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte(webPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	tokens, users := writeFile(t, "tokens", webToken+"\n"), writeFile(t, "users", "ada:"+string(hash)+"\n")
	cert, key := selfSigned(t)
	for _, loopback := range []bool{true, false} {
		for _, credentials := range []string{"", "token", "users"} {
			for _, encryption := range []string{"", "tls", "proxy"} {
				t.Run(fmt.Sprintf("loopback %t, credentials %s, encryption %s", loopback, credentials, encryption), func(t *testing.T) {
					t.Parallel()
					var flags webFlags
					switch credentials {
					case "token":
						flags.WebTokenFile = tokens
					case "users":
						flags.WebUsers = users
					}
					flags.WebPlaintext = encryption == "proxy"
					if encryption == "tls" {
						flags.WebCert, flags.WebKey = cert, key
					}
					address, client := webServer(t, flags, loopback)
					off := !loopback && (credentials == "" || encryption == "")
					for _, given := range []string{"no", "right", "wrong"} {
						may := !off && (credentials == "" || given == "right")
						for _, route := range webRoutes() {
							status := webStatus(t, client, address, route, credentials, given)
							refused := status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusTooManyRequests || status == http.StatusSeeOther && !may
							if refused == may {
								t.Errorf("%s credentials: %s %s has status %d", given, route.method, route.path, status)
							}
						}
					}
					for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
						if status := webStatus(t, client, address, webRoute{http.MethodGet, path}, "", "no"); status != http.StatusOK {
							t.Errorf("%s has status %d", path, status)
						}
					}
				})
			}
		}
	}
}

// webServer serves a made-up service with flags.
func webServer(t *testing.T, flags webFlags, loopback bool) (address string, client *http.Client) {
	t.Helper()
	return webServerOf(t, flags, loopback, sample.New(10, nil))
}

// webServerOf serves a service with flags.
func webServerOf(t *testing.T, flags webFlags, loopback bool, source api.Source) (address string, client *http.Client) {
	t.Helper()
	encrypted, err := flags.tls()
	if err != nil {
		t.Fatal(err)
	}
	at := "0.0.0.0:0"
	if loopback {
		at = "127.0.0.1:0"
	}
	web, err := server.Listen(t.Context(), at, server.Answers{
		Metrics: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Ready: func(context.Context) error { return nil }, TLS: encrypted,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := flags.open(web, source, "default", func(context.Context) (string, error) { return "", nil }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(ctx) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the certificate is the test's own
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(web.Address())
	if err != nil {
		t.Fatal(err)
	}
	scheme := "http"
	if encrypted != nil {
		scheme = "https"
	}
	return scheme + "://127.0.0.1:" + port, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func webStatus(t *testing.T, client *http.Client, address string, route webRoute, credentials, given string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), route.method, address+route.path, strings.NewReader(`{"rule_id": "rule-0001", "event": {}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	secret := map[string]string{"token": webToken, "users": webPassword}[credentials]
	if given == "wrong" {
		secret += "x"
	}
	switch {
	case given == "no":
	case credentials == "users":
		r.SetBasicAuth("ada", secret)
	default:
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func selfSigned(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))), writeFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
}

// webAPI asks the API of a running service, and checks the answers against the document.
type webAPI struct {
	*served
	validator validator.Validator
}

func newWebAPI(t *testing.T, s *served) webAPI {
	t.Helper()
	_, text := s.get(t, api.Prefix+"/openapi.json")
	doc, err := libopenapi.NewDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if errs != nil {
		t.Fatal(errs)
	}
	return webAPI{s, v}
}

// ask sends a request and decodes the answer.
func (a webAPI) ask(t *testing.T, method, path, body string, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.address+api.Prefix+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	// The answer is checked as the document's server, which has no address, would give it.
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(data)
	if ok, errs := a.validator.ValidateHttpResponse(httptest.NewRequestWithContext(t.Context(), method, api.Prefix+path, http.NoBody), w.Result()); !ok {
		for _, e := range errs {
			t.Errorf("%s %s: %s: %s %v: %s", method, path, e.Message, e.Reason, e.SchemaValidationErrors, data)
		}
	}
	if into != nil && answer.StatusCode == http.StatusOK {
		if err := json.Unmarshal(data, into); err != nil {
			t.Errorf("%s %s: %v", method, path, err)
		}
	}
	return answer.StatusCode
}

// TestWeb asks a running service for everything that the document has, and for the pages.
func TestWeb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"shell.toml": serviceRule, "asleep.toml": strings.Replace(serviceRule, "0001\"", "0002\"\nenabled = false", 1),
		"vacant.toml": strings.NewReplacer("0001\"", "0004\"", "logs-*", "metrics-*").Replace(serviceRule),
	} {
		writeIn(t, dir, name, text)
	}
	s := startService(t, "--rules", dir, "--events", writeFile(t, "events.ndjson", serviceEvents), "--store", t.TempDir())
	created := 0
	for created != 1 { // the others are of another rule
		created = s.until(t, "executed").Created
	}
	go func() { // the log must not stop the service
		for s.lines.Scan() {
		}
	}()
	a := newWebAPI(t, s)
	writeIn(t, dir, "broken.toml", strings.NewReplacer("0001\"", "0003\"", "nginx\" and", "nginx and").Replace(serviceRule))
	if status := a.ask(t, http.MethodPost, "/reload", "", nil); status != http.StatusOK {
		t.Errorf("reload has status %d", status)
	}
	const id = "11111111-aaaa-4aaa-8aaa-000000000001"
	var overview api.Overview
	var rules api.Rules
	waitFor(t, "the survey of the ledger", func() bool {
		a.ask(t, http.MethodGet, "/overview", "", &overview)
		a.ask(t, http.MethodGet, "/rules", "", &rules)
		return overview.Ready && len(rules.Rules) == 4
	})
	states := map[string]api.State{}
	for _, r := range rules.Rules {
		states[r.ID[len(r.ID)-1:]] = r.State
	}
	if states["2"] != api.Disabled || states["3"] != api.Broken || states["4"] != api.Vacant || states["1"] != api.OK && states["1"] != api.Behind && states["1"] != api.New {
		t.Errorf("states %v", states)
	}
	var alerts api.Alerts
	a.ask(t, http.MethodGet, "/alerts?rule=Shell*&severity=high&since=24h&where=process.name%3Ash", "", &alerts)
	if len(alerts.Alerts) != 1 || alerts.Next != "" || alerts.Alerts[0].RuleID != id {
		t.Fatalf("alerts %+v", alerts)
	}
	var odd api.Alerts
	if a.ask(t, http.MethodGet, "/alerts?where=proces.name%3Ash", "", &odd); len(odd.Alerts) != 0 || len(odd.Warnings) != 1 || !strings.Contains(odd.Warnings[0], "proces.name") {
		t.Errorf("a field that no alert has: %+v", odd)
	}
	if _, body := s.get(t, "/alerts?where=proces.name%3Ash"); !strings.Contains(body, "Unknown field") {
		t.Errorf("the page does not say that no alert has the field: %s", body)
	}
	var one api.AlertDetail
	var why api.Explanation
	a.ask(t, http.MethodGet, "/alerts/"+alerts.Alerts[0].ID, "", &one)
	a.ask(t, http.MethodGet, "/alerts/"+alerts.Alerts[0].ID+"/explanation", "", &why)
	if len(one.Events) != 1 || one.Events[0].ID != "hit" || len(why.Verdicts) != 1 || !why.Verdicts[0].Alerts {
		t.Errorf("alert %+v, explanation %+v", one, why)
	}
	a.ask(t, http.MethodPost, "/explain", `{"rule_id": "`+id+`", "event": {"@timestamp": "2026-01-15T14:01:00Z", "event": {"category": "process"}, "process": {"name": "ls", "parent": {"name": "nginx"}}}}`, &why)
	if len(why.Verdicts) != 1 || why.Verdicts[0].Alerts || why.Verdicts[0].Matches == nil || *why.Verdicts[0].Matches {
		t.Errorf("explanation %+v", why)
	}
	var changed api.Changed
	change := func(body string) int { return a.ask(t, http.MethodPost, "/alert-changes", body, &changed) }
	if status := change(`{"ids": ["` + one.ID + `"], "status": "closed", "reason": "duplicate", "add_tags": ["seen"]}`); status != http.StatusOK || changed.Changed != 1 {
		t.Errorf("status %d, changed %+v", status, changed)
	}
	if a.ask(t, http.MethodGet, "/alerts/"+one.ID, "", &one); one.Status != "closed" || one.StatusBy != "api" || one.StatusAt == nil {
		t.Errorf("the alert is %s", one.Status)
	}
	for body, status := range map[string]int{
		`{"ids": ["` + one.ID + `", "other"], "status": "open"}`: 404, `{"ids": [""], "status": "open"}`: 400, `{"ids": ["` + one.ID + `"], "add_tags": ["x", " "]}`: 400, `{"ids": ["` + one.ID + `"], "unassign": [""]}`: 400,
		`{"ids": ["` + one.ID[:9] + `"], "status": "open"}`: 404, `{"ids": ["` + one.ID + `"]}`: 400, `{"ids": ["` + one.ID + `"], "status": "gone"}`: 400,
	} {
		if got := change(body); got != status {
			t.Errorf("%s has status %d, want %d", body, got, status)
		}
	}
	if a.ask(t, http.MethodGet, "/alerts/"+one.ID, "", &one); one.Status != "closed" {
		t.Errorf("after changes that were refused, the alert is %s", one.Status)
	}
	for path, status := range map[string]int{
		"/alerts?where=a%3A(": 400, "/alerts?severity=dire": 400, "/alerts?after=x": 400, "/alerts/nothing": 404, "/rules/nothing": 404, "/rules/nothing/slots": 404, "/backfills/nothing": 404, "/rules/" + id: 200, "/rules/" + id + "/slots?from=1h": 200,
		"/runs": 200, "/runs?rule=" + id: 200, "/coverage": 200, "/coverage?open=true": 200, "/gaps": 200, "/costs": 200, "/attack": 200, "/runners": 200, "/alert-counts": 200, "/backfills": 200, "/alerts": 200, "/alerts?blocks=true&limit=1": 200,
	} {
		if got := a.ask(t, http.MethodGet, path, "", nil); got != status {
			t.Errorf("%s has status %d, want %d", path, got, status)
		}
	}
	backfilled(t, a, id)
	statesTold(t, s, a, func() {
		if err := os.Remove(filepath.Join(dir, "broken.toml")); err != nil {
			t.Fatal(err)
		}
	})
	var reloaded api.Reloaded
	if a.ask(t, http.MethodPost, "/reload", "", &reloaded); reloaded.Summary != "0 added, 0 changed, 0 removed, 0 broken that run as before" {
		t.Errorf("reload: %+v", reloaded)
	}
	for _, path := range []string{"/", "/rules", "/rules/" + id, "/coverage", "/alerts", "/alerts/" + alerts.Alerts[0].ID, "/attack", "/costs", "/backfills", "/runners", "/states"} {
		if status, body := s.get(t, path); status != http.StatusOK || !strings.Contains(body, "</html>") {
			t.Errorf("%s has status %d: %s", path, status, body)
		}
	}
	s.stop(t)
}

// statesTold asks for the state that a broken rule is, in all places that have it, and for its end after the rule is mended.
func statesTold(t *testing.T, s *served, a webAPI, mend func()) {
	t.Helper()
	var states api.ServiceStates
	waitFor(t, "the state of the broken rule", func() bool {
		status := a.ask(t, http.MethodGet, "/states?kind=reload-broken", "", &states)
		return status == http.StatusOK && len(states.States) == 1 && states.States[0].Status == "open"
	})
	one := states.States[0]
	if one.Subject != "rules" || one.Severity != "warning" || one.Since.IsZero() || one.Until != nil || one.Count != 1 || !strings.Contains(one.Text, "000000000003") || one.Advice == "" || len(one.Runners) != 1 || states.Open["warning"] < 1 {
		t.Errorf("states %+v", states)
	}
	var overview api.Overview
	if a.ask(t, http.MethodGet, "/overview", "", &overview); overview.Open["warning"] != states.Open["warning"] {
		t.Errorf("the overview has %v, the states %v", overview.Open, states.Open)
	}
	for path, part := range map[string]string{"/states": "reload-broken", "/": `<a href="/states">`, "/metrics": `tocsin_states{kind="reload-broken",severity="warning"} 1`} {
		if _, body := s.get(t, path); !strings.Contains(body, part) {
			t.Errorf("%s does not say %s: %s", path, part, body)
		}
	}
	for path, status := range map[string]int{"/states?status=gone": 400, "/states?since=x": 400, "/states?severity=critical&rule=nobody&since=90d&q=x&limit=1": 200} {
		if got := a.ask(t, http.MethodGet, path, "", nil); got != status {
			t.Errorf("%s has status %d, want %d", path, got, status)
		}
	}
	mend()
	a.ask(t, http.MethodPost, "/reload", "", nil)
	waitFor(t, "the end of the state", func() bool {
		a.ask(t, http.MethodGet, "/states?kind=reload-broken&status=ended", "", &states)
		return len(states.States) == 1
	})
	if one := states.States[0]; one.Until == nil || one.Until.Before(one.Since) || len(one.Runners) > 0 {
		t.Errorf("the ended state is %+v", one)
	}
}

// backfilled runs a job through the API.
func backfilled(t *testing.T, a webAPI, id string) {
	t.Helper()
	var job api.Backfill
	body := `{"from": "2026-01-15T14:00:30Z", "to": "2026-01-15T14:01:30Z", "rules": ["` + id + `"], "job": "again"}`
	if status := a.ask(t, http.MethodPost, "/backfills", body, &job); status != http.StatusOK || job.Slots != 60 || job.Job != "again" {
		t.Fatalf("status %d, job %+v", status, job)
	}
	waitFor(t, "the end of the job", func() bool {
		a.ask(t, http.MethodGet, "/backfills/again", "", &job)
		return job.Status == "done"
	})
	var all api.Backfills
	waitFor(t, "the job in the list", func() bool {
		a.ask(t, http.MethodGet, "/backfills", "", &all)
		return slices.ContainsFunc(all.Backfills, func(j api.Backfill) bool { return j.Job == "again" && j.Covered == 60 })
	})
	for _, tt := range []struct {
		path, body string
		status     int
	}{
		{"/backfills", strings.Replace(body, "14:00:30", "14:00:00", 1), http.StatusConflict},
		{"/backfills", `{"from": "2026-01-15T14:00:00Z", "to": "2100-01-01T00:00:00Z"}`, http.StatusBadRequest},
		{"/backfills", strings.Replace(body, id, "nothing", 1), http.StatusNotFound},
		{"/backfills", `{"job": "nothing"}`, http.StatusNotFound},
		{"/backfills/nothing/cancel", "", http.StatusNotFound},
		{"/backfills/again/cancel", "", http.StatusOK},
	} {
		if got := a.ask(t, http.MethodPost, tt.path, tt.body, nil); got != tt.status {
			t.Errorf("%s %s has status %d, want %d", tt.path, tt.body, got, tt.status)
		}
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(100 * time.Millisecond) {
		if t.Failed() || time.Now().After(end) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func writeIn(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestCursor: a cursor says where an alert is, and nothing else is one.
func TestCursor(t *testing.T) {
	at := time.Date(2026, 1, 15, 14, 1, 0, 123_000_000, time.UTC)
	got, err := readCursor(cursorAt(api.Alert{ID: "an id with spaces", Written: &at}))
	if err != nil || !got.written.Equal(at) || got.id != "an id with spaces" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"", "x", "%", url.QueryEscape("1 2"), "MTIz"} {
		if _, err := readCursor(text); err == nil {
			t.Errorf("%q is a cursor", text)
		}
	}
}
