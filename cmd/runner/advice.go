package main

import (
	"cmp"
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

	"tocsin/internal/backend/elastic"
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
	if at, ok := errors.AsType[*elastic.AddressError](e.Err); ok {
		if !strings.HasSuffix(e.Op, at.Address) {
			plain.Op += " at " + at.Address
		}
		plain.Err = at.Err
	}
	if op, ok := errors.AsType[*net.OpError](plain.Err); ok && op.Op != "remote error" {
		plain.Err = op.Err
		if call, ok := errors.AsType[*os.SyscallError](op.Err); ok {
			plain.Err = call.Err
		}
		if op.Op == "proxyconnect" || op.Op == "socks connect" {
			plain.Err = fmt.Errorf("%s: %w", op.Op, plain.Err)
		}
	}
	return &plain
}

// advice says what can be done about a failed first call.
func (a *app) advice(ctx context.Context, e *failure.Error) string {
	if text := a.proxyAdvice(e); text != "" {
		return text
	}
	if text := a.certificateAdvice(e); text != "" {
		return text
	}
	_, plainServer := errors.AsType[tls.RecordHeaderError](e.Err)
	dns, unknown := errors.AsType[*net.DNSError](e.Err)
	address := a.addressFlag()
	switch {
	case plainServer || errors.Is(e.Err, http.ErrSchemeMismatch):
		return "this port does not speak TLS: write http:// instead of https:// in " + address
	case unknown && dns.IsNotFound:
		return "check " + address + ": there is no host " + dns.Name
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "check " + address + ": nothing listens at this address"
	case e.Status == http.StatusUnauthorized && a.credentials() == "":
		return "give credentials: --username with TOCSIN_PASSWORD or --password-file, TOCSIN_API_KEY or --api-key-file, or TOCSIN_BEARER_TOKEN or --bearer-token-file"
	case e.Status == http.StatusUnauthorized:
		return a.rejected(e)
	case e.Status == http.StatusForbidden:
		return "check the privileges of the " + a.credentials() + "; runner doctor names what is missing"
	case e.Status == http.StatusProxyAuthRequired:
		return "the proxy wants credentials: write them in the URL of --proxy" + a.proxied()
	}
	for _, text := range a.global.Elasticsearch {
		if u, err := url.Parse(text); err == nil && u.Scheme == "http" && strings.Contains(e.Error(), u.Host) && speaksTLS(ctx, u) {
			return "this port speaks TLS: write https:// instead of http:// in " + address
		}
	}
	switch {
	case e.Status == http.StatusNotFound:
		return "check " + address + ": host, port and path"
	case e.Status == 0 && e.Kind == failure.Unavailable:
		return "check " + address + ": host and port, and what is between; --request-timeout says how long to wait" + a.proxied()
	}
	return "check " + address
}

// addressFlag names the flag that the addresses are from.
func (a *app) addressFlag() string {
	if a.global.CloudID != "" {
		return "--cloud-id"
	}
	return "--elasticsearch"
}

// rejected is the advice about credentials that the cluster does not accept.
func (a *app) rejected(e *failure.Error) string {
	reason := strings.ToLower(e.Reason)
	again := "make another one with runner setup apikey"
	key := cmp.Or(strings.Join(a.authorization(), ", "), a.credentials())
	switch {
	case strings.Contains(reason, "is expired"):
		return "the " + key + " has expired: " + again
	case strings.Contains(reason, "has been invalidated"):
		return "the " + key + " was revoked: " + again
	case strings.Contains(reason, "unable to find apikey"), strings.Contains(reason, "invalid credentials for api key"):
		return "the " + key + " is not one of this cluster: " + again
	}
	return "the cluster does not accept them: " + a.credentials()
}

// proxyAdvice is the advice about a proxy that cannot be used; "" if the error is not about one.
func (a *app) proxyAdvice(e *failure.Error) string {
	op, ok := errors.AsType[*net.OpError](e.Err)
	switch {
	case ok && (op.Op == "proxyconnect" || op.Op == "socks connect"):
		return "check the proxy" + a.proxied()
	case e.Err != nil && strings.Contains(e.Err.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		return "the proxy wants credentials: write them in the URL of --proxy" + a.proxied()
	}
	return ""
}

// certificateAdvice is the advice about a certificate that is not accepted, of the server or of the client; "" if the
// error is not about one.
func (a *app) certificateAdvice(e *failure.Error) string {
	if refusal := elastic.RefusalOf(e.Err); refusal != elastic.NotRefused {
		return a.clientCertificateAdvice(refusal)
	}
	if host, ok := errors.AsType[x509.HostnameError](e.Err); ok {
		names := slices.Clone(host.Certificate.DNSNames)
		for _, ip := range host.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) == 0 {
			return "the server's certificate names no host"
		}
		return "the server's certificate is for other hosts: write one of them in " + a.addressFlag() + ": " + strings.Join(names, ", ")
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err); ok && invalid.Reason == x509.Expired {
		text := "the server's certificate has expired or is not valid yet: renew it, or set this machine's clock"
		if c := invalid.Cert; c != nil {
			text += fmt.Sprintf(" (%s is valid from %s to %s)", c.Subject, c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
		}
		return text
	}
	if pin, ok := errors.AsType[*elastic.FingerprintError](e.Err); ok {
		return fmt.Sprintf("the CA fingerprint from %s is of none of the server's certificates, issued by %s: take it from the authority's certificate with openssl x509 -noout -fingerprint -sha256 -in http_ca.crt, or give the file with --ca-file", a.origin("ca-fingerprint"), pin.Issuer)
	}
	_, authority := errors.AsType[x509.UnknownAuthorityError](e.Err)
	_, verification := errors.AsType[*tls.CertificateVerificationError](e.Err)
	switch {
	case !authority && !verification:
		return ""
	case a.global.CAFile != "":
		return fmt.Sprintf("%s (from %s) has not signed the server's certificate: give the authority that has, such as http_ca.crt of the server", a.global.CAFile, a.origin("ca-file"))
	case a.global.CAFingerprint != "":
		return fmt.Sprintf("the authority with the fingerprint from %s has not signed the server's certificate", a.origin("ca-fingerprint"))
	}
	return "give the authority that signed the server's certificate with --ca-file, such as config/certs/http_ca.crt of the server, or its fingerprint with --ca-fingerprint"
}

// clientCertificateAdvice is the advice about a client that the server refuses in the handshake.
func (a *app) clientCertificateAdvice(why elastic.ClientRefusal) string {
	given := fmt.Sprintf("%s (from %s)", a.global.ClientCert, a.origin("client-cert"))
	switch has := a.global.ClientCert != ""; {
	case why == elastic.HandshakeEnded && !has:
		return "the server ended the handshake: it may want a client certificate: give --client-cert and --client-key"
	case why == elastic.HandshakeEnded:
		return "the server ended the handshake: it may not accept the client certificate in " + given + ", or what this machine offers of TLS 1.2 and later"
	case !has:
		return "the server wants a client certificate: give --client-cert and --client-key"
	case why == elastic.CertificateRequired:
		return "the server wants a client certificate, and that in " + given + " is not issued by an authority that the server names"
	}
	return "the server does not accept the client certificate in " + given + ": its authority, its time or its use is not what the server wants"
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

// proxied names the proxy through which the first URL is called, without credentials; "" without one.
func (a *app) proxied() string {
	g := a.global
	if g.Proxy != "" {
		if u, err := url.Parse(g.Proxy); err == nil && u.Host != "" {
			return "; " + a.origin("proxy") + " sends it through the proxy " + u.Host
		}
		return ""
	}
	if len(g.Elasticsearch) == 0 {
		return ""
	}
	request, err := http.NewRequest(http.MethodGet, g.Elasticsearch[0], nil) //nolint:noctx // it is not sent
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
	all := a.authorization()
	if g := a.global; g.ClientCert != "" {
		all = append(all, fmt.Sprintf("client certificate %s from %s", g.ClientCert, a.origin("client-cert")))
	}
	return strings.Join(all, ", ")
}

// authorization says the same of the credentials that requests have.
func (a *app) authorization() []string {
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
	from("bearer token", g.BearerFile, "bearer-token-file", environmentPrefix+"BEARER_TOKEN")
	if slices.ContainsFunc(g.Elasticsearch, func(text string) bool {
		u, err := url.Parse(text)
		return err == nil && u.User != nil
	}) {
		all = append(all, "user name and password in the URL from "+a.origin("elasticsearch"))
	}
	return all
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
