//go:build integration

package elastic_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
)

// secured is a node with security, and the password of its user elastic.
func secured(t *testing.T) (url, password string) {
	t.Helper()
	url, password = os.Getenv("TOCSIN_SECURED_ELASTICSEARCH_URL"), os.Getenv("TOCSIN_SECURED_ELASTICSEARCH_PASSWORD")
	if url == "" {
		t.Skip("TOCSIN_SECURED_ELASTICSEARCH_URL is not set")
	}
	return strings.TrimRight(url, "/"), password
}

// admin sends a request as the user elastic.
func admin(t *testing.T, method, path, body string) string {
	t.Helper()
	url, password := secured(t)
	return request(t, method, strings.Replace(url, "://", "://elastic:"+password+"@", 1)+path, body)
}

// TestRealReader has the right to read documents and no other.
func TestRealReader(t *testing.T) {
	url, _ := secured(t)
	p := prefix(t)
	do := func(method, path, body string) string { return admin(t, method, path, body) }
	t.Cleanup(func() {
		do("DELETE", "/_security/user/"+p, "")
		do("DELETE", "/_security/role/"+p, "")
	})
	do("PUT", "/_security/role/"+p, `{"indices":[{"names":["`+p+`-mine*"],"privileges":["read"]}]}`)
	do("PUT", "/_security/user/"+p, `{"password":"only-reading","roles":["`+p+`"]}`)
	makeIndex(t, do, p+"-mine", `{"mappings":{"properties":{"k":{"type":"keyword","ignore_above":9}}}}`)
	makeIndex(t, do, p+"-other", `{}`)
	bulk(t, do, create(p+"-mine", "1", `{"k":"x"}`), create(p+"-other", "2", `{"k":"x"}`))

	var log bytes.Buffer
	c := newClient(t, elastic.Config{
		URLs: []string{url}, Username: p, Password: "only-reading", Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	target, err := c.Resolve(t.Context(), []string{p + "-*", p + "-other"}, []string{"k"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{p + "-mine"}, target.Indices); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if f, _ := target.Fields.Field("k"); f.Type != mapping.Keyword || f.IgnoreAbove != 0 {
		t.Errorf("k = %+v", f)
	}
	if !strings.Contains(log.String(), "mappings may not be read") {
		t.Errorf("log: %s", log.String())
	}
	var got []string
	_, err = c.Search(t.Context(), search.Request{
		Patterns: []string{p + "-*"}, Where: condition.Term{Field: "k", Value: "x"},
	}, ids(&got))
	if diff := cmp.Diff([]string{p + "-mine/1"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	a, err := elastic.NewAlerts(c, "elc")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Install(t.Context()); failure.KindOf(err) != failure.Refused {
		t.Errorf("Install: %v", err)
	}
}

func TestRealRefused(t *testing.T) {
	url, password := secured(t)
	var key struct {
		ID      string `json:"id"`
		Encoded string `json:"encoded"`
		Secret  string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(admin(t, "POST", "/_security/api_key", `{"name":"elc"}`)), &key); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(url, "http://")
	rows := []struct {
		name string
		cfg  elastic.Config
		want failure.Kind
	}{
		{"anonymous", elastic.Config{URLs: []string{url}}, failure.Refused},
		{"wrong password", elastic.Config{URLs: []string{url}, Username: "elastic", Password: "wr0ng-s3cret"}, failure.Refused},
		{"wrong key", elastic.Config{URLs: []string{url}, APIKey: "some-id:wr0ng-s3cret"}, failure.Refused},
		{"wrong password in the URL", elastic.Config{URLs: []string{"http://elastic:wr0ng-s3cret@" + host}}, failure.Refused},
		{"password", elastic.Config{URLs: []string{url}, Username: "elastic", Password: password}, failure.Internal},
		{"password in the URL", elastic.Config{URLs: []string{"http://elastic:" + password + "@" + host}}, failure.Internal},
		{"encoded key", elastic.Config{URLs: []string{url}, APIKey: key.Encoded}, failure.Internal},
		{"key as id and secret", elastic.Config{URLs: []string{url}, APIKey: key.ID + ":" + key.Secret}, failure.Internal},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := newClient(t, row.cfg).Ping(t.Context())
			if failure.KindOf(err) != row.want || (err == nil) != (row.want == failure.Internal) {
				t.Errorf("error %v, want kind %s", err, row.want)
			}
			if err != nil && strings.Contains(err.Error(), "wr0ng-s3cret") {
				t.Errorf("a secret in %v", err)
			}
		})
	}
}
