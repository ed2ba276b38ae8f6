package elastic

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
	kept "tocsin/internal/search/tables"
)

const (
	tablesPrefix = "tocsin-lookups-"
	// tableTries is the number of attempts to write a table that others write at the same time.
	tableTries = 20
)

// Tables stores the lookup tables of one namespace in an index of its own, one document for each, written
// with optimistic concurrency control. The index is created with the first table. It is safe for concurrent
// use.
type Tables struct {
	client *Client
	index  string
}

var _ kept.Store = (*Tables)(nil)

// NewTables returns the tables of a namespace, which becomes part of an index name.
func NewTables(c *Client, namespace string) (*Tables, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Tables{client: c, index: tablesPrefix + namespace}, nil
}

// tableSource is the document of a table. Its name and sums are for users of other tools.
type tableSource struct {
	Name    string    `json:"name"`
	Rows    int       `json:"rows"`
	Columns []string  `json:"columns"`
	Updated time.Time `json:"@timestamp"`
	Data    []byte    `json:"data"`
}

func (t *Tables) mappings() map[string]any {
	keyword := map[string]any{"type": "keyword", "ignore_above": 1024}
	return map[string]any{"dynamic": false, "_meta": templateMeta(), "properties": map[string]any{
		"name": keyword, "columns": keyword, "rows": map[string]any{"type": "long"}, "@timestamp": map[string]any{"type": "date"},
		"data": map[string]any{"type": "binary"},
	}}
}

func (t *Tables) install(ctx context.Context) error {
	return t.client.createIndex(ctx, t.index, t.definition())
}

func (t *Tables) definition() map[string]any {
	return map[string]any{
		"settings": map[string]any{"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1", "index.hidden": true},
		"mappings": t.mappings(),
	}
}

// tableID returns the id of a table's document, as names may be longer than ids.
func tableID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Read implements [kept.Store]. It reads the current table, whether refreshed or not.
func (t *Tables) Read(ctx context.Context, name string) (kept.Table, bool, error) {
	table, _, found, err := t.read(ctx, name)
	return table, found, err
}

func (t *Tables) read(ctx context.Context, name string) (table kept.Table, m mark, found bool, err error) {
	type answer struct {
		Found  bool        `json:"found"`
		SeqNo  int64       `json:"_seq_no"`
		Term   int64       `json:"_primary_term"`
		Source tableSource `json:"_source"`
	}
	op := "read the table " + name + " [" + t.index + "]"
	a, err := call[answer](ctx, t.client, op, func() esapi.Request {
		return esapi.GetRequest{Index: t.index, DocumentID: tableID(name)}
	})
	if notFound(err) {
		return table, m, false, nil
	}
	if notAllowed(err) {
		return table, m, false, fmt.Errorf("%w: %w", kept.ErrRefused, err)
	}
	if err == nil && !a.Found {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Err: fmt.Errorf("%w: the document is missing", errIncomplete)}
	}
	if err != nil {
		return table, m, false, err
	}
	if table, err = kept.Decode(name, a.Source.Data); err != nil {
		return table, m, false, fmt.Errorf("%s: %w", op, err)
	}
	return table, mark{a.SeqNo, a.Term}, true, nil
}

// Write implements [kept.Store].
func (t *Tables) Write(ctx context.Context, name string, change kept.Change) error {
	if err := t.install(ctx); err != nil {
		return err
	}
	for range tableTries {
		old, m, found, err := t.read(ctx, name)
		if err != nil {
			return err
		}
		changed, err := change(old, found)
		if err != nil {
			return err
		}
		switch err := t.save(ctx, name, changed, m, found); {
		case !hasStatus(err, http.StatusConflict):
			return err
		case ctx.Err() != nil:
			return stopped(ctx, "write the table "+name)
		}
	}
	return fmt.Errorf("write the table %s [%s]: %w", name, t.index, kept.ErrConflict)
}

func (t *Tables) save(ctx context.Context, name string, table kept.Table, m mark, found bool) error {
	data, err := kept.Encode(name, table)
	if err != nil {
		return err //nolint:wrapcheck // the error names the table
	}
	body, err := search.JSON(tableSource{name, len(table.Rows), table.Columns, table.Updated, data}, "")
	if err != nil {
		return err
	}
	request := esapi.IndexRequest{Index: t.index, DocumentID: tableID(name), Body: bytes.NewReader(body), OpType: "create"}
	if found {
		seqNo, term := int(m.seqNo), int(m.term)
		request.OpType, request.IfSeqNo, request.IfPrimaryTerm = "index", &seqNo, &term
	}
	_, err = try[struct{}](ctx, t.client, "write the table "+name+" ["+t.index+"]", request)
	return err
}
