package elastic_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
)

// signer is an authority.
type signer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func certificate(by *signer) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), crand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "c"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	parent, with := template, key
	if by != nil {
		parent, with = by.cert, by.key
	}
	raw, err := x509.CreateCertificate(crand.Reader, template, parent, &key.PublicKey, with)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		panic(err)
	}
	return cert, key
}

func newSigner() *signer {
	cert, key := certificate(nil)
	return &signer{cert, key}
}

func encoded(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}

// TestFilesOfConnections: whatever is renewed in whatever order, of the files and at the server, the client is accepted exactly when the
// authorities that were read last go together with those of the server. A file that cannot be read leaves what it had.
func TestFilesOfConnections(t *testing.T) {
	for range 6 {
		seed := rand.Uint64()
		t.Run(strconv.FormatUint(seed, 10), func(r *testing.T) {
			r.Parallel()
			some := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
			signers := []*signer{newSigner(), newSigner()}
			dir := r.TempDir()
			write := func(name string, data []byte) {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					r.Fatal(err)
				}
			}
			// The index of the authority: of the server's certificate, that the server trusts in clients, that the client trusts in the server, of
			// the client's certificate.
			server, clients, trusted, given := 0, 0, 0, 0
			var mu sync.Mutex
			var current *tls.Config
			serve := func() {
				cert, key := certificate(signers[server])
				pool := x509.NewCertPool()
				pool.AddCert(signers[clients].cert)
				mu.Lock()
				defer mu.Unlock()
				current = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
			}
			identify := func() {
				cert, key := certificate(signers[given])
				raw, err := x509.MarshalPKCS8PrivateKey(key)
				if err != nil {
					r.Fatal(err)
				}
				write("client.key", encoded("PRIVATE KEY", raw))
				write("client.crt", encoded("CERTIFICATE", cert.Raw))
			}
			trust := func() { write("ca.crt", encoded("CERTIFICATE", signers[trusted].cert.Raw)) }
			serve()
			identify()
			trust()
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Elastic-Product", "Elasticsearch")
				_, _ = io.WriteString(w, infoJSON)
			}))
			s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
				mu.Lock()
				defer mu.Unlock()
				return current, nil
			}}
			s.StartTLS()
			defer s.Close()
			var log bytes.Buffer
			c, err := elastic.New(elastic.Config{
				URLs: []string{s.URL}, CAFile: filepath.Join(dir, "ca.crt"), ClientCert: filepath.Join(dir, "client.crt"), ClientKey: filepath.Join(dir, "client.key"),
				MaxRetries: -1, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			if err != nil {
				r.Fatal(err)
			}
			defer func() { _ = c.Close(r.Context()) }()
			var steps []string
			for range 5 {
				step := []string{"server", "clients", "trusted", "given", "ca.crt", "client.crt", "client.key"}[some.IntN(7)]
				steps = append(steps, step)
				broken := strings.Contains(step, ".")
				switch step {
				case "server":
					server = 1 - server
					serve()
				case "clients":
					clients = 1 - clients
					serve()
				case "trusted":
					trusted = 1 - trusted
					trust()
				case "given":
					given = 1 - given
					identify()
				default:
					write(step, []byte("-----BEGIN "))
				}
				s.CloseClientConnections()
				time.Sleep(elastic.FileAge)
				_, err := c.Ping(r.Context())
				if want := server == trusted && clients == given; (err == nil) != want || err != nil && failure.KindOf(err) != failure.Refused {
					r.Fatalf("after %v: accepted should be %v, error %v", steps, want, err)
				}
				if broken {
					if step == "ca.crt" && strings.Count(log.String(), "ca.crt") != 1 {
						r.Errorf("%s is not told once: %s", step, log.String())
					}
					log.Reset()
					trust()
					identify()
					time.Sleep(elastic.FileAge)
					_, _ = c.Ping(r.Context())
				}
			}
		})
	}
}
