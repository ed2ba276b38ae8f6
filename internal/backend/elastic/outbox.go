package elastic

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/notify"
	"tocsin/internal/search"
)

const (
	outboxPrefix = "tocsin-outbox-"
	// outboxBatch and outboxBytes bound one request.
	outboxBatch = 500
	outboxBytes = 4 << 20
)

// Outbox stores the notifications of one namespace, each a document, in an index of its own. It is safe for concurrent use.
type Outbox struct {
	client *Client
	index  string
}

var _ notify.Store = (*Outbox)(nil)

// NewOutbox returns the outbox of a namespace, which becomes part of an index name.
func NewOutbox(c *Client, namespace string) (*Outbox, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Outbox{client: c, index: outboxPrefix + namespace}, nil
}

// outboxSource is the document of an entry. Entry is the whole of it as a text, so that no content of an alert can clash with the mapping;
// the other fields are what is searched.
type outboxSource struct {
	ID      string        `json:"id"`
	Route   string        `json:"route,omitempty"`
	Status  notify.Status `json:"status"`
	At      time.Time     `json:"at"`
	Created time.Time     `json:"created"`
	Digest  string        `json:"digest,omitempty"`
	Group   string        `json:"group,omitempty"`
	RuleID  string        `json:"rule_id,omitempty"`
	Title   string        `json:"title,omitempty"`
	Error   string        `json:"error,omitempty"`
	Entry   string        `json:"entry"`
}

func (o *Outbox) mappings() map[string]any {
	keyword, date, stored := map[string]any{"type": "keyword", "ignore_above": 1024}, map[string]any{"type": "date"}, map[string]any{"type": "keyword", "index": false, "doc_values": false}
	return map[string]any{"dynamic": false, "_meta": templateMeta(), "properties": map[string]any{
		"id": keyword, "route": keyword, "status": keyword, "digest": keyword, "group": keyword, "rule_id": keyword, "at": date, "created": date,
		"title": stored, "error": stored, "entry": stored,
	}}
}

// Install creates the index if it does not exist.
func (o *Outbox) Install(ctx context.Context) error {
	return o.client.createIndex(ctx, o.index, o.definition())
}

func (o *Outbox) definition() map[string]any {
	return map[string]any{
		"settings": map[string]any{"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1", "index.hidden": true},
		"mappings": o.mappings(),
	}
}

// Misfits returns what differs in the index from what Install creates.
func (o *Outbox) Misfits(ctx context.Context) ([]Misfit, error) {
	return o.client.misfits(ctx, o.index, o.mappings(), "stop all runners and delete it: it is made anew, and alerts of repeated slots are told again")
}

// Create implements [notify.Store]. A document that was written by a request whose answer was lost counts as one that exists.
func (o *Outbox) Create(ctx context.Context, entries []*notify.Entry) ([]bool, error) {
	made := make([]bool, len(entries))
	errs, err := o.write(ctx, entries, func(*notify.Entry) (map[string]any, error) { return map[string]any{}, nil }, "create")
	if err != nil {
		return nil, err
	}
	for i, err := range errs {
		switch {
		case err == nil:
			made[i] = true
		case !hasStatus(err, http.StatusConflict):
			return nil, err
		}
	}
	return made, nil
}

// Update implements [notify.Store].
func (o *Outbox) Update(ctx context.Context, entries []*notify.Entry) ([]error, error) {
	errs, err := o.write(ctx, entries, func(e *notify.Entry) (map[string]any, error) {
		m, known := e.Version.(mark)
		if !known {
			return nil, fmt.Errorf("entry %s was not read before it is changed", e.ID) //nolint:err113 // a mistake of the caller
		}
		return map[string]any{"if_seq_no": m.seqNo, "if_primary_term": m.term}, nil
	}, "index")
	for i, err := range errs {
		if hasStatus(err, http.StatusConflict) || hasStatus(err, http.StatusNotFound) {
			errs[i] = notify.ErrChanged
		}
	}
	return errs, err
}

// write writes entries in requests of a bounded size. An error means that the outcome of each is unknown.
func (o *Outbox) write(ctx context.Context, entries []*notify.Entry, condition func(*notify.Entry) (map[string]any, error), key string) ([]error, error) {
	errs := make([]error, len(entries))
	var body bytes.Buffer
	begin := 0
	for i, e := range entries {
		lines, err := outboxLines(e, condition, key)
		if err != nil {
			return nil, err
		}
		if i > begin && (i-begin == outboxBatch || body.Len()+len(lines) > outboxBytes) {
			if err := o.send(ctx, body.Bytes(), entries[begin:i], errs[begin:i]); err != nil {
				return nil, err
			}
			body, begin = bytes.Buffer{}, i
		}
		body.Write(lines)
	}
	if begin == len(entries) {
		return errs, nil
	}
	return errs, o.send(ctx, body.Bytes(), entries[begin:], errs[begin:])
}

func outboxLines(e *notify.Entry, condition func(*notify.Entry) (map[string]any, error), key string) ([]byte, error) {
	action, err := condition(e)
	if err != nil {
		return nil, err
	}
	action["_id"] = e.ID
	entry, err := notify.EncodeEntry(e)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the entry
	}
	source := outboxSource{e.ID, e.Route, e.Status, e.At, e.Created, e.Digest, e.Group, e.Notice.RuleID, e.Notice.Title, e.Error, string(entry)}
	var lines []byte
	for _, v := range []any{map[string]any{key: action}, source} {
		line, err := search.JSON(v, "")
		if err != nil {
			return nil, err
		}
		lines = append(append(lines, line...), '\n')
	}
	return lines, nil
}

// send sends one request.
func (o *Outbox) send(ctx context.Context, body []byte, entries []*notify.Entry, errs []error) error {
	type answer struct {
		Items []map[string]struct {
			Status int   `json:"status"`
			SeqNo  int64 `json:"_seq_no"`
			Term   int64 `json:"_primary_term"`
			Error  cause `json:"error"`
		} `json:"items"`
	}
	op := fmt.Sprintf("write %d notifications [%s]", len(entries), o.index)
	a, err := call[answer](ctx, o.client, op, func() esapi.Request {
		return esapi.BulkRequest{Index: o.index, Body: bytes.NewReader(body)}
	})
	if err == nil && len(a.Items) != len(entries) {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Reason: fmt.Sprintf("the answer has %d items", len(a.Items))}
	}
	if err != nil {
		return err
	}
	for i, one := range a.Items {
		for _, r := range one {
			if r.Status < http.StatusMultipleChoices {
				entries[i].Version = mark{r.SeqNo, r.Term}
				continue
			}
			errs[i] = &failure.Error{
				Kind: kindOf(r.Status), Op: "write notification [" + entries[i].ID + "]", Status: r.Status, Type: r.Error.Type, Reason: r.Error.text(),
			}
		}
	}
	return nil
}

// Get implements [notify.Store].
func (o *Outbox) Get(ctx context.Context, ids []string) ([]notify.Entry, error) {
	op := "read notifications [" + o.index + "]"
	var out []notify.Entry
	for part := range slices.Chunk(ids, outboxBatch) {
		docs, err := multiGet[outboxSource](ctx, o.client, op, o.index, map[string]any{"ids": part}, len(part))
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if d.Error != nil && d.Error.Type == "index_not_found_exception" {
				continue // not installed yet
			}
			if err := d.err(op); err != nil {
				return nil, err
			}
			if !d.Found {
				continue
			}
			e, err := notify.DecodeEntry([]byte(d.Source.Entry), mark{d.SeqNo, d.Term})
			if err != nil {
				return nil, err
			}
			out = append(out, e)
		}
	}
	return out, nil
}
