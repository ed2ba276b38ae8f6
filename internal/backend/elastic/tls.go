package elastic

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// NewHTTPTransport returns the transport of a client: proxy, trust and client certificate of a configuration, without
// its addresses and credentials. It has CloseIdleConnections.
func NewHTTPTransport(cfg Config) (http.RoundTripper, error) {
	t := plainTransport()
	trusted, err := cfg.trust()
	if err := errors.Join(err, cfg.identify(t.TLSClientConfig)); err != nil {
		return nil, err
	}
	switch proxy, err := cfg.proxy(); {
	case err != nil:
		return nil, err
	case cfg.Proxy == NoProxy:
		t.Proxy = nil
	case proxy != nil:
		t.Proxy = http.ProxyURL(proxy)
	}
	if trusted != nil {
		return &trusting{file: trusted, base: t}, nil
	}
	if cfg.CAFingerprint == "" {
		return t, nil
	}
	want, err := fingerprint(cfg.CAFingerprint)
	return &pinned{base: t, want: want, byHost: map[string]*http.Transport{}}, err
}

// NoProxy is the value of [Config.Proxy] that ignores the environment.
const NoProxy = "none"

// proxy parses the address of the proxy; nil without one. Errors do not show it: it may have a password.
func (c Config) proxy() (*url.URL, error) {
	if c.Proxy == "" || c.Proxy == NoProxy {
		return nil, nil //nolint:nilnil // there is no proxy
	}
	u, err := url.Parse(c.Proxy)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
		return nil, errors.New("elasticsearch: the proxy is not of the form http://host:port, https://host:port or socks5://host:port")
	}
	return u, nil
}

// fingerprint parses a SHA-256 fingerprint in hexadecimal digits, with or without colons.
func fingerprint(text string) ([sha256.Size]byte, error) {
	var out [sha256.Size]byte
	digits, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	if err != nil || len(digits) != len(out) {
		return out, fmt.Errorf("elasticsearch: the CA fingerprint is not a SHA-256 fingerprint of %d hexadecimal digits", 2*len(out))
	}
	copy(out[:], digits)
	return out, nil
}

// FingerprintError says that no certificate of a server has the fingerprint.
type FingerprintError struct {
	// Got are the fingerprints of the server's certificates.
	Got []string
	// Issuer is the issuer of the last.
	Issuer string
}

// Error implements error.
func (e *FingerprintError) Error() string {
	return "tls: no certificate of the server has the CA fingerprint; they have " + strings.Join(e.Got, ", ")
}

// pinned is a transport that trusts an authority by its fingerprint. Each host has a transport of its own: the state of a
// connection does not name a host that is an IP address, and the certificate must be for the host.
type pinned struct {
	base *http.Transport
	want [sha256.Size]byte

	mu     sync.Mutex
	byHost map[string]*http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (p *pinned) RoundTrip(r *http.Request) (*http.Response, error) {
	return p.of(r.URL.Hostname()).RoundTrip(r) //nolint:wrapcheck // it is a transport
}

// CloseIdleConnections closes the connections of all hosts that are not in use.
func (p *pinned) CloseIdleConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.byHost {
		t.CloseIdleConnections()
	}
}

func (p *pinned) of(host string) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.byHost[host]; t != nil {
		return t
	}
	t := p.base.Clone()
	t.TLSClientConfig.InsecureSkipVerify = true //nolint:gosec // VerifyConnection verifies
	t.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error { return p.verify(s, cmp.Or(s.ServerName, host)) }
	p.byHost[host] = t
	return t
}

// verify verifies that the server's certificate is issued by a certificate that the server sent and that has the
// fingerprint, or has it itself; and that it is for the host and valid now.
func (p *pinned) verify(s tls.ConnectionState, host string) error {
	var anchor *x509.Certificate
	between := x509.NewCertPool()
	missing := &FingerprintError{}
	for i, c := range s.PeerCertificates {
		sum := sha256.Sum256(c.Raw)
		if sum == p.want {
			anchor = c
		} else if i > 0 {
			between.AddCert(c)
		}
		missing.Got, missing.Issuer = append(missing.Got, hex.EncodeToString(sum[:])), c.Issuer.String()
	}
	if anchor == nil {
		return missing
	}
	roots := x509.NewCertPool()
	roots.AddCert(anchor)
	leaf := s.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: host}); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

// ClientRefusal is why a server refused the client in the handshake.
type ClientRefusal int

// The refusals. HandshakeEnded does not say why: a server with TLS 1.2 may want a client certificate.
const (
	NotRefused ClientRefusal = iota
	CertificateRequired
	CertificateRejected
	HandshakeEnded
)

// alerts are the servers' alerts about clients, as the library writes them.
var alerts = map[string]ClientRefusal{
	"certificate required": CertificateRequired, "handshake failure": HandshakeEnded,
	"bad certificate": CertificateRejected, "unknown certificate authority": CertificateRejected, "expired certificate": CertificateRejected,
	"revoked certificate": CertificateRejected, "unknown certificate": CertificateRejected, "unsupported certificate": CertificateRejected,
}

// RefusalOf returns why a server refused the client.
func RefusalOf(err error) ClientRefusal {
	if err == nil {
		return NotRefused
	}
	_, alert, _ := strings.Cut(err.Error(), "remote error: tls: ")
	for text, refusal := range alerts {
		if strings.HasPrefix(alert, text) {
			return refusal
		}
	}
	return NotRefused
}
