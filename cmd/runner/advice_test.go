package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pemFile writes a certificate as a file of authorities.
func pemFile(t *testing.T, certificate *x509.Certificate) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// tlsServer is a server with a certificate for hosts that ends at a time; without hosts, one for 127.0.0.1.
func tlsServer(t *testing.T, until time.Time, hosts ...string) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	if len(hosts) > 0 {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: until.Add(-24 * time.Hour), NotAfter: until, DNSNames: hosts, IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}} //nolint:gosec // a server of a test
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// TestAdvice wants from each failure to connect the exit code 3 and what can be done about it.
func TestAdvice(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour)
	secure, other := tlsServer(t, tomorrow), tlsServer(t, tomorrow, "elastic.example", "es-2.example")
	old := tlsServer(t, time.Now().Add(-time.Hour), "localhost")
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	locked := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(locked.Close)
	key, password := filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "password")
	for name, text := range map[string]string{key: "a2V5LW9mLW1pbmU=", password: "hunter2-secret"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(server *httptest.Server, scheme, host string) string {
		_, port, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(server.URL, "https://"), "http://"), ":")
		return scheme + "://" + host + ":" + port
	}
	for name, tt := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want string
	}{
		"an authority that is not known": {[]string{"--elasticsearch", secure.URL}, nil, 3, "give the authority that signed the server's certificate with --ca-file"},
		"another authority": {
			[]string{"--elasticsearch", secure.URL, "--ca-file", pemFile(t, other.Certificate())},
			nil, 3,
			"ca.pem (from --ca-file) has not signed the server's certificate",
		},
		"and from the environment": {
			[]string{"--elasticsearch", secure.URL}, map[string]string{"TOCSIN_CA_FILE": pemFile(t, other.Certificate())}, 3, "ca.pem (from TOCSIN_CA_FILE) has not signed",
		},
		"another host": {
			[]string{"--elasticsearch", at(other, "https", "127.0.0.1"), "--ca-file", pemFile(t, other.Certificate())},
			nil, 3,
			"the server's certificate is for other hosts: write one of them in --elasticsearch: elastic.example, es-2.example",
		},
		"a certificate of yesterday": {
			[]string{"--elasticsearch", at(old, "https", "localhost"), "--ca-file", pemFile(t, old.Certificate())}, nil, 3, "has expired or is not valid yet",
		},
		"http to a port with TLS":       {[]string{"--elasticsearch", at(secure, "http", "127.0.0.1")}, nil, 3, "this port speaks TLS: write https:// instead of http://"},
		"https to a port without":       {[]string{"--elasticsearch", at(plain, "https", "127.0.0.1")}, nil, 3, "this port does not speak TLS: write http:// instead of https://"},
		"no scheme":                     {[]string{"--elasticsearch", "localhost:9200"}, nil, 2, "https:// is missing before localhost:9200"},
		"no scheme, and a secret":       {[]string{"--elasticsearch", "elastic:hunter2-secret@localhost:9200"}, nil, 2, "https:// is missing\n"},
		"nobody there":                  {[]string{"--elasticsearch", "http://127.0.0.1:1"}, nil, 3, "nothing listens at this address"},
		"something else":                {[]string{"--elasticsearch", plain.URL}, nil, 3, "(check --elasticsearch: host, port and path)"},
		"no credentials":                {[]string{"--elasticsearch", locked.URL}, nil, 3, "give credentials: --username with TOCSIN_PASSWORD"},
		"a key of the environment":      {[]string{"--elasticsearch", locked.URL}, map[string]string{"TOCSIN_API_KEY": "a2V5LW9mLW1pbmU="}, 3, ": API key from TOCSIN_API_KEY)"},
		"a key of a file":               {[]string{"--elasticsearch", locked.URL, "--api-key-file", key}, nil, 3, ": API key from the file " + key + " (--api-key-file))"},
		"a user, a password of another": {[]string{"--elasticsearch", locked.URL, "--username", "ann"}, map[string]string{"TOCSIN_PASSWORD": "hunter2-secret"}, 3, ": user name ann from --username, password from TOCSIN_PASSWORD)"},
		"a user of the environment": {
			[]string{"--elasticsearch", locked.URL, "--password-file", password},
			map[string]string{"TOCSIN_USERNAME": "ann"},
			3,
			": user name ann from TOCSIN_USERNAME, password from the file " + password + " (--password-file))",
		},
		"both in the URL": {nil, map[string]string{"TOCSIN_ELASTICSEARCH_URL": strings.Replace(locked.URL, "://", "://ann:hunter2-secret@", 1)}, 3, ": user name and password in the URL from TOCSIN_ELASTICSEARCH_URL)"},
		"a user alone":    {[]string{"--elasticsearch", locked.URL, "--username", "ann"}, nil, 2, "(given: user name ann from --username)"},
		"too many": {
			[]string{"--elasticsearch", locked.URL, "--username", "ann", "--api-key-file", key},
			map[string]string{"TOCSIN_PASSWORD": "hunter2-secret"},
			2,
			"(given: user name ann from --username, password from TOCSIN_PASSWORD, API key from the file " + key + " (--api-key-file))",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range tt.env {
				t.Setenv(variable, value)
			}
			var out, errs bytes.Buffer
			args := append([]string{"query", "--language", "eql", "any where true"}, tt.args...)
			if code := execute(t.Context(), args, stdio{in: strings.NewReader(""), out: &out, err: &errs}); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if got := errs.String(); !strings.Contains(got, tt.want) || strings.Count(got, "\n") != 1 || strings.Contains(got, "hunter2") || strings.Contains(got, "a2V5") {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}
