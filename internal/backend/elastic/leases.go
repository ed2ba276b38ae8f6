package elastic

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger/lease"
	"tocsin/internal/search"
)

const (
	leasesPrefix = "tocsin-leases-"
	// leaseID is the id of the only document.
	leaseID = "runners"
)

// Leases stores the leases of one namespace: one document in an index of its own, written with optimistic
// concurrency control. It is safe for concurrent use.
type Leases struct {
	client *Client
	index  string
}

var _ lease.Store = (*Leases)(nil)

// NewLeases returns the leases of a namespace, which becomes part of an index name.
func NewLeases(c *Client, namespace string) (*Leases, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, err
	}
	return &Leases{client: c, index: leasesPrefix + namespace}, nil
}

// Install creates the index if it does not exist.
func (l *Leases) Install(ctx context.Context) error {
	return l.client.createIndex(ctx, l.index, l.definition())
}

func (l *Leases) definition() map[string]any {
	return map[string]any{
		"settings": map[string]any{"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1", "index.hidden": true},
		"mappings": l.mappings(),
	}
}

func (l *Leases) mappings() map[string]any {
	return map[string]any{"dynamic": false, "_meta": templateMeta(), "properties": map[string]any{"epoch": map[string]any{"type": "long"}}}
}

// Load implements [lease.Store]. It reads the current document, whether refreshed or not.
func (l *Leases) Load(ctx context.Context) (lease.State, error) {
	type answer struct {
		Found  bool        `json:"found"`
		SeqNo  int64       `json:"_seq_no"`
		Term   int64       `json:"_primary_term"`
		Source lease.State `json:"_source"`
	}
	a, err := call[answer](ctx, l.client, "read the leases ["+l.index+"]", func() esapi.Request {
		return esapi.GetRequest{Index: l.index, DocumentID: leaseID}
	})
	if notFound(err) {
		return lease.State{}, nil
	}
	if err == nil && !a.Found {
		err = &failure.Error{Kind: failure.Unavailable, Op: "read the leases [" + l.index + "]", Err: fmt.Errorf("%w: the document is missing", errIncomplete)}
	}
	if err != nil {
		return lease.State{}, err
	}
	a.Source.Version = mark{a.SeqNo, a.Term}
	return a.Source, nil
}

// Save implements [lease.Store]. A request whose answer is lost is not repeated: the next beat saves again.
func (l *Leases) Save(ctx context.Context, s *lease.State) error {
	type answer struct {
		SeqNo int64 `json:"_seq_no"`
		Term  int64 `json:"_primary_term"`
	}
	body, err := search.JSON(s, "")
	if err != nil {
		return err
	}
	request := esapi.IndexRequest{Index: l.index, DocumentID: leaseID, Body: bytes.NewReader(body), OpType: "create"}
	if m, known := s.Version.(mark); known {
		seqNo, term := int(m.seqNo), int(m.term)
		request.OpType, request.IfSeqNo, request.IfPrimaryTerm = "index", &seqNo, &term
	}
	a, err := try[answer](ctx, l.client, "write the leases ["+l.index+"]", request)
	if hasStatus(err, http.StatusConflict) {
		return lease.ErrChanged
	}
	if err == nil {
		s.Version = mark{a.SeqNo, a.Term}
	}
	return err
}
