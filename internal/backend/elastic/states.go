package elastic

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

// statesID is the id of the document with the states of the service, in the index of the leases.
const statesID = "states"

// statesTries is how often a document that others write at the same time is written.
const statesTries = 20

// States stores the states of the service of one namespace: one document beside the leases, written with optimistic concurrency control.
// It is safe for concurrent use.
type States struct{ leases *Leases }

// States returns the store of the states in the index of the leases.
func (l *Leases) States() States { return States{l} }

// Update replaces the document by what change makes of it, if nobody else has written in between; else it begins again. The first document
// is nil. Of a change that returns nil, nothing is written.
func (s States) Update(ctx context.Context, change func(old []byte) ([]byte, error)) error {
	for range statesTries {
		old, m, found, err := s.read(ctx)
		if err != nil {
			return err
		}
		data, err := change(old)
		if err != nil || data == nil {
			return err
		}
		if err := s.write(ctx, data, m, found); !hasStatus(err, http.StatusConflict) {
			return err
		}
	}
	return &failure.Error{Kind: failure.Unavailable, Op: s.op("write"), Reason: "others write them at the same time"}
}

func (s States) op(verb string) string {
	return verb + " the states of the service [" + s.leases.index + "]"
}

// statesSource is the document. Its content is a text, so that it is mapped as nothing.
type statesSource struct {
	States string `json:"states"`
}

func (s States) read(ctx context.Context) (data []byte, m mark, found bool, err error) {
	type answer struct {
		Found  bool         `json:"found"`
		SeqNo  int64        `json:"_seq_no"`
		Term   int64        `json:"_primary_term"`
		Source statesSource `json:"_source"`
	}
	a, err := call[answer](ctx, s.leases.client, s.op("read"), func() esapi.Request {
		return esapi.GetRequest{Index: s.leases.index, DocumentID: statesID}
	})
	if notFound(err) {
		return nil, m, false, nil
	}
	if err == nil && !a.Found {
		err = &failure.Error{Kind: failure.Unavailable, Op: s.op("read"), Err: fmt.Errorf("%w: the document is missing", errIncomplete)}
	}
	return []byte(a.Source.States), mark{a.SeqNo, a.Term}, err == nil, err
}

func (s States) write(ctx context.Context, data []byte, m mark, found bool) error {
	body, err := search.JSON(statesSource{string(data)}, "")
	if err != nil {
		return err
	}
	request := esapi.IndexRequest{Index: s.leases.index, DocumentID: statesID, Body: bytes.NewReader(body), OpType: "create"}
	if found {
		seqNo, term := int(m.seqNo), int(m.term)
		request.OpType, request.IfSeqNo, request.IfPrimaryTerm = "index", &seqNo, &term
	}
	_, err = try[struct{}](ctx, s.leases.client, s.op("write"), request)
	return err
}

// probeID is the id of a document that is never written.
const probeID = "tocsin-writable-probe"

// Writable returns why alerts cannot be written: their index is blocked, or a privilege is missing. It sends what is not JSON, which
// Elasticsearch finds out only when it could write it: nothing is ever written, and no other privilege is needed than for alerts.
func (a *Alerts) Writable(ctx context.Context) error {
	yes := true
	return a.client.writable(ctx, "write alerts ["+a.alias+"]", esapi.CreateRequest{Index: a.alias, RequireAlias: &yes})
}

// Writable returns why notifications cannot be stored, as [Alerts.Writable] does.
func (o *Outbox) Writable(ctx context.Context) error {
	op := "write notifications [" + o.index + "]"
	// Where the index is missing, a write would make one.
	there, err := o.client.exists(ctx, o.index)
	switch {
	case err != nil:
		return err
	case !there:
		return &failure.Error{Kind: failure.Rejected, Op: op, Status: http.StatusNotFound, Type: "index_not_found_exception", Reason: "the index is missing"}
	}
	return o.client.writable(ctx, op, esapi.CreateRequest{Index: o.index})
}

func (c *Client) writable(ctx context.Context, op string, probe esapi.CreateRequest) error {
	probe.DocumentID, probe.Body, probe.Pipeline = probeID, strings.NewReader(`{"`), "_none"
	_, err := try[struct{}](ctx, c, op, probe)
	if hasType(err, "document_parsing_exception") || hasType(err, "mapper_parsing_exception") {
		return nil
	}
	return err
}
