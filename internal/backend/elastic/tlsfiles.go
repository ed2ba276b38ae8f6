package elastic

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

// fileAge is how long what a file contains counts before the file is looked at again.
const fileAge = 250 * time.Millisecond

// file is what files of the connection contain. They are read again while the service runs, so that what is renewed counts soon. Of files
// that cannot be read, as in the middle of a renewal, what they had before counts: that is no reason to give up what works.
type file[T any] struct {
	read func() (T, error)
	log  *slog.Logger

	mu     sync.Mutex
	last   T
	looked time.Time
	// told is the error that was logged last.
	told string
}

// openFile reads files for the first time.
func openFile[T any](log *slog.Logger, read func() (T, error)) (*file[T], error) {
	first, err := read()
	return &file[T]{read: read, log: log, last: first, looked: time.Now()}, err
}

// now returns what the files contain.
func (f *file[T]) now() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < fileAge {
		return f.last
	}
	f.looked = time.Now()
	again, err := f.read()
	if err != nil {
		if f.told != err.Error() {
			f.log.Warn("a file of the connection cannot be read again, what it had before is used", "error", err)
		}
		f.told = err.Error()
		return f.last
	}
	f.last, f.told = again, ""
	return again
}

// trust returns the authorities to trust instead of the system's, as PEM; nil: the system's.
func (c Config) trust() (*file[string], error) {
	switch {
	case c.CAFile != "" && c.CAFingerprint != "":
		return nil, errors.New("elasticsearch: give the CA as a file or by its fingerprint, not both")
	case c.CAFingerprint != "":
		_, err := fingerprint(c.CAFingerprint)
		return nil, err
	case c.CAFile == "":
		return nil, nil //nolint:nilnil // nothing is configured
	}
	return openFile(c.withDefaults().Logger, func() (string, error) {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return "", fmt.Errorf("elasticsearch: read the CA certificates: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return "", fmt.Errorf("elasticsearch: no PEM certificate in %s", c.CAFile)
		}
		return string(pem), nil
	})
}

// trusting is a transport that trusts the authorities in a file. With other authorities it begins new connections.
type trusting struct {
	file *file[string]
	base *http.Transport

	mu      sync.Mutex
	trusted string
	current *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (t *trusting) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.transport().RoundTrip(r) //nolint:wrapcheck // it is a transport
}

// CloseIdleConnections closes the connections that are not in use.
func (t *trusting) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil {
		t.current.CloseIdleConnections()
	}
}

func (t *trusting) transport() *http.Transport {
	pem := t.file.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil && t.trusted == pem {
		return t.current
	}
	next := t.base.Clone()
	next.TLSClientConfig.RootCAs = x509.NewCertPool()
	next.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(pem))
	if t.current != nil {
		t.current.CloseIdleConnections()
	}
	t.trusted, t.current = pem, next
	return next
}

// identify sets the client's certificate, for each new connection.
func (c Config) identify(t *tls.Config) error {
	switch {
	case c.ClientCert == "" && c.ClientKey == "":
		return nil
	case c.ClientCert == "" || c.ClientKey == "":
		return errors.New("elasticsearch: a client certificate needs its key, and a key its certificate")
	}
	pair, err := openFile(c.withDefaults().Logger, func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("elasticsearch: read the client certificate %s with the key %s: %w", c.ClientCert, c.ClientKey, err)
		}
		return &pair, nil
	})
	if err != nil {
		return err
	}
	t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.now(), nil }
	return nil
}
