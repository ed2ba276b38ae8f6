package elastic

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

const (
	ledgerPrefix = "tocsin-ledger-"
	// ledgerBatch is the number of documents in one request: a page has some KiB.
	ledgerBatch = 500
	// maxDocID is the maximum length of an id in Elasticsearch, in bytes.
	maxDocID = 512
)

// Ledger stores the ledger of one namespace in an index of its own, with one document for each head and page.
// The columns of a page are stored, not indexed; the document also has their sums, for users of other tools.
// It is safe for concurrent use.
type Ledger struct {
	client *Client
	index  string
}

var _ ledger.Store = (*Ledger)(nil)

// NewLedger returns the ledger of a namespace, which becomes part of an index name.
func NewLedger(c *Client, namespace string) (*Ledger, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Ledger{client: c, index: ledgerPrefix + namespace}, nil
}

// Install creates the index if it does not exist.
func (l *Ledger) Install(ctx context.Context) error {
	return l.client.createIndex(ctx, l.index, l.definition())
}

func (l *Ledger) definition() map[string]any {
	return map[string]any{
		"settings": map[string]any{
			"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1", "index.codec": "best_compression", "index.hidden": true,
		},
		"mappings": l.mappings(),
	}
}

func (l *Ledger) mappings() map[string]any {
	keyword, date, long := map[string]any{"type": "keyword"}, map[string]any{"type": "date"}, map[string]any{"type": "long"}
	properties := map[string]any{
		"kind": keyword, "rule_id": keyword, "index": keyword, "schedule": keyword, "last_error": keyword,
		"day": date, "since": date, "closed": date, "@timestamp": date,
		"data": map[string]any{"type": "binary"},
	}
	for _, sum := range []string{"covered", "open", "given_up", "failed", "read", "hits", "created", "duplicates", "suppressed", "queued", "vacant"} {
		properties[sum] = long
	}
	return map[string]any{"dynamic": false, "_meta": templateMeta(), "properties": properties}
}

// createIndex creates an index unless it exists.
func (c *Client) createIndex(ctx context.Context, name string, definition map[string]any) error {
	op := "create index [" + name + "]"
	body, err := search.JSON(definition, "")
	if err != nil {
		return err
	}
	_, err = call[struct{}](ctx, c, op, func() esapi.Request {
		return esapi.IndicesCreateRequest{Index: name, Body: bytes.NewReader(body)}
	})
	if hasType(err, "resource_already_exists_exception") || notAllowed(err) && c.canRead(ctx, name) {
		return nil
	}
	var e *failure.Error
	if errors.As(err, &e) && e.Type == "invalid_index_name_exception" {
		e.Reason += "; rename or delete the alias, or use another --namespace"
		return foreign(e)
	}
	return err
}

// canRead reports whether the index exists, for a user who may not create it.
func (c *Client) canRead(ctx context.Context, index string) bool {
	_, err := try[struct{}](ctx, c, "count ["+index+"]", searching{esapi.CountRequest{Index: []string{index}}, 0})
	return err == nil
}

// mark is the version of a document.
type mark struct{ seqNo, term int64 }

// ledgerSource is the source of a document of the index.
type ledgerSource struct {
	Kind      string     `json:"kind"`
	RuleID    string     `json:"rule_id"`
	Timestamp *time.Time `json:"@timestamp,omitempty"`
	Day       *time.Time `json:"day,omitempty"`
	Data      string     `json:"data,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
	Closed    *time.Time `json:"closed,omitempty"`
	Reread    *time.Time `json:"reread,omitempty"`
	LagP50    int64      `json:"lag_p50_ms,omitempty"`
	LagP99    int64      `json:"lag_p99_ms,omitempty"`
	Schedule  string     `json:"schedule,omitempty"`
	// Past is not indexed.
	Past      []ledger.Past `json:"past,omitempty"`
	Note      string        `json:"note,omitempty"`
	LastError string        `json:"last_error,omitempty"`

	Covered    int64 `json:"covered,omitempty"`
	Open       int64 `json:"open,omitempty"`
	GivenUp    int64 `json:"given_up,omitempty"`
	Failed     int64 `json:"failed,omitempty"`
	Read       int64 `json:"read,omitempty"`
	Hits       int64 `json:"hits,omitempty"`
	Created    int64 `json:"created,omitempty"`
	Duplicates int64 `json:"duplicates,omitempty"`
	Suppressed int64 `json:"suppressed,omitempty"`
	Queued     int64 `json:"queued,omitempty"`
	Vacant     int64 `json:"vacant,omitempty"`

	// UUID, Index and Series record the series of an index.
	UUID   string `json:"uuid,omitempty"`
	Index  string `json:"index,omitempty"`
	Series string `json:"series,omitempty"`

	Reopened int64            `json:"reopened,omitempty"`
	Patterns []ledger.Pattern `json:"patterns,omitempty"`
}

const (
	headKind   = "head"
	pageKind   = "page"
	seriesKind = "series"
)

// ledgerID returns the id of a document: readable, unless it would be too long.
func ledgerID(kind, name string) string {
	id := kind + ":" + name
	if len(id) <= maxDocID {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return kind + ":" + hex.EncodeToString(sum[:])
}

// Heads implements [ledger.Store].
func (l *Ledger) Heads(ctx context.Context, ids []string) ([]ledger.Head, error) {
	if ids == nil {
		return l.allHeads(ctx)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = ledgerID(headKind, id)
	}
	var heads []ledger.Head
	err := l.get(ctx, names, func(s ledgerSource, m mark) error {
		heads = append(heads, s.head(m))
		return nil
	})
	return heads, err
}

func (s ledgerSource) head(m mark) ledger.Head {
	return ledger.Head{
		RuleID: s.RuleID, Since: value(s.Since), Closed: value(s.Closed), Schedule: s.Schedule, Reread: value(s.Reread), Note: s.Note,
		Version: m, Reopened: s.Reopened, Patterns: s.Patterns, Past: s.Past,
		Lag: ledger.Lag{P50: time.Duration(s.LagP50) * time.Millisecond, P99: time.Duration(s.LagP99) * time.Millisecond},
	}
}

func value(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func pointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// allHeads finds the heads by a search, which sees refreshed documents only, and reads their current
// versions. If another mapping of the index would hide some, it reads all documents.
func (l *Ledger) allHeads(ctx context.Context) ([]ledger.Head, error) {
	query := condition.Query{"term": condition.Query{"kind": headKind}}
	switch err := l.client.findable(ctx, l.index, l.mappings(), []string{"kind"}); {
	case failure.KindOf(err) == failure.Refused:
		query = condition.Query{"match_all": condition.Query{}}
	case err != nil:
		return nil, err
	}
	op := "list the ledger [" + l.index + "]"
	p := newPager(l.client, op, []string{l.index}, condition.Query{
		"query": query, "_source": []string{"kind", "rule_id"},
		"sort": []condition.Query{{"_shard_doc": "asc"}}, "track_total_hits": false,
	}, ledgerBatch)
	ids := []string{}
	_, err := p.run(ctx, func(hits []hit) (bool, error) {
		for _, h := range hits {
			var s ledgerSource
			if err := json.Unmarshal(h.Source, &s); err != nil {
				return false, fmt.Errorf("%s: %w", op, err)
			}
			if s.Kind == headKind {
				ids = append(ids, s.RuleID)
			}
		}
		return true, nil
	})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	return l.Heads(ctx, ids)
}

// Pages implements [ledger.Store].
func (l *Ledger) Pages(ctx context.Context, ids []string, from, to time.Time) ([]ledger.Page, error) {
	var names []string
	for _, id := range ids {
		for day := ledger.Day(from); !day.After(ledger.Day(to)); day = day.AddDate(0, 0, 1) {
			names = append(names, ledgerID(pageKind, ledger.Page{RuleID: id, Day: day}.ID()))
		}
	}
	var pages []ledger.Page
	err := l.get(ctx, names, func(s ledgerSource, m mark) error {
		p := ledger.Page{RuleID: s.RuleID, Day: value(s.Day), Version: m}
		data, err := base64.StdEncoding.DecodeString(s.Data)
		if err == nil {
			err = ledger.Decode(&p, data)
		}
		pages = append(pages, p)
		return err
	})
	return pages, err
}

// get reads the current documents by id, whether refreshed or not.
func (l *Ledger) get(ctx context.Context, ids []string, take func(ledgerSource, mark) error) error {
	op := "read the ledger [" + l.index + "]"
	for chunk := range slices.Chunk(ids, ledgerBatch) {
		docs, err := multiGet[ledgerSource](ctx, l.client, op, l.index, map[string]any{"ids": chunk}, len(chunk))
		if err != nil {
			return err
		}
		for _, d := range docs {
			if d.Error != nil && d.Error.Type == "index_not_found_exception" {
				continue // not installed yet: there are no documents
			}
			if err := d.err(op); err != nil {
				return err
			}
			if !d.Found {
				continue
			}
			if err := take(d.Source, mark{d.SeqNo, d.Term}); err != nil {
				return fmt.Errorf("%s: %w", op, err)
			}
		}
	}
	return nil
}

// SaveHeads implements [ledger.Store].
func (l *Ledger) SaveHeads(ctx context.Context, heads []*ledger.Head) ([]error, error) {
	docs := make([]ledgerDoc, len(heads))
	for i, h := range heads {
		docs[i] = ledgerDoc{id: ledgerID(headKind, h.RuleID), version: &h.Version, source: ledgerSource{
			Kind: headKind, RuleID: h.RuleID, Since: pointer(h.Since), Closed: pointer(h.Closed), Schedule: h.Schedule, Note: h.Note,
			Reread: pointer(h.Reread), LagP50: h.Lag.P50.Milliseconds(), LagP99: h.Lag.P99.Milliseconds(),
			Reopened: h.Reopened, Patterns: h.Patterns, Past: h.Past,
		}}
	}
	return l.save(ctx, docs)
}

// SavePages implements [ledger.Store].
func (l *Ledger) SavePages(ctx context.Context, pages []*ledger.Page) ([]error, error) {
	docs := make([]ledgerDoc, len(pages))
	for i, p := range pages {
		data, err := ledger.Encode(*p)
		if err != nil {
			return nil, err //nolint:wrapcheck // the error names the page
		}
		s := p.Sum()
		docs[i] = ledgerDoc{id: ledgerID(pageKind, p.ID()), version: &p.Version, source: ledgerSource{
			Kind: pageKind, RuleID: p.RuleID, Day: pointer(p.Day), Timestamp: pointer(p.Day),
			Data: base64.StdEncoding.EncodeToString(data), LastError: bounded(s.LastError),
			Covered: s.Covered, Open: s.Open, GivenUp: s.GivenUp, Failed: s.Failed, Read: s.Read, Hits: s.Hits,
			Created: s.Created, Duplicates: s.Duplicates, Suppressed: s.Suppressed, Queued: s.Queued, Vacant: s.Vacant,
		}}
	}
	return l.save(ctx, docs)
}

// ledgerDoc is a document to write if its version has not changed.
type ledgerDoc struct {
	id      string
	version *any
	source  ledgerSource
}

func (l *Ledger) save(ctx context.Context, docs []ledgerDoc) ([]error, error) {
	errs := make([]error, len(docs))
	for start := 0; start < len(docs); start += ledgerBatch {
		end := min(start+ledgerBatch, len(docs))
		if err := l.saveBatch(ctx, docs[start:end], errs[start:end]); err != nil {
			if start == 0 {
				return nil, err
			}
			for i := start; i < len(errs); i++ {
				errs[i] = err
			}
			break
		}
	}
	return errs, nil
}

func (l *Ledger) saveBatch(ctx context.Context, docs []ledgerDoc, errs []error) error {
	var body bytes.Buffer
	for _, d := range docs {
		action := map[string]any{"create": map[string]any{"_id": d.id}}
		if m, known := (*d.version).(mark); known {
			action = map[string]any{"index": map[string]any{"_id": d.id, "if_seq_no": m.seqNo, "if_primary_term": m.term}}
		}
		for _, line := range []any{action, d.source} {
			data, err := search.JSON(line, "")
			if err != nil {
				return err
			}
			body.Write(append(data, '\n'))
		}
	}
	type item struct {
		Status int   `json:"status"`
		SeqNo  int64 `json:"_seq_no"`
		Term   int64 `json:"_primary_term"`
		Error  cause `json:"error"`
	}
	type answer struct {
		Items []map[string]item `json:"items"`
	}
	op := fmt.Sprintf("write %d documents of the ledger [%s]", len(docs), l.index)
	// A request that is repeated after its answer was lost conflicts with its own writes: these documents
	// count as changed, and are read again.
	a, err := call[answer](ctx, l.client, op, func() esapi.Request {
		return esapi.BulkRequest{Index: l.index, Body: bytes.NewReader(body.Bytes())}
	})
	if err == nil && len(a.Items) != len(docs) {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Reason: fmt.Sprintf("the answer has %d items", len(a.Items))}
	}
	if err != nil {
		return err
	}
	for i, one := range a.Items {
		for _, r := range one {
			switch {
			case r.Status < http.StatusMultipleChoices:
				*docs[i].version = mark{r.SeqNo, r.Term}
			case r.Status == http.StatusConflict:
				errs[i] = ledger.ErrChanged
			default:
				errs[i] = &failure.Error{
					Kind: kindOf(r.Status), Op: "write [" + docs[i].id + "]", Status: r.Status, Type: r.Error.Type, Reason: r.Error.text(),
				}
			}
		}
	}
	return nil
}

// Forget implements [ledger.Store]. It deletes the pages that a search finds, in batches: delete by query
// needs a module that not every cluster has.
func (l *Ledger) Forget(ctx context.Context, before time.Time) (int, error) {
	p := newPager(l.client, "list old pages of ["+l.index+"]", []string{l.index}, condition.Query{
		"query": condition.Query{"bool": condition.Query{
			"filter": []condition.Query{
				{"term": condition.Query{"kind": pageKind}},
				{"range": condition.Query{"day": condition.Query{"lt": search.FormatTime(ledger.Day(before))}}},
			},
			"must_not": []condition.Query{{"prefix": condition.Query{"rule_id": ledger.BackfillPrefix}}},
		}},
		"_source": false, "sort": []condition.Query{{"_shard_doc": "asc"}}, "track_total_hits": false,
	}, ledgerBatch)
	n := 0
	_, err := p.run(ctx, func(hits []hit) (bool, error) {
		var body bytes.Buffer
		for _, h := range hits {
			line, err := search.JSON(map[string]any{"delete": map[string]any{"_id": h.ID}}, "")
			if err != nil {
				return false, err
			}
			body.Write(append(line, '\n'))
		}
		gone, err := l.client.deleteAll(ctx, "delete old pages of ["+l.index+"]", l.index, body.Bytes())
		n += gone
		return true, err
	})
	return n, err
}

// deleteAll sends deletions and returns how many documents are gone. One that another runner has deleted is none.
func (c *Client) deleteAll(ctx context.Context, op, index string, body []byte) (n int, err error) {
	answer, err := call[bulkAnswer](ctx, c, op, func() esapi.Request {
		return esapi.BulkRequest{Index: index, Body: bytes.NewReader(body)}
	})
	if err != nil {
		return 0, err
	}
	for _, item := range answer.Items {
		switch one := item["delete"]; {
		case one.Status == http.StatusNotFound:
		case one.Status >= http.StatusMultipleChoices:
			return n, &failure.Error{Kind: kindOf(one.Status), Op: op, Status: one.Status, Type: one.Error.Type, Reason: one.Error.text()}
		default:
			n++
		}
	}
	return n, nil
}
