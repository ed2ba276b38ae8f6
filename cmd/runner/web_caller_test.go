package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/sample"
)

// signed is a service that notes who changes alerts.
type signed struct {
	*sample.Source

	by []string
}

func (s *signed) ChangeAlerts(ctx context.Context, c api.Change) (api.Changed, error) {
	s.by = append(s.by, c.By)
	return s.Source.ChangeAlerts(ctx, c)
}

// TestWhoChanges: who has changed an alert is whose credentials the request has, by the API and on the page, with a header and in a
// session; nobody can say that it was somebody else. Only without a name a request says who.
func TestWhoChanges(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte(webPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	const nameless = "fedcba9876543210-token"
	secured := webFlags{WebTokenFile: writeFile(t, "tokens", "soar "+webToken+"\n"+nameless+"\n"), WebUsers: writeFile(t, "users", "ada:"+string(hash)+"\n")}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	basic := func(r *http.Request) { r.SetBasicAuth("ada", webPassword) }
	none := func(*http.Request) {}
	for _, tt := range []struct {
		name        string
		flags       webFlags
		credentials func(*http.Request)
		// login, if not nil, is the form that begins a session.
		login url.Values
		// by is what the request says; api and page are who it was, "" if it is refused.
		by, api, page string
	}{
		{"user", secured, basic, nil, "", "ada", "ada"},
		{"user that says so", secured, basic, nil, "ada", "ada", "ada"},
		{"user in the name of another", secured, basic, nil, "grace", "", "ada"},
		{"token with a name", secured, bearer(webToken), nil, "", "soar", "soar"},
		{"token in the name of another", secured, bearer(webToken), nil, "ada", "", "soar"},
		{"token without a name", secured, bearer(nameless), nil, "", "api", "status page"},
		{"token without a name says who", secured, bearer(nameless), nil, "grace", "grace", "status page"},
		{"session of a user", secured, none, url.Values{"name": {"ada"}, "secret": {webPassword}}, "", "ada", "ada"},
		{"session of a token", secured, none, url.Values{"secret": {webToken}}, "", "soar", "soar"},
		{"session of a token without a name", secured, none, url.Values{"secret": {nameless}}, "", "api", "status page"},
		{"session of a user in the name of another", secured, none, url.Values{"name": {"ada"}, "secret": {webPassword}}, "soar", "", "ada"},
		{"nobody is asked", webFlags{}, none, nil, "", "api", "status page"},
		{"nobody is asked, and says who", webFlags{}, none, nil, "grace", "grace", "status page"},
		{"nobody is asked, and credentials are given", webFlags{}, basic, nil, "", "api", "status page"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &signed{Source: sample.New(10, nil)}
			address, client := webServerOf(t, tt.flags, true, s)
			var session []*http.Cookie
			send := func(path, kind, body string) int {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+path, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", kind)
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				tt.credentials(r)
				for _, c := range session {
					r.AddCookie(c)
				}
				answer, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = answer.Body.Close() }()
				_, _ = io.Copy(io.Discard, answer.Body)
				session = append(session, answer.Cookies()...)
				return answer.StatusCode
			}
			const form = "application/x-www-form-urlencoded"
			if tt.login != nil {
				send("/login", form, tt.login.Encode())
				if len(session) != 1 {
					t.Fatal("no session begins")
				}
			}
			want, wanted := []string{tt.api, tt.page}, http.StatusOK
			if tt.api == "" {
				want, wanted = want[1:], http.StatusBadRequest
			}
			if status := send(api.Prefix+"/alert-changes", "application/json", `{"ids": ["a"], "status": "closed", "by": "`+tt.by+`"}`); status != wanted {
				t.Errorf("the API answers with status %d", status)
			}
			if status := send("/alerts/a/status", form, url.Values{"status": {"open"}, "by": {tt.by}}.Encode()); status != http.StatusSeeOther {
				t.Errorf("the page answers with status %d", status)
			}
			if strings.Join(s.by, ", ") != strings.Join(want, ", ") {
				t.Errorf("changed by %q, want %q", s.by, want)
			}
		})
	}
}
