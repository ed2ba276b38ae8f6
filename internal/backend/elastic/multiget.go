package elastic

import (
	"bytes"
	"context"
	"fmt"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

// multiGetDoc is one document of a multi get.
type multiGetDoc[T any] struct {
	ID     string `json:"_id"`
	Index  string `json:"_index"`
	Found  bool   `json:"found"`
	SeqNo  int64  `json:"_seq_no"`
	Term   int64  `json:"_primary_term"`
	Source T      `json:"_source"`
	Error  *cause `json:"error"`
}

// err returns the error of the document; nil if it was found or does not exist.
func (g multiGetDoc[T]) err(op string) error {
	if g.Error == nil {
		return nil
	}
	return &failure.Error{Kind: failure.Unavailable, Op: op, Type: g.Error.Type, Reason: g.Error.text()}
}

// multiGet reads the current versions of n documents, whether refreshed or not. The body names them; index is
// the index of documents without one in the body. An answer with fewer documents is an error.
func multiGet[T any](ctx context.Context, c *Client, op, index string, body map[string]any, n int) ([]multiGetDoc[T], error) {
	text, err := search.JSON(body, "")
	if err != nil {
		return nil, err
	}
	type answer struct {
		Docs []multiGetDoc[T] `json:"docs"`
	}
	a, err := call[answer](ctx, c, op, func() esapi.Request {
		return esapi.MgetRequest{Index: index, Body: bytes.NewReader(text)}
	})
	if err == nil && len(a.Docs) != n {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Reason: fmt.Sprintf("the answer has %d of %d documents", len(a.Docs), n)}
	}
	return a.Docs, err
}
