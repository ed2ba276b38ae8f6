package channel_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/notify"
	"tocsin/internal/notify/channel"
)

var at = time.Date(2026, 1, 15, 14, 5, 0, 0, time.UTC)

func message(kind notify.Kind) notify.Message {
	return notify.Message{
		Key: "key-1", Route: "r", Incident: "rule/7/failing", Title: "Shell <from> a & web server", Text: "host.name: web-1\nsecond", Count: 1,
		Notice: notify.Notice{
			Key: "n-1", Kind: kind, Subject: "rule/7/failing", Namespace: "default", RuleID: "7", RuleName: "Shell", Severity: "high", RiskScore: 73,
			Tags: []string{"a"}, At: at, Fields: map[string]string{"host.name": "web-1"},
		},
	}
}

// request is what a server got.
type request struct {
	method, path string
	header       http.Header
	body         string
}

// server answers all requests and remembers them.
func server(t *testing.T, answer func(w http.ResponseWriter)) (*httptest.Server, *[]request) {
	t.Helper()
	var got []request
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, request{r.Method, r.URL.RequestURI(), r.Header, string(body)})
		answer(w)
	}))
	t.Cleanup(s.Close)
	return s, &got
}

func ok(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) }

// TestRequests compares what is sent with the documentation of the receivers.
func TestRequests(t *testing.T) {
	s, got := server(t, ok)
	for _, tt := range []struct {
		name string
		c    notify.Channel
		kind notify.Kind
		path string
		want map[string]any
	}{
		{"pagerduty", channel.PagerDuty{Base: s.URL, RoutingKey: "routing"}, notify.KindAlert, "/v2/enqueue", map[string]any{
			"routing_key": "routing", "dedup_key": "rule/7/failing", "event_action": "trigger",
			"payload": map[string]any{
				"summary": "Shell <from> a & web server", "source": "default", "severity": "error", "timestamp": "2026-01-15T14:05:00Z", "class": "alert",
				"custom_details": map[string]any{
					"kind": "alert", "key": "n-1", "namespace": "default", "rule_id": "7", "rule": "Shell", "severity": "high", "risk_score": "73",
					"host.name": "web-1", "text": "host.name: web-1\nsecond",
				},
			},
		}},
		{"pagerduty recovery", channel.PagerDuty{Base: s.URL, RoutingKey: "routing"}, notify.KindRecovery, "/v2/enqueue", map[string]any{
			"routing_key": "routing", "dedup_key": "rule/7/failing", "event_action": "resolve",
		}},
		{"opsgenie", channel.Opsgenie{Base: s.URL + "/", APIKey: "api"}, notify.KindState, "/v2/alerts", map[string]any{
			"message": "Shell <from> a & web server", "alias": "rule/7/failing", "description": "host.name: web-1\nsecond", "source": "tocsin", "user": "tocsin",
			"priority": "P2", "tags": []any{"a"}, "details": map[string]any{
				"kind": "state", "key": "n-1", "namespace": "default", "rule_id": "7", "rule": "Shell", "severity": "high", "risk_score": "73", "host.name": "web-1",
			},
		}},
		{"opsgenie recovery", channel.Opsgenie{Base: s.URL, APIKey: "api"}, notify.KindRecovery, "/v2/alerts/rule%2F7%2Ffailing/close?identifierType=alias", map[string]any{
			"source": "tocsin", "user": "tocsin", "note": "Shell <from> a & web server\nhost.name: web-1\nsecond",
		}},
		{"slack", channel.Slack{URL: s.URL + "/services/T/B/x"}, notify.KindAlert, "/services/T/B/x", map[string]any{
			"text": "*Shell &lt;from&gt; a &amp; web server*\nhost.name: web-1\nsecond",
		}},
		{"teams", channel.Teams{URL: s.URL + "/workflows"}, notify.KindAlert, "/workflows", map[string]any{
			"type": "message", "attachments": []any{map[string]any{
				"contentType": "application/vnd.microsoft.card.adaptive", "content": map[string]any{
					"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": []any{
						map[string]any{"type": "TextBlock", "wrap": true, "text": "Shell <from> a & web server", "weight": "bolder", "size": "medium"},
						map[string]any{"type": "TextBlock", "wrap": true, "text": "host.name: web-1"},
						map[string]any{"type": "TextBlock", "wrap": true, "text": "second"},
					},
				},
			}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			*got = nil
			if err := tt.c.Send(t.Context(), message(tt.kind)); err != nil {
				t.Fatal(err)
			}
			r := (*got)[0]
			var body map[string]any
			if err := json.Unmarshal([]byte(r.body), &body); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, body); diff != "" || r.path != tt.path || r.method != http.MethodPost {
				t.Errorf("%s %s: %s", r.method, r.path, diff)
			}
			if auth := r.header.Get("Authorization"); strings.HasPrefix(tt.name, "opsgenie") && auth != "GenieKey api" {
				t.Error(auth)
			}
		})
	}
}

// TestAlertmanager: the recovery of a state has the labels of the state, and ends it; a duplicate has the same labels.
func TestAlertmanager(t *testing.T) {
	broken, _ := server(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) })
	s, got := server(t, ok)
	c := channel.Alertmanager{URLs: []string{broken.URL, s.URL}, Token: "bearer", Labels: map[string]string{"team": "soc"}}
	var labels []map[string]string
	var ends []time.Time
	for _, kind := range []notify.Kind{notify.KindState, notify.KindRecovery, notify.KindAlert, notify.KindAlert} {
		if err := c.Send(t.Context(), message(kind)); err != nil {
			t.Fatal(err)
		}
		r := (*got)[len(*got)-1]
		var alerts []struct {
			Labels           map[string]string
			StartsAt, EndsAt time.Time
		}
		if err := json.Unmarshal([]byte(r.body), &alerts); err != nil || r.path != "/api/v2/alerts" || r.header.Get("Authorization") != "Bearer bearer" {
			t.Fatal(err, r)
		}
		if !alerts[0].EndsAt.After(alerts[0].StartsAt) {
			t.Error("it ends before it begins:", r.body)
		}
		labels, ends = append(labels, alerts[0].Labels), append(ends, alerts[0].EndsAt)
	}
	if diff := cmp.Diff(labels[0], labels[1]); diff != "" || !ends[0].After(time.Now()) || ends[1].After(time.Now()) {
		t.Error("a state and its recovery:", diff, ends)
	}
	if diff := cmp.Diff(labels[2], labels[3]); diff != "" || labels[2]["severity"] != "high" || labels[2]["team"] != "soc" {
		t.Error("an alert that is sent again:", diff, labels[2])
	}
	if err := (channel.Alertmanager{URLs: []string{broken.URL}}).Send(t.Context(), message(notify.KindAlert)); err == nil {
		t.Error("no Alertmanager has it, and there is no error")
	}
}

// TestSignature: the receiver can verify the signature over what it got, and the key does not change.
func TestSignature(t *testing.T) {
	s, got := server(t, ok)
	c := channel.Webhook{URL: s.URL + "/hook", Secret: "shared", Headers: map[string]string{"X-Team": "soc"}, Now: func() time.Time { return at }}
	for range 2 {
		if err := c.Send(t.Context(), message(notify.KindAlert)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range *got {
		stamp := r.header.Get(channel.HeaderTimestamp)
		if stamp != strconv.FormatInt(at.Unix(), 10) || r.header.Get(channel.HeaderSignature) != channel.Sign("shared", stamp, []byte(r.body)) {
			t.Error(r.header)
		}
		if r.header.Get(channel.HeaderKey) != "key-1" || r.header.Get("X-Team") != "soc" {
			t.Error(r.header)
		}
		var p notify.Payload
		if err := json.Unmarshal([]byte(r.body), &p); err != nil || p.Key != "key-1" || p.Notice.RuleID != "7" {
			t.Error(err, r.body)
		}
	}
	// Computed with openssl dgst -sha256 -hmac.
	if got := channel.Sign("secret", "1768485900", []byte(`{"a":1}`)); got != "v1=41d9db3c956bc6dc38566cf75817515b15d0be3f2dea4823fae9be71aaec430c" {
		t.Error(got)
	}
}

// TestAnswers: what receivers answer decides when a message is tried again.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		status int
		after  string
		want   notify.Refusal
	}{
		{429, "7", notify.Refusal{After: 7 * time.Second}},
		{503, "Thu, 15 Jan 2026 14:06:00 GMT", notify.Refusal{After: time.Minute}},
		{503, "never", notify.Refusal{}},
		{429, "-3", notify.Refusal{}},
		{500, "", notify.Refusal{}},
		{400, "", notify.Refusal{Final: true}},
		{413, "", notify.Refusal{Final: true}},
		{401, "", notify.Refusal{}}, // somebody can mend the key
		{404, "", notify.Refusal{}},
		{302, "", notify.Refusal{}},
	} {
		s, _ := server(t, func(w http.ResponseWriter) {
			w.Header().Set("Date", at.Format(http.TimeFormat))
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			if tt.after != "" {
				w.Header().Set("Retry-After", tt.after)
			}
			w.WriteHeader(tt.status)
		})
		err := channel.Slack{URL: s.URL}.Send(t.Context(), message(notify.KindAlert))
		r, said := errors.AsType[*notify.Refusal](err)
		if !said || r.After != tt.want.After || r.Final != tt.want.Final {
			t.Errorf("%d %q: %+v", tt.status, tt.after, r)
		}
	}
	// What was never opened is closed.
	s, _ := server(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) })
	if err := (channel.Opsgenie{Base: s.URL}).Send(t.Context(), message(notify.KindRecovery)); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer hangs.Close()
	if err := (channel.Slack{URL: hangs.URL}).Send(ctx, message(notify.KindAlert)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// TestNoSecretInErrors: whatever goes wrong and whatever the receiver answers, no error contains a secret.
func TestNoSecretInErrors(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		secret := rapid.StringMatching(`[A-Za-z0-9 /+=%&?"<>ü]{8,30}`).Filter(func(s string) bool { return strings.TrimSpace(s) == s }).Draw(r, "secret")
		echo := rapid.SampledFrom([]string{"plain", "quoted", "escaped", "path"}).Draw(r, "echo")
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			switch echo {
			case "plain":
				_, _ = io.WriteString(w, "bad key "+secret)
			case "quoted":
				_, _ = io.WriteString(w, strconv.Quote(secret))
			case "escaped":
				_, _ = io.WriteString(w, strings.Join(q.Header.Values("Authorization"), " "))
			default:
				_, _ = io.WriteString(w, q.URL.RequestURI())
			}
		}))
		defer s.Close()
		closed := httptest.NewServer(nil)
		closed.Close()
		path := "/" + strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23", `"`, "%22", " ", "%20", "<", "%3C", ">", "%3E", "/", "%2F").Replace(secret)
		for _, base := range []string{s.URL, closed.URL} {
			for _, c := range []notify.Channel{
				channel.Slack{URL: base + path},
				channel.Teams{URL: base + path},
				channel.Opsgenie{Base: base, APIKey: secret},
				channel.PagerDuty{Base: base, RoutingKey: secret},
				channel.Webhook{URL: base, Secret: secret, Headers: map[string]string{"Authorization": secret}},
				channel.Alertmanager{URLs: []string{base}, Token: secret},
			} {
				err := c.Send(t.Context(), message(notify.KindAlert))
				if err == nil {
					r.Fatal("no error")
				}
				for _, form := range []string{secret, path[1:]} {
					if strings.Contains(err.Error(), form) {
						r.Fatalf("%T: %v", c, err)
					}
				}
			}
		}
	})
}

func TestCommand(t *testing.T) {
	t.Setenv("TOCSIN_TEST_SECRET", "hush-hush")
	t.Setenv("TOCSIN_TEST_OTHER", "never")
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	c := channel.Command{Argv: []string{"sh", "-c", `{ echo "$TOCSIN_KEY $TOCSIN_ROUTE $TOCSIN_TEST_SECRET-$TOCSIN_TEST_OTHER"; cat; } > ` + out}, Env: []string{"TOCSIN_TEST_SECRET"}}
	if err := c.Send(t.Context(), message(notify.KindAlert)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(text), "\n")
	var p notify.Payload
	if err := json.Unmarshal([]byte(body), &p); err != nil || p.Title != "Shell <from> a & web server" || head != "key-1 r hush-hush-" {
		t.Error(err, head, body)
	}
	for script, final := range map[string]bool{"echo hush-hush wrong >&2; exit 3": false, "exit 65": true, "sleep 60": false} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		begin := time.Now()
		err := channel.Command{Argv: []string{"sh", "-c", script}, Env: []string{"TOCSIN_TEST_SECRET"}}.Send(ctx, message(notify.KindAlert))
		cancel()
		r, said := errors.AsType[*notify.Refusal](err)
		if err == nil || strings.Contains(err.Error(), "hush") || (said && r.Final) != final || time.Since(begin) > 10*time.Second {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// mailbox is a server that takes mail.
func mailbox(t *testing.T) (port int, mails func() string) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	got := make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveMail(c, got)
		}
	}()
	addr, _ := l.Addr().(*net.TCPAddr)
	return addr.Port, func() string { return <-got }
}

func serveMail(c net.Conn, got chan<- string) {
	defer func() { _ = c.Close() }()
	_, _ = fmt.Fprint(c, "220 test\r\n")
	lines := bufio.NewScanner(c)
	var mail strings.Builder
	data := false
	for lines.Scan() {
		line := lines.Text()
		switch {
		case data && line == ".":
			data = false
			got <- mail.String()
			mail.Reset()
			_, _ = fmt.Fprint(c, "250 ok\r\n")
		case data:
			mail.WriteString(line + "\n")
		case strings.HasPrefix(line, "DATA"):
			data = true
			_, _ = fmt.Fprint(c, "354 go on\r\n")
		case strings.HasPrefix(line, "QUIT"):
			_, _ = fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			mail.WriteString(line + "\n")
			_, _ = fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

func TestEmail(t *testing.T) {
	port, mails := mailbox(t)
	c, err := channel.Email{Host: "127.0.0.1", Port: port, From: "tocsin@example.org", To: []string{"soc@example.org"}, Encryption: "none"}.Channel()
	if err != nil {
		t.Fatal(err)
	}
	m := message(notify.KindAlert)
	m.Title = "Über shell"
	if err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	mail := mails()
	for _, want := range []string{"MAIL FROM:<tocsin@example.org>", "RCPT TO:<soc@example.org>", "Subject: =?utf-8?q?=C3=9Cber_shell?=", "From: Tocsin <tocsin@example.org>", "host.name: web-1"} {
		if !strings.Contains(mail, want) {
			t.Errorf("no %q in:\n%s", want, mail)
		}
	}
}

// TestShoutrrr: errors of the library contain no secret, and a call that hangs ends with its context.
func TestShoutrrr(t *testing.T) {
	if _, err := channel.NewShoutrrr("nothing://token-secret@host"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	s, got := server(t, ok)
	host := strings.TrimPrefix(s.URL, "http://")
	c, err := channel.NewShoutrrr("generic://" + host + "/hook?disabletls=yes&template=json")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), message(notify.KindAlert)); err != nil || len(*got) != 1 || !strings.Contains((*got)[0].body, "host.name: web-1") {
		t.Error(err, *got)
	}
	refuses, _ := server(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
	c, err = channel.NewShoutrrr("generic://" + strings.TrimPrefix(refuses.URL, "http://") + "/token-secret-1?disabletls=yes&@Authorization=header-secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Send(t.Context(), message(notify.KindAlert)); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	release := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer hangs.Close()
	defer close(release)
	if c, err = channel.NewShoutrrr("generic://" + strings.TrimPrefix(hangs.URL, "http://") + "/?disabletls=yes"); err != nil {
		t.Fatal(err)
	}
	for range 6 { // more than may hang at the same time
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := c.Send(ctx, message(notify.KindAlert)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
	}
}
