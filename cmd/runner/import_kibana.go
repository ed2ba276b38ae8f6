package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"tocsin/cmd/runner/internal/importing"
	"tocsin/internal/backend/elastic"
)

// mostExported bounds the export of a Kibana.
const mostExported = 256 << 20

// kibana is a space of a Kibana.
type kibana struct {
	app    *app
	client *http.Client
	base   *url.URL
}

// openKibana returns a space of the Kibana at a URL. It asks for nothing.
func (a *app) openKibana(base, space string) (*kibana, error) {
	at, err := url.Parse(base)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" {
		return nil, usagef("--kibana %q is not a URL such as https://kibana.example:5601", base)
	}
	if space != "" {
		at = at.JoinPath("s", space)
	}
	client, err := a.global.kibanaClient()
	return &kibana{a, client, at}, err
}

// export writes the rules and exceptions into a file, with the data views that rules refer to, and returns the value lists
// that exceptions refer to. A data view or a value list that is not there is missed by what refers to it.
func (k *kibana) export(ctx context.Context, name string) ([]importing.File, error) {
	data, err := k.ask(ctx, http.MethodPost, nil, "api", "detection_engine", "rules", "_export")
	if err != nil {
		return nil, fmt.Errorf("export the rules of Kibana: %w", err)
	}
	views, lists := importing.Refers(string(data))
	for _, id := range views {
		view, err := k.view(ctx, id)
		if err != nil {
			k.app.global.log.Warn("a data view could not be read", "data_view_id", id, "error", err)
			continue
		}
		data = append(append(bytes.TrimRight(data, "\n"), '\n'), view...)
	}
	var files []importing.File
	for _, id := range lists {
		values, err := k.ask(ctx, http.MethodPost, url.Values{"list_id": {id}}, "api", "lists", "items", "_export")
		if err == nil && (strings.ContainsAny(id, "/\\") || id == "." || id == "..") {
			err = errNoFileName
		}
		if err != nil {
			k.app.global.log.Warn("a value list could not be read", "list_id", id, "error", err)
			continue
		}
		files = append(files, importing.ValueList(id, string(values)))
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		return nil, fmt.Errorf("export the rules of Kibana: %w", err)
	}
	return files, nil
}

var errNoFileName = errors.New("its id cannot be the name of a file")

// view returns a data view as exports have it.
func (k *kibana) view(ctx context.Context, id string) ([]byte, error) {
	data, err := k.ask(ctx, http.MethodGet, nil, "api", "data_views", "data_view", id)
	if err != nil {
		return nil, err
	}
	var answer struct {
		View struct {
			Title string `json:"title"`
		} `json:"data_view"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return json.Marshal(map[string]any{"id": id, "type": "index-pattern", "attributes": map[string]string{"title": answer.View.Title}}) //nolint:wrapcheck // it cannot fail
}

// ask returns the answer to a request.
func (k *kibana) ask(ctx context.Context, method string, query url.Values, path ...string) ([]byte, error) {
	for i, part := range path {
		path[i] = url.PathEscape(part)
	}
	at := k.base.JoinPath(path...)
	at.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, at.String(), http.NoBody)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the URL
	}
	request.Header.Set("kbn-xsrf", "tocsin")
	if err := k.app.global.authorize(request); err != nil {
		return nil, err
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the URL
	}
	defer func() { _ = answer.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(answer.Body, mostExported+1))
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // the caller says what it was doing
	case answer.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("%s: %s", answer.Status, shorten(oneLine(string(data)), 300)) //nolint:err113 // for people
	case len(data) > mostExported:
		return nil, fmt.Errorf("the answer has more than %d MiB", mostExported>>20) //nolint:err113 // for people
	}
	return data, nil
}

// authorize gives a request the credentials of Elasticsearch.
func (g *globals) authorize(request *http.Request) error {
	cfg, err := g.connectionConfig()
	if err != nil {
		return err
	}
	header, err := cfg.Authorization()
	if err != nil {
		return usageError{err}
	}
	if header != "" {
		request.Header.Set("Authorization", header)
	}
	return nil
}

// kibanaClient returns a client that trusts what the client of Elasticsearch trusts. It follows no redirects, which could
// take the credentials elsewhere.
func (g *globals) kibanaClient() (*http.Client, error) {
	cfg, err := g.connectionConfig()
	if err != nil {
		return nil, err
	}
	transport, err := elastic.NewHTTPTransport(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	return &http.Client{
		Transport: transport, Timeout: 10 * g.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
