package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// plantRoute writes a file with one route that has a secret, and returns its name and the secret.
func plantRoute(t *rapid.T, dir, receiver string) (file string, p planted) {
	core := "sesame" + rapid.StringMatching(`[a-zA-Z0-9]{14}`).Draw(t, "secret")
	p = planted{core: core, env: map[string]string{"PLANTED": core}, says: []string{core}}
	user := func(name string) string { return strings.Replace(receiver, "://", "://"+name+":"+core+"@", 1) }
	hidden := filepath.Join(dir, "route-secret")
	if err := os.WriteFile(hidden, []byte(core+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(receiver, "http://")
	routes := map[string]string{
		"path of a webhook":        `type = "webhook"` + "\n" + `url_env = "PLANTED"`,
		"signature":                `type = "webhook"` + "\n" + fmt.Sprintf("url = %q\nsecret_env = \"PLANTED\"", receiver),
		"signature of a file":      `type = "webhook"` + "\n" + fmt.Sprintf("url = %q\nsecret_file = %q", receiver, hidden),
		"header":                   `type = "webhook"` + "\n" + fmt.Sprintf("url = %q\nheaders = {Authorization = \"env:PLANTED\"}", receiver),
		"credentials of a webhook": `type = "webhook"` + "\n" + `url_env = "PLANTED"`,
		"slack":                    `type = "slack"` + "\n" + `url_env = "PLANTED"`,
		"teams":                    `type = "teams"` + "\n" + `url_env = "PLANTED"`,
		"opsgenie":                 `type = "opsgenie"` + "\n" + fmt.Sprintf("token_env = \"PLANTED\"\nbase = %q", receiver),
		"shoutrrr":                 `type = "shoutrrr"` + "\n" + `url_env = "PLANTED"`,
		"mail": `type = "email"` + "\n" + fmt.Sprintf("host = %q\nport = %s\nusername = \"tocsin\"\npassword_env = \"PLANTED\"\nfrom = \"a@example.org\"\nto = [\"b@example.org\"]\nencryption = \"none\"",
			strings.Split(host, ":")[0], strings.Split(host, ":")[1]),
		"command":       `type = "command"` + "\n" + `command = ["/bin/sh", "-c", "echo refused: $PLANTED >&2; exit 65"]` + "\n" + `environment = ["PLANTED"]`,
		"in the file":   `type = "webhook"` + "\n" + fmt.Sprintf("url = %q", user("hook")),
		"wrong key":     `type = "webhook"` + "\n" + fmt.Sprintf("url = %q\nsecret = %q", receiver, core),
		"alert manager": `type = "alertmanager"` + "\n" + fmt.Sprintf("urls = [%q]", user("am")),
	}
	kinds := []string{}
	for kind := range routes {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	kind := rapid.SampledFrom(kinds).Draw(t, "route")
	switch kind {
	case "path of a webhook", "slack", "teams":
		p.env["PLANTED"] = receiver + "/services/" + core
	case "credentials of a webhook":
		p.env["PLANTED"] = user("hook")
	case "shoutrrr":
		p.env["PLANTED"] = rapid.SampledFrom([]string{
			"ntfy://tocsin:" + core + "@" + host + "/topic?scheme=http", "generic+" + receiver + "/" + core, "telegram://" + core + "@telegram?chats=@x", "nothing://" + core + "@x", core,
		}).Draw(t, "service")
	}
	for _, one := range []string{"hook:" + core, "tocsin:" + core, "am:" + core, ":" + core} {
		p.says = append(p.says, one, base64.StdEncoding.EncodeToString([]byte(one)))
	}
	file = filepath.Join(dir, "routes.toml")
	text := "[[route]]\nname = \"planted\"\ntimeout = \"1s\"\nattempts = 1\n" + routes[kind] + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, p
}

// TestSecretsOfRoutes: a receiver that says what it was sent makes no secret of a route known: not in the output, not in the log, not
// in the store of notifications.
func TestSecretsOfRoutes(t *testing.T) {
	dir := t.TempDir()
	rule, events := filepath.Join(dir, "rule.toml"), filepath.Join(dir, "events.ndjson")
	for name, text := range map[string]string{rule: serviceRule, events: serviceEvents} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PLANTED", "")
	t.Setenv("NO_PROXY", "*")
	limitChecks(t, 12)
	rapid.Check(t, func(rt *rapid.T) {
		answer := rapid.SampledFrom([]string{"echoes", "echoes as an error", "sends elsewhere", "hangs up", "takes it"}).Draw(rt, "the receiver")
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			echo := fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, body)
			switch answer {
			case "echoes":
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, echo)
			case "echoes as an error":
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = fmt.Fprintf(w, `{"error":%q,"message":%q}`, echo, echo)
			case "sends elsewhere":
				http.Redirect(w, r, "http://127.0.0.1:1/?said="+url.QueryEscape(echo), http.StatusFound)
			case "hangs up":
				if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
					_ = conn.Close()
				}
			}
		}))
		defer receiver.Close()
		file, secret := plantRoute(rt, dir, receiver.URL)
		if err := os.Setenv("PLANTED", secret.env["PLANTED"]); err != nil { //nolint:usetesting // for this check
			rt.Fatal(err)
		}
		store := filepath.Join(dir, "store")
		defer func() { _ = os.RemoveAll(store) }()
		run := func(args ...string) {
			var out, errs safeBuffer
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			args = append(args, "--log-level", "debug")
			code := execute(ctx, args, stdio{strings.NewReader(""), &out, &errs})
			for place, text := range map[string]string{"the output": out.String(), "the log": errs.String()} {
				if form := secret.seenIn(text); form != "" {
					rt.Errorf("runner %s (exit code %d): %s has %s:\n%s", strings.Join(args, " "), code, place, form, text)
				}
			}
		}
		run("notify", "test", "--notify", file)
		run("run", "--once", "--at", "2026-01-15T14:05:00Z", "--rules", rule, "--events", events, "--store", store, "--notify", file)
		run("notify", "list", "--status", "all", "--store", store, "--format", "ndjson")
		run("config", "--notify", file)
		kept, err := os.ReadFile(filepath.Join(store, "tocsin.db"))
		if err == nil && secret.seenIn(string(kept)) != "" {
			rt.Error("the store has the secret")
		}
	})
}
