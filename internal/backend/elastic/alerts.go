package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

// Refresh is when written alerts become visible to searches.
type Refresh string

// The refresh policies: written alerts are visible after the index's refresh interval (a second by default),
// or when Create returns, either by waiting for the interval or by forcing a refresh, which costs more.
const (
	RefreshLater Refresh = "false"
	RefreshWait  Refresh = "wait_for"
	RefreshNow   Refresh = "true"
)

// Alerts holds the alerts of one namespace: an alert.Indexer and an alert.Reader. It is safe for concurrent
// use once Refresh is set.
type Alerts struct {
	// Refresh is when written alerts become visible; the zero value means RefreshLater.
	Refresh Refresh

	client    *Client
	namespace string
	alias     string
	rollover  rollover
	// most is the size limit for bulk requests, in bytes, learned from rejections of the cluster or a proxy;
	// 0: none was rejected.
	most atomic.Int64
	// ofEvent reports whether a field of an alert comes from its event.
	ofEvent func(name string) bool
	// checkedAt is when the alias's mapping of the key fields was last checked, in Unix nanoseconds.
	checkedAt atomic.Int64
	// fields is the component template with the fields that are not in ECS.
	fields component
	// ofKibana: the index is Kibana's. own selects the alerts of Tocsin in it; nil: all are.
	ofKibana bool
	own      condition.Query
}

// component is a component template: its name, and its fields, one a line: name, type, parameters.
type component struct{ name, fields string }

var (
	_ alert.Indexer = (*Alerts)(nil)
	_ alert.Reader  = (*Alerts)(nil)
	_ alert.Browser = (*Alerts)(nil)
	_ search.Events = (*Client)(nil)
)

const (
	aliasPrefix = alert.IndexPrefix
	riskPrefix  = "tocsin-risk-"
	// listPage is the number of alerts in one page of a listing; alerts are long.
	listPage = 250
	// maxFound is the maximum size of one search.
	maxFound = 10_000
	// maxNamespace keeps index names within Elasticsearch's 255 bytes.
	maxNamespace = 100
)

// NewAlerts returns the alerts of a namespace, which becomes part of an index name.
func NewAlerts(c *Client, namespace string) (*Alerts, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Alerts{client: c, namespace: namespace, alias: aliasPrefix + namespace, ofEvent: alert.OfEvent, fields: component{alertComponent, alert.Fields}}, nil
}

// AlertsAlias returns the alias of the alerts of a namespace.
func AlertsAlias(namespace string) string { return aliasPrefix + namespace }

// Prefixes returns the names of everything that is written in a namespace. Indices of an alias have more after a dash.
func Prefixes(namespace string) []string {
	return []string{AlertsAlias(namespace), RiskAlias(namespace), ledgerPrefix + namespace, leasesPrefix + namespace, tablesPrefix + namespace, outboxPrefix + namespace}
}

// RiskAlias returns the alias of the risk events of a namespace.
func RiskAlias(namespace string) string { return riskPrefix + namespace }

// NewRisk returns the risk events of a namespace. They are stored like alerts, once for each identity, in an
// index of their own.
func NewRisk(c *Client, namespace string) (*Alerts, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Alerts{client: c, namespace: namespace, alias: RiskAlias(namespace), ofEvent: func(name string) bool { return name == "result" }, fields: component{riskComponent, riskFields}}, nil
}

// checkNamespace returns an error if the namespace cannot be part of an index name.
func checkNamespace(namespace string) error {
	valid := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r)
	}
	if namespace == "" || len(namespace) > maxNamespace ||
		strings.ContainsFunc(namespace, func(r rune) bool { return !valid(r) }) {
		return fmt.Errorf("namespace %q: at most %d of a-z, 0-9, '-', '_' and '.' are allowed",
			namespace, maxNamespace)
	}
	return nil
}

// Alias returns the alias that alerts are written to and read from.
func (a *Alerts) Alias() string { return a.alias }

// Get returns one alert, from any index of the alias. An alert that was written without waiting for a refresh
// may not be found yet.
func (a *Alerts) Get(ctx context.Context, id string) (alert.Document, error) {
	op := "get alert [" + id + "]"
	found, err := a.byID(ctx, op, []string{id}, true)
	if err != nil {
		return alert.Document{}, err
	}
	if len(found.Hits.Hits) > 0 {
		return found.Hits.Hits[0].alert()
	}
	var damage damage
	damage.add(found.Shards, found.TimedOut, found.Clusters)
	if err := damage.err(op); err != nil {
		return alert.Document{}, err
	}
	return alert.Document{}, fmt.Errorf("alert %s: %w", id, alert.ErrNotFound)
}

// byID finds alerts by id in all indices of the alias; without an alias it finds none.
func (a *Alerts) byID(ctx context.Context, op string, ids []string, source any) (page, error) {
	body, err := search.JSON(condition.Query{
		"query": condition.Query{"ids": condition.Query{"values": ids}},
		// After a rollover, an id may be in several indices.
		"size": min(maxFound, len(ids)*4), "_source": source, "track_total_hits": false, "seq_no_primary_term": true,
	}, "")
	if err != nil {
		return page{}, err
	}
	yes := true
	found, err := call[page](ctx, a.client, op, func() esapi.Request {
		return searching{esapi.SearchRequest{
			Index: escape([]string{a.alias}), Body: bytes.NewReader(body),
			IgnoreUnavailable: &yes, AllowNoIndices: &yes, AllowPartialSearchResults: &yes,
		}, 0}
	})
	if err == nil && found.Shards.Total == 0 {
		err = a.readable(ctx)
	}
	return found, err
}

func (h hit) alert() (alert.Document, error) {
	doc := alert.Document{ID: h.ID, Index: h.Index}
	dec := json.NewDecoder(bytes.NewReader(h.Source))
	dec.UseNumber()
	if err := dec.Decode(&doc.Source); err != nil {
		return doc, fmt.Errorf("alert %s in %s: decode: %w", h.ID, h.Index, err)
	}
	if doc.Source == nil {
		return doc, fmt.Errorf("alert %s in %s: %w", h.ID, h.Index, errors.New("the document has no source"))
	}
	return doc, nil
}

// alertToUpdate is alert with the revision, of a search that requested it.
func (h hit) alertToUpdate() (alert.Document, error) {
	doc, err := h.alert()
	doc.Revision = h.revision()
	return doc, err
}

// Existing returns which ids have an alert in any index of the alias, as of the last refresh, with the
// sources of these alerts.
func (a *Alerts) Existing(ctx context.Context, ids []string) (map[string]*alert.Source, error) {
	return named(ctx, a, ids, maxInstances, "look up", sourceFields, hit.madeOf)
}

// named reads something of the alerts with these ids, so many at a time; source is what is requested of them.
func named[T any](ctx context.Context, a *Alerts, ids []string, most int, verb string, source any, read func(hit) (T, error)) (map[string]T, error) {
	found := make(map[string]T, len(ids))
	for chunk := range slices.Chunk(ids, most) {
		op := fmt.Sprintf("%s %d alerts [%s]", verb, len(chunk), a.alias)
		p, err := a.byID(ctx, op, chunk, source)
		if err != nil {
			return nil, err
		}
		var damage damage
		damage.add(p.Shards, p.TimedOut, p.Clusters)
		if err := damage.err(op); err != nil {
			return nil, err
		}
		for _, h := range p.Hits.Hits {
			if found[h.ID], err = read(h); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}
