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

// Refresh says when alerts that were written can be searched for.
type Refresh string

// When written alerts are found by searches: within the index's refresh interval (a second by
// default), or by the time that Create returns: waiting for the interval, or at once at some cost.
const (
	RefreshLater Refresh = "false"
	RefreshWait  Refresh = "wait_for"
	RefreshNow   Refresh = "true"
)

// Alerts is the alerts of one namespace: an alert.Indexer and an alert.Reader. It is safe for
// concurrent use once Refresh is set.
type Alerts struct {
	// Refresh is when written alerts are found; the zero value means RefreshLater.
	Refresh Refresh

	client    *Client
	namespace string
	alias     string
	rollover  rollover
	// most is the size of a bulk request that somebody on the way lets through, 0 while nobody minded.
	most atomic.Int64
	// ofEvent tells the fields of a document that are those of its event.
	ofEvent func(name string) bool
	// looked is when the alias was last seen to map what alerts are found by, in nanoseconds.
	looked atomic.Int64
	// fields are the component template of what is not ECS.
	fields component
}

// component is a component template by its name, with its fields one a line: name, type, parameters.
type component struct{ name, fields string }

var (
	_ alert.Indexer = (*Alerts)(nil)
	_ alert.Reader  = (*Alerts)(nil)
	_ search.Events = (*Client)(nil)
)

const (
	aliasPrefix = alert.IndexPrefix
	riskPrefix  = "tocsin-risk-"
	// listPage is the number of alerts in one page of a listing; alerts are long.
	listPage = 250
	// maxFound is the greatest size of a search.
	maxFound = 10_000
	// maxNamespace keeps the names of indices within Elasticsearch's 255 bytes.
	maxNamespace = 100
)

// NewAlerts returns the alerts of a namespace, which becomes part of an index name.
func NewAlerts(c *Client, namespace string) (*Alerts, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Alerts{client: c, namespace: namespace, alias: aliasPrefix + namespace, ofEvent: alert.OfEvent, fields: component{alertComponent, alert.Fields}}, nil
}

// RiskAlias returns the name that the risk events of a namespace are written to and read from.
func RiskAlias(namespace string) string { return riskPrefix + namespace }

// NewRisk returns the risk events of a namespace. They are kept as alerts are: written once, by their
// identity, to an index of their own.
func NewRisk(c *Client, namespace string) (*Alerts, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Alerts{client: c, namespace: namespace, alias: RiskAlias(namespace), ofEvent: func(name string) bool { return name == "result" }, fields: component{riskComponent, riskFields}}, nil
}

// checkNamespace refuses what cannot be part of the name of an index.
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

// Alias returns the name that alerts are written to and read from.
func (a *Alerts) Alias() string { return a.alias }

// List hands out alerts, oldest first. Before Install there are none.
func (a *Alerts) List(ctx context.Context, f alert.Filter, visit func(alert.Document) (bool, error)) error {
	if f.RuleID != "" {
		if err := a.findable(ctx); err != nil {
			return err
		}
	}
	size, left := listPage, f.Limit
	if left > 0 {
		size = min(size, left)
	}
	p := newPager(a.client, "list alerts ["+a.alias+"]", []string{a.alias}, a.listing(f), size)
	_, err := p.run(ctx, func(hits []hit) (bool, error) {
		for _, h := range hits {
			doc, err := h.alert()
			if err != nil {
				return false, err
			}
			if more, err := visit(doc); err != nil || !more {
				return false, err
			}
			if left--; left == 0 {
				return false, nil
			}
		}
		return true, nil
	})
	return err
}

func (a *Alerts) listing(f alert.Filter) condition.Query {
	query := condition.Query{"match_all": condition.Query{}}
	if f.RuleID != "" {
		query = condition.Query{"term": condition.Query{"kibana.alert.rule.rule_id": f.RuleID}}
	}
	return condition.Query{
		"query":            condition.Query{"bool": condition.Query{"filter": []condition.Query{query}}},
		"track_total_hits": false,
		"sort": []condition.Query{{search.DefaultTimestamp: condition.Query{
			"order": "asc", "unmapped_type": "date", "format": "strict_date_optional_time_nanos",
		}}},
	}
}

// Get returns one alert, from whichever of the alias's indices holds it. One that was written
// without waiting for a refresh is found a moment later.
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

// byID finds alerts by id in all indices of the alias; nothing when there is no alias.
func (a *Alerts) byID(ctx context.Context, op string, ids []string, source any) (page, error) {
	body, err := search.JSON(condition.Query{
		"query": condition.Query{"ids": condition.Query{"values": ids}},
		// After a rollover, one may be in several indices.
		"size": min(maxFound, len(ids)*4), "_source": source, "track_total_hits": false,
	}, "")
	if err != nil {
		return page{}, err
	}
	yes := true
	return call[page](ctx, a.client, op, func() esapi.Request {
		return searching{esapi.SearchRequest{
			Index: escape([]string{a.alias}), Body: bytes.NewReader(body),
			IgnoreUnavailable: &yes, AllowNoIndices: &yes, AllowPartialSearchResults: &yes,
		}, 0}
	})
}

func (h hit) alert() (alert.Document, error) {
	doc := alert.Document{ID: h.ID, Index: h.Index}
	dec := json.NewDecoder(bytes.NewReader(h.Source))
	dec.UseNumber()
	if err := dec.Decode(&doc.Source); err != nil {
		return doc, fmt.Errorf("alert %s in %s: decode: %w", h.ID, h.Index, err)
	}
	if doc.Source == nil {
		return doc, fmt.Errorf("alert %s in %s: %w", h.ID, h.Index, errors.New("it has no source"))
	}
	return doc, nil
}

// Existing tells of which ids there is an alert in any index of the alias, as far as it was refreshed, and what it was
// made of.
func (a *Alerts) Existing(ctx context.Context, ids []string) (map[string]*alert.Source, error) {
	found := make(map[string]*alert.Source, len(ids))
	for chunk := range slices.Chunk(ids, maxInstances) {
		op := fmt.Sprintf("look %d alerts up [%s]", len(chunk), a.alias)
		p, err := a.byID(ctx, op, chunk, madeOf)
		if err != nil {
			return nil, err
		}
		var damage damage
		damage.add(p.Shards, p.TimedOut, p.Clusters)
		if err := damage.err(op); err != nil {
			return nil, err
		}
		for _, h := range p.Hits.Hits {
			if found[h.ID], err = h.madeOf(); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}
