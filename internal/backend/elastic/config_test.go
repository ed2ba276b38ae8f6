package elastic_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/backend/elastic"
)

const secret = "s3cr3t-s3same"

func TestNewRefuses(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := []string{"http://localhost:9200"}
	rows := []struct {
		name, want string
		cfg        elastic.Config
	}{
		{"no URL", "no URL is configured", elastic.Config{}},
		{"broken URL", "URL 1 of 1 cannot be parsed", elastic.Config{URLs: []string{"http://u:" + secret + "@ho st\x7f"}}},
		{"no scheme", "URL 2 of 2 is not of the form", elastic.Config{URLs: []string{url[0], "localhost:9200"}}},
		{"other scheme", "is not of the form", elastic.Config{URLs: []string{"ftp://u:" + secret + "@host"}}},
		{"two users", "different credentials", elastic.Config{URLs: []string{"http://a:" + secret + "@h", "http://b:" + secret + "@h"}}},
		{"key and user", "give one of", elastic.Config{URLs: url, APIKey: secret, Username: "u", Password: secret}},
		{"key and URL user", "give one of", elastic.Config{URLs: []string{"http://u:" + secret + "@h"}, APIKey: secret}},
		{"no password", "a user name needs a password", elastic.Config{URLs: url, Username: "u"}},
		{"no user", "a user name needs a password", elastic.Config{URLs: url, Password: secret}},
		{"key of two lines", "characters that are not allowed", elastic.Config{URLs: url, APIKey: secret + "\nx"}},
		{"no CA file", "read the CA certificates", elastic.Config{URLs: url, CAFile: notPEM + "x"}},
		{"CA file of nothing", "no PEM certificate in", elastic.Config{URLs: url, CAFile: notPEM}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := elastic.New(row.cfg)
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}

func TestSecretsStayHidden(t *testing.T) {
	configs := []elastic.Config{
		{URLs: []string{"https://u:" + secret + "@es:9200/path"}},
		{URLs: []string{"https://es:9200/path"}, APIKey: secret},
		{URLs: []string{"https://es:9200/path"}, Username: "u", Password: secret},
	}
	for _, cfg := range configs {
		c := newClient(t, cfg)
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("text", "config", cfg, "client", c)
		slog.New(slog.NewJSONHandler(&b, nil)).Info("json", "config", cfg, "client", c)
		text := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %s", cfg, cfg, cfg, cfg, c, c, c, b.String())
		if strings.Contains(text, secret) {
			t.Errorf("a secret in %s", text)
		}
		if !strings.Contains(c.String(), "https://es:9200/path") {
			t.Errorf("String() = %q", c)
		}
	}
}

func TestRequestsCarry(t *testing.T) {
	rows := []struct {
		name, want string
		cfg        elastic.Config
	}{
		{"nothing", "", elastic.Config{}},
		{"password", "Basic dTpw", elastic.Config{Username: "u", Password: "p"}},
		{"encoded key", "ApiKey aWQ6a2V5", elastic.Config{APIKey: "aWQ6a2V5"}},
		{"plain key", "ApiKey aWQ6a2V5", elastic.Config{APIKey: "id:key"}},
		{"URL", "Basic dTpw", elastic.Config{URLs: []string{"http://u:p@"}}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var got *http.Request
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				w.Header().Set("X-Elastic-Product", "Elasticsearch")
				answer(w, 200, `{"cluster_name":"c","version":{"number":"8.19.7"}}`)
			}))
			defer server.Close()
			host := strings.TrimPrefix(server.URL, "http://") + "/es/"
			row.cfg.UserAgent = "tocsin/1.0"
			if row.cfg.URLs == nil {
				row.cfg.URLs = []string{"http://"}
			}
			row.cfg.URLs = []string{row.cfg.URLs[0] + host}
			info, err := newClient(t, row.cfg).Ping(t.Context())
			if err != nil || info != (elastic.Info{Name: "c", Version: "8.19.7"}) {
				t.Fatalf("Ping() = %+v, %v", info, err)
			}
			if h := got.Header.Get("Authorization"); h != row.want {
				t.Errorf("Authorization: %q, want %q", h, row.want)
			}
			if got.URL.Path != "/es/" || got.Header.Get("User-Agent") != "tocsin/1.0" {
				t.Errorf("path %q, user agent %q", got.URL.Path, got.Header.Get("User-Agent"))
			}
		})
	}
}
