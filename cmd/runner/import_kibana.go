package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// mostExported bounds the export of a Kibana.
const mostExported = 256 << 20

// exportKibana writes the rules and exceptions of a Kibana into a file.
func (a *app) exportKibana(ctx context.Context, base, space, name string) error {
	at, err := url.Parse(base)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return usagef("--kibana %q is not a URL such as https://kibana.example:5601", base)
	}
	path := []string{"api", "detection_engine", "rules", "_export"}
	if space != "" {
		path = append([]string{"s", space}, path...)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, at.JoinPath(path...).String(), http.NoBody)
	if err != nil {
		return usagef("--kibana: %w", err)
	}
	request.Header.Set("kbn-xsrf", "tocsin")
	if err := a.global.authorize(request); err != nil {
		return err
	}
	client, err := a.global.kibanaClient()
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("export the rules of Kibana: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(answer.Body, mostExported+1))
	switch {
	case err != nil:
		return fmt.Errorf("export the rules of Kibana: %w", err)
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("export the rules of Kibana: %s: %s", answer.Status, shorten(oneLine(string(data)), 300)) //nolint:err113 // for people
	case len(data) > mostExported:
		return fmt.Errorf("export the rules of Kibana: the answer has more than %d MiB", mostExported>>20) //nolint:err113 // for people
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		return fmt.Errorf("export the rules of Kibana: %w", err)
	}
	return nil
}

// authorize gives a request the credentials of Elasticsearch.
func (g *globals) authorize(request *http.Request) error {
	key, err := secret(g.APIKeyFile, "TOCSIN_API_KEY")
	if err != nil {
		return err
	}
	if key != "" {
		request.Header.Set("Authorization", "ApiKey "+key)
		return nil
	}
	if g.Username == "" {
		return nil
	}
	password, err := secret(g.PasswordFile, "TOCSIN_PASSWORD")
	if err != nil {
		return err
	}
	request.SetBasicAuth(g.Username, password)
	return nil
}

var errNoCertificate = errors.New("it has no certificate in PEM")

// kibanaClient returns a client that trusts --ca-file. It follows no redirects, which could take the credentials elsewhere.
func (g *globals) kibanaClient() (*http.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment}
	if g.CAFile != "" {
		data, err := os.ReadFile(g.CAFile)
		if err != nil {
			return nil, usagef("ca-file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(strings.TrimSpace(string(data)))) {
			return nil, usagef("ca-file: %s: %w", g.CAFile, errNoCertificate)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{
		Transport: transport, Timeout: 10 * g.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
