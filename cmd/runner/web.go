package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/guard"
	"tocsin/cmd/runner/internal/logs"
	"tocsin/cmd/runner/internal/page"
	"tocsin/cmd/runner/internal/server"
)

// webFlags say who may use the status page and the API, and how the server encrypts.
type webFlags struct {
	WebTokenFile string `name:"web-token-file" help:"File with the tokens for the status page and the API, one a line, each alone or after a name and a space." placeholder:"FILE"`
	WebUsers     string `name:"web-users" help:"File with the users of the status page and the API, a name and a bcrypt hash a line, as htpasswd -B writes it." placeholder:"FILE"`
	WebCert      string `name:"web-cert" help:"Certificate (PEM) with which the server encrypts all connections." placeholder:"FILE"`
	WebKey       string `name:"web-key" help:"Key (PEM) of the certificate." placeholder:"FILE"`
	WebPlaintext bool   `name:"web-plaintext" help:"Serve status page and API without encryption on other addresses than loopback: a proxy in front encrypts."`
}

func (w *webFlags) check() error {
	switch {
	case (w.WebCert == "") != (w.WebKey == ""):
		return usagef("--web-cert and --web-key go together")
	case w.WebCert != "" && w.WebPlaintext:
		return usagef("--web-plaintext and --web-cert exclude each other")
	}
	return nil
}

// options returns the settings of the guard of a server.
func (w *webFlags) options(loopback bool) (o guard.Options, err error) {
	o.Secure = w.WebCert != ""
	if w.WebTokenFile != "" {
		if o.Tokens, err = guard.ReadTokens(w.WebTokenFile); err != nil {
			return o, usagef("--web-token-file: %w", err)
		}
	}
	if w.WebUsers != "" {
		if o.Users, err = guard.ReadUsers(w.WebUsers); err != nil {
			return o, usagef("--web-users: %w", err)
		}
	}
	switch {
	case loopback:
	case len(o.Tokens)+len(o.Users) == 0:
		o.Off = "the status page and the API are off: other machines can reach this address, and there are no credentials (--web-token-file or --web-users)"
	case !o.Secure && !w.WebPlaintext:
		o.Off = "the status page and the API are off: other machines can reach this address, and connections are not encrypted (--web-cert and --web-key, or --web-plaintext behind a proxy that encrypts)"
	}
	return o, nil
}

// tls returns how the server encrypts; nil: it does not.
func (w *webFlags) tls() (*tls.Config, error) {
	if w.WebCert == "" {
		return nil, nil //nolint:nilnil // connections are not encrypted
	}
	c, err := guard.TLS(w.WebCert, w.WebKey)
	if err != nil {
		return nil, usagef("--web-cert: %w", err)
	}
	return c, nil
}

// listen binds the address of the server, which encrypts as the flags say; nil when --listen is none.
func (c *runCmd) listen(ctx context.Context, answers server.Answers) (web *server.Server, err error) {
	if c.Listen == "" || c.Listen == noAddress {
		return nil, nil //nolint:nilnil // there is no server
	}
	if answers.TLS, err = c.tls(); err != nil {
		return nil, err
	}
	if web, err = server.Listen(ctx, c.Listen, answers); err != nil {
		return nil, usagef("%w (choose another address with --listen)", err)
	}
	return web, nil
}

// bind binds the address of the server for those that may use it; nil when --listen is none.
func (r *runner) bind(ctx context.Context, again *reloading) (*server.Server, error) {
	web, err := r.cmd.listen(ctx, server.Answers{Metrics: r.metrics.Handler(), Ready: r.readiness(ctx), Note: r.noteOf(again)})
	if web == nil || err != nil {
		return nil, err
	}
	if _, err := r.cmd.options(web.Loopback()); err != nil {
		web.Close()
		return nil, err
	}
	return web, nil
}

// noteOf returns what people are told beside that the runner is ready.
func (r *runner) noteOf(again *reloading) func() string {
	return func() string { return strings.TrimSpace(again.note() + "\n" + r.health.note()) }
}

// readiness returns the check whether the runner can do its work, until ctx ends.
func (r *runner) readiness(ctx context.Context) func(context.Context) error {
	fit := r.backend.fit()
	return func(asked context.Context) error {
		if ctx.Err() != nil {
			return errStopping
		}
		if err := r.backend.ready(asked); err != nil {
			return err
		}
		r.tellCluster()
		return errors.Join(r.writing.err(), fit(asked))
	}
}

// credentials are the files of those that may use the status page and the API.
func (w *webFlags) credentials() []string { return nonEmpty(w.WebTokenFile, w.WebUsers) }

// open adds the status page, the API and the reloading to a server, for those that may use them. off is why nobody may; "" if somebody
// may. renew reads again who may; after an error it is who it was.
func (w *webFlags) open(web *server.Server, source api.Source, namespace string, reload func(context.Context) (string, error)) (off string, renew func(context.Context) error, err error) {
	options, err := w.options(web.Loopback())
	if err != nil {
		return "", nil, err
	}
	g := guard.New(options)
	shown := &page.Page{Source: source, Guard: g, Redact: logs.Blank, Namespace: namespace, Version: version()}
	pages, err := shown.Handler()
	if err != nil {
		return "", nil, fmt.Errorf("status page: %w", err)
	}
	refuse := func(w http.ResponseWriter, _ *http.Request, refusal guard.Refusal) {
		api.WriteProblem(w, api.NewProblem(refusal.Status, refusal.Text))
	}
	given := g.Protect(refuse, (&api.API{Source: source, Caller: guard.Caller, Redact: logs.Blank, Version: version()}).Handler())
	web.Handle("/", pages)
	web.Handle(api.Prefix+"/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		page.Harden(w.Header())
		given.ServeHTTP(w, r)
	}))
	web.Handle("POST /reload", g.Protect(refusePlainly, server.Reloading(reload)))
	return options.Off, func(context.Context) error {
		now, err := w.options(web.Loopback())
		if err == nil {
			g.Accept(now.Tokens, now.Users)
		}
		return err
	}, nil
}

// refusePlainly says in a line why a request is refused.
func refusePlainly(w http.ResponseWriter, _ *http.Request, refusal guard.Refusal) {
	http.Error(w, strings.ReplaceAll(refusal.Text, "\n", " "), refusal.Status)
}
