package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// encrypted starts a server that answers as an empty cluster, and returns its address.
func encrypted(t *testing.T, cfg *tls.Config, handler http.Handler) string {
	t.Helper()
	if handler == nil {
		handler = http.HandlerFunc(emptyCluster)
	}
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.TLS = cfg
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// emptyCluster answers as a cluster without any alert.
func emptyCluster(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/":
		_, _ = io.WriteString(w, `{"cluster_name":"c","version":{"number":"8.19.7"}}`)
	case strings.HasPrefix(r.URL.Path, "/_security"):
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"no handler found for uri [`+r.URL.Path+`]"}`)
	case strings.HasPrefix(r.URL.Path, "/_resolve/index/"):
		_, _ = io.WriteString(w, `{"indices":[],"aliases":[],"data_streams":[]}`)
	case r.Method == http.MethodGet && !strings.Contains(r.URL.Path, "_search"):
		_, _ = io.WriteString(w, `{}`)
	default:
		_, _ = io.WriteString(w, `{"took":1,"timed_out":false,"_shards":{"total":0,"successful":0,"skipped":0,"failed":0},"hits":{"total":{"value":0,"relation":"eq"},"hits":[]},"pit_id":"p","id":"p"}`)
	}
}

// connect runs a command that asks a cluster, and returns its exit code and messages.
func connect(ctx context.Context, args ...string) (int, string) {
	var out, errs bytes.Buffer
	code := execute(ctx, append([]string{"alerts", "list"}, args...), stdio{strings.NewReader(""), &out, &errs})
	return code, errs.String()
}

// TestConnectionFaults: for each way in which a connection fails, one line says which address or certificate it is about,
// where it is from, and what to try.
func TestConnectionFaults(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	soon, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	good := ours.leaf(t, soon, "127.0.0.1")
	beside := theirs.leaf(t, soon, "127.0.0.1")
	beside.Certificate[1] = ours.cert.Raw
	mutual := x509.NewCertPool()
	mutual.AddCert(ours.cert)
	wantsClient := func(most uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{good}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: mutual, MaxVersion: most}
	}
	ourCert, ourKey := ours.files(t, ours.leaf(t, soon))
	theirCert, theirKey := theirs.files(t, theirs.leaf(t, soon))
	late := newAuthority(t, "late")
	late.cert, late.key = ours.cert, ours.key
	lateCert, lateKey := late.files(t, late.leaf(t, past))
	plain := httptest.NewServer(http.HandlerFunc(emptyCluster))
	defer plain.Close()
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "https://" + closed.Addr().String()
	_ = closed.Close()
	secure := encrypted(t, &tls.Config{Certificates: []tls.Certificate{good}}, nil)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	for _, tt := range []struct {
		name, at, want string
		args           []string
		code           int
	}{
		{"all is well, by a file", secure, `^$`, []string{"--ca-file", ours.file}, exitDone},
		{"all is well, by a fingerprint", secure, `^$`, []string{"--ca-fingerprint", ours.fingerprint()}, exitDone},
		{"nobody is trusted", secure, `ping https://127[^ ]*: .*--ca-file.*--ca-fingerprint`, nil, exitRefused},
		{"the wrong authority", secure, `ca\.crt \(from --ca-file\) has not signed the server's certificate`, []string{"--ca-file", theirs.file}, exitRefused},
		{"the wrong fingerprint", secure, `the CA fingerprint from --ca-fingerprint is of none of the server's certificates, issued by CN=ours`, []string{"--ca-fingerprint", theirs.fingerprint()}, exitRefused},
		{"an expired certificate", encrypted(t, &tls.Config{Certificates: []tls.Certificate{ours.leaf(t, past, "127.0.0.1")}}, nil), `the server's certificate has expired or is not valid yet: .*CN=leaf is valid from .* to `, []string{"--ca-file", ours.file}, exitRefused},
		{"an expired certificate, by a fingerprint", encrypted(t, &tls.Config{Certificates: []tls.Certificate{ours.leaf(t, past, "127.0.0.1")}}, nil), `has expired or is not valid yet`, []string{"--ca-fingerprint", ours.fingerprint()}, exitRefused},
		{"another host", encrypted(t, &tls.Config{Certificates: []tls.Certificate{ours.leaf(t, soon, "es.example")}}, nil), `is for other hosts: write one of them in --elasticsearch: es\.example`, []string{"--ca-file", ours.file}, exitRefused},
		{"another host, by a fingerprint", encrypted(t, &tls.Config{Certificates: []tls.Certificate{ours.leaf(t, soon, "es.example")}}, nil), `is for other hosts`, []string{"--ca-fingerprint", ours.fingerprint()}, exitRefused},
		{"a certificate of another authority beside the pinned one", encrypted(t, &tls.Config{Certificates: []tls.Certificate{beside}}, nil), `the authority with the fingerprint from --ca-fingerprint has not signed`, []string{"--ca-fingerprint", ours.fingerprint()}, exitRefused},
		{"a client certificate", encrypted(t, wantsClient(0), nil), `^$`, []string{"--ca-file", ours.file, "--client-cert", ourCert, "--client-key", ourKey}, exitDone},
		{"no client certificate", encrypted(t, wantsClient(0), nil), `the server wants a client certificate: give --client-cert and --client-key`, []string{"--ca-file", ours.file}, exitRefused},
		{"no client certificate, TLS 1.2", encrypted(t, wantsClient(tls.VersionTLS12), nil), `it may want a client certificate: give --client-cert`, []string{"--ca-file", ours.file}, exitRefused},
		{"a foreign client certificate", encrypted(t, wantsClient(0), nil), `client\.crt.* \(from --client-cert\)`, []string{"--ca-file", ours.file, "--client-cert", theirCert, "--client-key", theirKey}, exitRefused},
		{"an expired client certificate", encrypted(t, wantsClient(0), nil), `the server does not accept the client certificate in .*client\.crt \(from --client-cert\)`, []string{"--ca-file", ours.file, "--client-cert", lateCert, "--client-key", lateKey}, exitRefused},
		{"a certificate with another key", secure, `read the client certificate .*client\.crt with the key .*client\.key`, []string{"--ca-file", ours.file, "--client-cert", ourCert, "--client-key", theirKey}, exitUsage},
		{"a certificate without a key", secure, `a client certificate needs its key`, []string{"--client-cert", ourCert}, exitUsage},
		{"a file and a fingerprint", secure, `as a file or by its fingerprint, not both`, []string{"--ca-file", ours.file, "--ca-fingerprint", ours.fingerprint()}, exitUsage},
		{"no fingerprint", secure, `not a SHA-256 fingerprint of 64 hexadecimal digits`, []string{"--ca-fingerprint", "abc"}, exitUsage},
		{"no TLS there", strings.Replace(plain.URL, "http:", "https:", 1), `does not speak TLS: write http:// instead of https://`, nil, exitRefused},
		{"TLS there", strings.Replace(secure, "https:", "http:", 1), `https:// instead of http://|HTTP request to an HTTPS server`, nil, exitRefused},
		{"nobody there", nobody, `nothing listens at this address`, nil, exitRefused},
		{"no such proxy", secure, `check the proxy; --proxy sends it through the proxy 127\.0\.0\.1`, []string{"--ca-file", ours.file, "--proxy", strings.Replace(nobody, "https", "http", 1)}, exitRefused},
		{"the proxy wants to know who", secure, `the proxy wants credentials: .*; --proxy sends it through`, []string{"--ca-file", ours.file, "--proxy", proxy.URL}, exitRefused},
		{"no proxy", secure, `the proxy is not of the form`, []string{"--proxy", "ftp://x"}, exitUsage},
		{"a cloud id beside an address", secure, `elasticsearch.*cloud-id|cloud-id.*elasticsearch`, []string{"--cloud-id", "x:" + base64.StdEncoding.EncodeToString([]byte("h$e$k"))}, exitUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, text := connect(t.Context(), append([]string{"--elasticsearch", tt.at}, tt.args...)...)
			if text = strings.TrimSuffix(text, "no alerts\n"); code != tt.code || !regexp.MustCompile(tt.want).MatchString(text) || strings.Count(text, "\n") > 1 {
				t.Errorf("exit code %d, want %d\n%s\nwant %s", code, tt.code, text, tt.want)
			}
		})
	}
}
