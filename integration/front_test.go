//go:build integration

package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// issuer is a certificate authority.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t *testing.T, name string) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	cert, err := x509.ParseCertificate(raw)
	must(t, err)
	return &issuer{cert, key}
}

func (i *issuer) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw})
}

func (i *issuer) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(i.cert)
	return pool
}

// leaf issues a certificate for a host or address that is valid for some time from now.
func (i *issuer) leaf(t *testing.T, valid time.Duration, host string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(valid),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, i.cert, &key.PublicKey, i.key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// files returns a certificate and its key as PEM.
func (i *issuer) files(t *testing.T, valid time.Duration, host string) (cert, key []byte) {
	t.Helper()
	leaf := i.leaf(t, valid, host)
	raw, err := x509.MarshalPKCS8PrivateKey(leaf.PrivateKey)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

// front is a proxy in front of a node that speaks TLS and wants client certificates. Certificates and authorities can be replaced.
type front struct {
	server *httptest.Server
	// issuer issues the certificates of the server, clients those of clients.
	issuer, clients *issuer

	mu     sync.Mutex
	leaf   tls.Certificate
	config *tls.Config
}

// frontHost is the address of a front.
const frontHost = "127.0.0.1"

func newFront(t *testing.T, node string) *front {
	t.Helper()
	target, err := url.Parse(node)
	must(t, err)
	forward := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f := &front{issuer: newIssuer(t, "servers"), clients: newIssuer(t, "clients"), server: httptest.NewUnstartedServer(forward)}
	f.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // refused handshakes are wanted
	f.server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.config, nil
	}}
	f.set(f.issuer.leaf(t, time.Hour, frontHost))
	f.server.StartTLS()
	t.Cleanup(f.server.Close)
	return f
}

func (f *front) set(leaf tls.Certificate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaf = leaf
	f.config = &tls.Config{Certificates: []tls.Certificate{leaf}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: f.clients.pool(), MinVersion: tls.VersionTLS12}
}

// serve replaces the certificate, and what clients are trusted, and closes all connections.
func (f *front) serve(leaf tls.Certificate) {
	f.set(leaf)
	f.cut()
}

// cut closes all connections.
func (f *front) cut() { f.server.CloseClientConnections() }
