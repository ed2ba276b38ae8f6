package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"tocsin/internal/diag/failure"
)

// probeTimeout bounds the attempt to find out what a port speaks.
const probeTimeout = 2 * time.Second

// notConnected returns the error of the first call to a cluster with advice. A server that does not know the call is
// not the cluster that was meant.
func (a *app) notConnected(ctx context.Context, err error) error {
	e, typed := errors.AsType[*failure.Error](err)
	if !typed {
		return err
	}
	kind := e.Kind
	if kind == failure.Rejected {
		kind = failure.Refused
	}
	if kind != failure.Unavailable && kind != failure.Refused {
		return err
	}
	what := "cannot be reached"
	if kind == failure.Refused {
		what = "refused"
	}
	text := fmt.Sprintf("elasticsearch %s: %v (%s)", what, plainly(e), a.advice(ctx, e))
	return &connectionError{text, &failure.Error{Kind: kind, Op: e.Op, Status: e.Status, Unread: e.Unread, Type: e.Type, Reason: e.Reason, Err: e.Err}}
}

// plainly returns an error without what its cause repeats of the address.
func plainly(e *failure.Error) *failure.Error {
	plain := *e
	if op, ok := errors.AsType[*net.OpError](e.Err); ok {
		plain.Err = op.Err
		if call, ok := errors.AsType[*os.SyscallError](op.Err); ok {
			plain.Err = call.Err
		}
	}
	return &plain
}

// advice says what can be done about a failed first call.
func (a *app) advice(ctx context.Context, e *failure.Error) string {
	if text := a.certificateAdvice(e); text != "" {
		return text
	}
	_, plainServer := errors.AsType[tls.RecordHeaderError](e.Err)
	dns, unknown := errors.AsType[*net.DNSError](e.Err)
	switch {
	case plainServer || errors.Is(e.Err, http.ErrSchemeMismatch):
		return "this port does not speak TLS: write http:// instead of https:// in --elasticsearch"
	case unknown && dns.IsNotFound:
		return "check --elasticsearch: there is no host " + dns.Name
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "check --elasticsearch: nothing listens at this address"
	case e.Status == http.StatusUnauthorized && a.credentials() == "":
		return "give credentials: --username with TOCSIN_PASSWORD or --password-file, or TOCSIN_API_KEY or --api-key-file"
	case e.Status == http.StatusUnauthorized:
		return "check user name and password, or the API key: " + a.credentials()
	case e.Status == http.StatusForbidden:
		return "check user name and password, or the API key, and its privileges: " + a.credentials()
	}
	for _, text := range a.global.Elasticsearch {
		if u, err := url.Parse(text); err == nil && u.Scheme == "http" && strings.Contains(e.Op, u.Host) && speaksTLS(ctx, u) {
			return "this port speaks TLS: write https:// instead of http:// in --elasticsearch"
		}
	}
	switch {
	case e.Status == http.StatusNotFound:
		return "check --elasticsearch: host, port and path"
	case e.Status == 0 && e.Kind == failure.Unavailable:
		return "check --elasticsearch: host and port, and what is between; --request-timeout says how long to wait" + proxied(a.global.Elasticsearch)
	}
	return "check --elasticsearch"
}

// certificateAdvice is the advice about a server's certificate that is not trusted; "" if it is not about one.
func (a *app) certificateAdvice(e *failure.Error) string {
	if host, ok := errors.AsType[x509.HostnameError](e.Err); ok {
		names := slices.Clone(host.Certificate.DNSNames)
		for _, ip := range host.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) == 0 {
			return "the server's certificate names no host"
		}
		return "the server's certificate is for other hosts: write one of them in --elasticsearch: " + strings.Join(names, ", ")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err); ok && invalid.Reason == x509.Expired {
		return "the server's certificate has expired or is not valid yet: renew it, or set this machine's clock"
	}
	_, authority := errors.AsType[x509.UnknownAuthorityError](e.Err)
	_, verification := errors.AsType[*tls.CertificateVerificationError](e.Err)
	switch {
	case (authority || verification) && a.global.CAFile != "":
		return fmt.Sprintf("%s (from %s) has not signed the server's certificate: give the authority that has, such as http_ca.crt of the server", a.global.CAFile, a.origin("ca-file"))
	case authority || verification:
		return "give the authority that signed the server's certificate with --ca-file, such as config/certs/http_ca.crt of the server"
	}
	return ""
}

// speaksTLS reports whether a port answers a TLS handshake. Nothing is sent, and nobody is trusted.
func speaksTLS(ctx context.Context, u *url.URL) bool {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent
	connection, err := dialer.DialContext(limited, "tcp", address)
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// proxied names the proxy through which the first URL is called; "" without one.
func proxied(urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	request, err := http.NewRequest(http.MethodGet, urls[0], nil) //nolint:noctx // it is not sent
	if err != nil {
		return ""
	}
	proxy, err := http.ProxyFromEnvironment(request)
	if err != nil || proxy == nil {
		return ""
	}
	return "; the environment sends it through the proxy " + proxy.Host
}

// credentials says which credentials there are and where each is from, without them; "" without any.
func (a *app) credentials() string {
	g := a.global
	var all []string
	if g.Username != "" {
		all = append(all, fmt.Sprintf("user name %s from %s", g.Username, a.origin("username")))
	}
	from := func(what, file, flag, variable string) {
		switch {
		case file != "":
			all = append(all, fmt.Sprintf("%s from the file %s (%s)", what, file, a.origin(flag)))
		case os.Getenv(variable) != "":
			all = append(all, what+" from "+variable)
		}
	}
	from("password", g.PasswordFile, "password-file", environmentPrefix+"PASSWORD")
	from("API key", g.APIKeyFile, "api-key-file", environmentPrefix+"API_KEY")
	if slices.ContainsFunc(g.Elasticsearch, func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.User != nil
	}) {
		all = append(all, "user name and password in the URL from "+a.origin("elasticsearch"))
	}
	return strings.Join(all, ", ")
}

// origin says where the value of a flag is from.
func (a *app) origin(flag string) string {
	if a.typed[flag] {
		return "--" + flag
	}
	names := []string{environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))}
	if flag == "elasticsearch" {
		names = elasticsearchVariables
	}
	for _, name := range names {
		if os.Getenv(name) != "" {
			return name
		}
	}
	return "the configuration file"
}
