package page

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/guard"
)

//go:embed templates/*.html
var templates embed.FS

//go:embed assets/*
var assets embed.FS

// requestTimeout bounds a request.
const requestTimeout = 25 * time.Second

// Page is the status page.
type Page struct {
	Source api.Source
	Guard  *guard.Guard
	// Redact removes secrets from the text of an error.
	Redact func(string) string
	// Namespace and Version are shown on every page.
	Namespace, Version string
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	views map[string]*template.Template
}

// frame is what every template is filled with.
type frame struct {
	Title string
	// Nav is the path of the entry of the navigation that the page belongs to.
	Nav                string
	Namespace, Version string
	Now                time.Time
	// Refresh: the script keeps the page fresh.
	Refresh bool
	// Logout: there is a session that can be ended.
	Logout bool
	Notice string
	Data   any
}

// notices are what a page says after a form was sent, by what the form did.
var notices = map[string]string{
	"reloaded": "The rules were read again.", "changed": "The alert was changed.", "started": "The backfill was started.", "cancelled": "The backfill is being cancelled.",
}

// view makes the content of a page.
type view struct {
	pattern, template, nav, title string
	refresh                       bool
	make                          func(p *Page, r *http.Request) (data any, title string, err error)
}

var views = []view{
	{"GET /{$}", "overview", "/", "Overview", true, (*Page).overview},
	{"GET /rules", "rules", "/rules", "Rules", true, (*Page).rules},
	{"GET /rules/{id}", "rule", "/rules", "Rule", true, (*Page).rule},
	{"POST /rules/{id}/explain", "rule", "/rules", "Rule", false, (*Page).explain},
	{"GET /coverage", "coverage", "/coverage", "Coverage", true, (*Page).coverage},
	{"GET /alerts", "alerts", "/alerts", "Alerts", true, (*Page).alerts},
	{"GET /alerts/{id}", "alert", "/alerts", "Alert", false, (*Page).alert},
	{"GET /attack", "attack", "/attack", "ATT&CK", false, (*Page).attack},
	{"GET /costs", "costs", "/costs", "Costs", true, (*Page).costs},
	{"GET /backfills", "backfills", "/backfills", "Backfills", true, (*Page).backfills},
	{"GET /states", "states", "/states", "States", true, (*Page).states},
	{"GET /runners", "runners", "/runners", "Runners", true, (*Page).runners},
}

// Handler answers requests for the page.
func (p *Page) Handler() (http.Handler, error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	p.views = map[string]*template.Template{}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err //nolint:wrapcheck // the pattern is constant
	}
	for _, name := range names {
		one, err := template.New("layout.html").Funcs(p.functions()).ParseFS(templates, "templates/layout.html", "templates/parts.html", name)
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		p.views[strings.TrimSuffix(path.Base(name), ".html")] = one
	}
	inside, open := http.NewServeMux(), http.NewServeMux()
	for _, v := range views {
		inside.HandleFunc(v.pattern, func(w http.ResponseWriter, r *http.Request) { p.show(w, r, v) })
	}
	inside.HandleFunc("POST /rules/reload", p.reload)
	inside.HandleFunc("POST /alerts/{id}/status", p.changeAlert)
	inside.HandleFunc("POST /backfills", p.startBackfill)
	inside.HandleFunc("POST /backfills/{job}/cancel", p.cancelBackfill)
	inside.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.problem(w, r, api.NotFound("There is no such page."))
	})
	open.HandleFunc("GET /login", p.loginForm)
	open.HandleFunc("POST /login", p.login)
	open.HandleFunc("POST /logout", p.logout)
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		return nil, err //nolint:wrapcheck // the name is constant
	}
	open.Handle("/", p.Guard.Protect(p.refused, inside))
	all := http.NewServeMux()
	all.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(files))) // they say nothing of the service
	all.Handle("/", p.Guard.Reachable(p.refused, open))
	return headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, api.MaxBody)
		all.ServeHTTP(w, r)
	})), nil
}

// policy is the content security policy: nothing but what this server serves, and nothing inline.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets the headers that keep a page and what it shows to itself.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		Harden(h)
		next.ServeHTTP(w, r)
	})
}

// Harden sets the headers that an answer of the page and one of the API have in common.
func Harden(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// show answers with a view.
func (p *Page) show(w http.ResponseWriter, r *http.Request, v view) {
	ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	data, title, err := v.make(p, r)
	if err != nil {
		p.problem(w, r, api.ProblemOf(err, p.Redact))
		return
	}
	if title == "" {
		title = v.title
	}
	p.write(w, http.StatusOK, v.template, frame{Title: title, Nav: v.nav, Refresh: v.refresh, Notice: notices[r.URL.Query().Get("notice")], Data: data})
}

// write fills a template and answers with it.
func (p *Page) write(w http.ResponseWriter, status int, name string, f frame) {
	f.Namespace, f.Version, f.Now, f.Logout = p.Namespace, p.Version, p.Now().UTC(), p.Guard.Asks() && name != "login"
	var out bytes.Buffer
	if err := p.views[name].Execute(&out, f); err != nil {
		http.Error(w, "the page cannot be shown", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes())
}

// problem answers with a problem.
func (p *Page) problem(w http.ResponseWriter, _ *http.Request, problem *api.Problem) {
	p.write(w, problem.Status, "problem", frame{Title: problem.Title, Data: problem})
}

// refused answers a request that is not let in: a browser without credentials goes to the form for them.
func (p *Page) refused(w http.ResponseWriter, r *http.Request, refusal guard.Refusal) {
	w.Header().Del("WWW-Authenticate") // else a browser asks before the form can
	if refusal.Login && r.Method == http.MethodGet {
		http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if refusal.Login {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	p.write(w, refusal.Status, "login", frame{Title: "No access", Data: loginData{Problem: refusal.Text, Closed: true}})
}

// loginData is what the form for credentials is filled with.
type loginData struct {
	Next    string
	Problem string
	// Closed: there is no form, since it would not help. Tokens and Users say what can be given.
	Closed, Tokens, Users bool
}

func (p *Page) loginForm(w http.ResponseWriter, r *http.Request) {
	if !p.Guard.Asks() {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	p.write(w, http.StatusOK, "login", frame{Title: "Log in", Data: loginData{Next: within(r.URL.Query().Get("next")), Tokens: p.Guard.Tokened(), Users: p.Guard.Named()}})
}

func (p *Page) login(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		p.problem(w, r, api.ProblemOf(asked(err), p.Redact))
		return
	}
	next := within(r.PostForm.Get("next"))
	if refusal := p.Guard.Login(w, r, r.PostForm.Get("name"), strings.TrimSpace(r.PostForm.Get("secret"))); refusal != nil {
		p.write(w, refusal.Status, "login", frame{Title: "Log in", Data: loginData{Next: next, Problem: refusal.Text, Tokens: p.Guard.Tokened(), Users: p.Guard.Named()}})
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // within has checked it
}

func (p *Page) logout(w http.ResponseWriter, r *http.Request) {
	p.Guard.Logout(w, r)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// within returns an address if it is a page of this server, else the first page.
func within(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || strings.ContainsAny(address, "\\\r\n\t") {
		return "/"
	}
	return address
}

// asked makes an error about a form a problem of the request.
func asked(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	return api.Invalid("the form cannot be read")
}
