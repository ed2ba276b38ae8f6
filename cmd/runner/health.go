package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// healthCmd is the subcommand health: the check of a container that has no other program to make it.
type healthCmd struct {
	serviceFlags

	Ready bool `help:"Ask /readyz, whether the service can do its work, and not /healthz, whether it is alive."`
}

// serviceFlags say where a running service answers.
type serviceFlags struct {
	Listen  string `help:"Address of the running service, as given to run; none: it has none." default:"127.0.0.1:9464"`
	WebCert string `name:"web-cert" help:"Certificate of the running service, as given to run: with one, the service is asked over TLS." placeholder:"FILE"`
}

const (
	// healthTimeout is longer than the service may take to find out whether it is ready.
	healthTimeout = 8 * time.Second
	// healthAnswer bounds what is read of an answer.
	healthAnswer = 64 << 10
)

// Run is the subcommand.
func (c *healthCmd) Run(ctx context.Context, a *app) error {
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	status, text, err := c.ask(ctx, path)
	_, usage := errors.AsType[usageError](err)
	switch {
	case usage:
		return err
	case err != nil:
		return fmt.Errorf("the service does not answer: %w", err)
	case status != http.StatusOK:
		return fmt.Errorf("%s answers %d: %s", path, status, text) //nolint:err113 // for people
	}
	_, err = fmt.Fprintln(a.out, text)
	return wrapWrite(err)
}

// reachable returns the address at which this machine reaches a service that listens on another: one that listens on
// all addresses is on loopback too.
func reachable(listen string) (string, error) {
	if listen == "" || listen == noAddress {
		return "", usagef("--listen %s: the service has no address to ask", noAddress)
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", usagef("--listen: %w", err)
	}
	switch ip := net.ParseIP(host); {
	case host == "":
		host = "localhost"
	case ip != nil && ip.IsUnspecified() && ip.To4() != nil:
		host = "127.0.0.1"
	case ip != nil && ip.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}

// ask sends a request to the service, never through a proxy. With encryption, the certificate of the service is for the names by which others know
// it, and is not checked: the request has no secret, and the answer is that of whatever listens on this machine.
func (f serviceFlags) ask(ctx context.Context, path string) (status int, text string, err error) {
	address, err := reachable(f.Listen)
	if err != nil {
		return 0, "", err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	scheme := "http://"
	if f.WebCert != "" {
		scheme = "https://"
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // see above
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+address+path, http.NoBody)
	if err != nil {
		return 0, "", usagef("--listen: %w", err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return 0, "", err //nolint:wrapcheck // it names the address
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, healthAnswer))
	if err != nil {
		return 0, "", fmt.Errorf("read the answer: %w", err)
	}
	return response.StatusCode, strings.TrimSpace(string(body)), nil
}
