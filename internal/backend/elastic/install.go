package elastic

import (
	"context"
	"errors"
	"net/http"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

// Install creates what the namespace needs: the component templates that all namespaces share, its index
// template, and its first index with the write alias. Existing objects are not changed, except templates of
// an older version. Several runners may install at the same time. Of the index of a Kibana nothing is created: it is checked.
func (a *Alerts) Install(ctx context.Context) error {
	if a.ofKibana {
		return a.checkKibana(ctx)
	}
	for _, t := range a.templates() {
		if err := a.installTemplate(ctx, t); err != nil {
			return err
		}
	}
	return a.installAlias(ctx)
}

// template is a component or index template, with the path at which it is read and put.
type template struct {
	op   string
	path string
	body any
}

// meta is the part of an existing template that is read.
type meta struct {
	Meta struct {
		Version int `json:"template_version"`
	} `json:"_meta"`
}

// templateAnswer is the answer to a get of either kind of template.
type templateAnswer struct {
	Component []struct {
		Template meta `json:"component_template"`
	} `json:"component_templates"`
	Index []struct {
		Template meta `json:"index_template"`
	} `json:"index_templates"`
}

// version returns the version of the template in the answer; 0 if it is not Tocsin's.
func (t templateAnswer) version() int {
	for _, c := range t.Component {
		return c.Template.Meta.Version
	}
	for _, i := range t.Index {
		return i.Template.Meta.Version
	}
	return 0
}

func (a *Alerts) templates() []template {
	name := a.alias
	out := []template{componentTemplate(ecsComponent, ecsMappings()), componentTemplate(a.fields.name, a.fields.mappings())}
	return append(out, template{
		op:   "index template [" + name + "]",
		path: "/_index_template/" + name,
		body: a.indexTemplate(),
	})
}

func componentTemplate(name string, mappings map[string]any) template {
	return template{
		op:   "component template [" + name + "]",
		path: "/_component_template/" + name,
		body: map[string]any{
			"template": map[string]any{"settings": fieldLimit(), "mappings": mappings}, "_meta": templateMeta(),
		},
	}
}

func (a *Alerts) installTemplate(ctx context.Context, t template) error {
	have, err := a.client.template(ctx, t)
	if err != nil && !notFound(err) {
		return err
	}
	if err == nil && have.version() >= templateVersion {
		return nil
	}
	body, err := search.JSON(t.body, "")
	if err != nil {
		return err
	}
	_, err = call[struct{}](ctx, a.client, "put "+t.op, func() esapi.Request { return plainRequest{http.MethodPut, t.path, body} })
	return err
}

// template reads what is there of a template.
func (c *Client) template(ctx context.Context, t template) (templateAnswer, error) {
	return call[templateAnswer](ctx, c, "get "+t.op, func() esapi.Request { return plainRequest{http.MethodGet, t.path, nil} })
}

// installAlias creates the first index with its mapping, as a template with a higher priority would make
// another one. If another runner was faster, the alias exists.
func (a *Alerts) installAlias(ctx context.Context) error {
	if there, err := a.aliasExists(ctx); there || err != nil {
		return err
	}
	first := a.firstRequest()
	body, err := search.JSON(first.Body, "")
	if err != nil {
		return err
	}
	_, err = call[struct{}](ctx, a.client, "create "+first.Why, func() esapi.Request { return plainRequest{first.Method, first.Path, body} })
	if err == nil || ctx.Err() != nil {
		return err
	}
	if there, aliasErr := a.aliasExists(ctx); there || aliasErr != nil {
		return aliasErr
	}
	return a.explain(err)
}

// ErrForeign is wrapped by the errors about something that has the name of an index or alias of Tocsin and is not what Tocsin
// creates. It stays until a person changes it, or the namespace.
var ErrForeign = errors.New("it was not made by Tocsin")

// ErrUnfit is wrapped by the errors about an index of Kibana's that cannot take alerts, whoever asks, until people change it.
var ErrUnfit = errors.New("it cannot take alerts as it is")

// foreign wraps [ErrForeign] and keeps the text of a failure.
func foreign(e *failure.Error) error {
	e.Err = errors.Join(e.Err, ErrForeign)
	return e
}

// firstRequest creates the first index with the alias.
func (a *Alerts) firstRequest() Request {
	return indexRequest(a.firstIndex(), map[string]any{
		"aliases":  map[string]any{a.alias: map[string]any{"is_write_index": true}},
		"settings": merged(fieldLimit(), lenientSettings()),
		"mappings": a.mappings(),
	})
}

// explain says why the alias cannot be created.
func (a *Alerts) explain(err error) error {
	var e *failure.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Type {
	case "invalid_alias_name_exception":
		e.Reason = "an index or data stream named " + a.alias + " exists where an alias of that name is needed; " +
			"rename or delete it, or use another --namespace"
		return foreign(e)
	case "resource_already_exists_exception":
		e.Reason = "the index exists, but no alias " + a.alias + " points to it; add the alias with is_write_index, or use another --namespace"
		return foreign(e)
	}
	return e
}

// aliases are the aliases of an index.
type aliases map[string]struct {
	IsWriteIndex *bool `json:"is_write_index"`
}

// writes reports whether the index is the write index of an alias that has that many indices: the one that is named, or the only one.
func (a aliases) writes(alias string, indices int) bool {
	named := a[alias].IsWriteIndex
	return named != nil && *named || named == nil && indices == 1
}

// aliasExists reports whether the alias exists, and fails if it has no write index.
func (a *Alerts) aliasExists(ctx context.Context) (bool, error) {
	type answer map[string]struct {
		Aliases aliases `json:"aliases"`
	}
	op := "get alias [" + a.alias + "]"
	indices, err := call[answer](ctx, a.client, op, func() esapi.Request {
		return esapi.IndicesGetAliasRequest{Name: []string{a.alias}}
	})
	if notFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, index := range indices {
		if index.Aliases.writes(a.alias, len(indices)) {
			return true, nil
		}
	}
	return false, foreign(&failure.Error{
		Kind: failure.Rejected, Op: op, Reason: "none of its indices is the write index; set is_write_index on one, or use another --namespace",
	})
}

func (a *Alerts) firstIndex() string { return a.alias + "-000001" }
