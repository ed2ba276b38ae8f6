package elastic

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
)

const (
	// maxErrorBody bounds how much of an error's body is read: shard failures can make it long.
	maxErrorBody = 1 << 20
	// maxReason bounds a reason, in runes; Elasticsearch may quote a whole query in it.
	maxReason = 1000
)

var errNoAnswer = errors.New("no answer")

// cause is an error in Elasticsearch's form.
type cause struct {
	Type        string         `json:"type"`
	Reason      string         `json:"reason"`
	RootCause   []cause        `json:"root_cause"`
	CausedBy    *cause         `json:"caused_by"`
	FailedShard []shardFailure `json:"failed_shards"`
	// Unsuccessful says what is wrong with credentials, such as an API key that has expired.
	Unsuccessful string `json:"additional_unsuccessful_credentials"`
}

// UnmarshalJSON also accepts errors that are a plain string.
func (c *cause) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &c.Reason)
	}
	type plain cause
	return json.Unmarshal(data, (*plain)(c))
}

// root returns the innermost cause that has a reason.
func (c cause) root() cause {
	if len(c.RootCause) > 0 && c.RootCause[0].Type != "" {
		root := c.RootCause[0]
		if root.Reason == "" || root.Type == c.Type {
			root.CausedBy = cmp.Or(root.CausedBy, c.CausedBy)
		}
		return root
	}
	if len(c.FailedShard) > 0 {
		return c.FailedShard[0].Reason
	}
	if c.Reason == "" && c.CausedBy != nil {
		return c.CausedBy.root()
	}
	return c
}

// text returns the reason, followed by the reasons of its causes.
func (c cause) text() string {
	reason := c.Reason
	for inner := c.CausedBy; inner != nil; inner = inner.CausedBy {
		switch {
		case inner.Reason == "" || strings.Contains(reason, inner.Reason):
		case reason == "":
			reason = inner.Reason
		default:
			reason += ": " + inner.Reason
		}
	}
	return bounded(reason)
}

// bounded shortens a text and joins its lines.
func bounded(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxReason {
		return string(runes[:maxReason]) + "…"
	}
	return text
}

// stopped is the error of a call whose context ended. It is not a failure of the cluster.
func stopped(ctx context.Context, op string) error {
	return fmt.Errorf("%s: %w", op, ctx.Err())
}

// lost returns the typed error of an attempt without a complete answer.
func (c *Client) lost(ctx, limited context.Context, op string, err error) error {
	if ctx.Err() != nil {
		return stopped(ctx, op)
	}
	e := &failure.Error{Kind: failure.Unavailable, Op: op}
	switch {
	case limited.Err() != nil:
		e.Err = fmt.Errorf("%w within %s", errNoAnswer, c.timeout)
	case untrusted(err) || clientRefused(err):
		e.Kind, e.Err = failure.Refused, c.clean(err)
	default:
		e.Err = c.clean(err)
	}
	return e
}

// clean keeps the error chain unless the text contains a secret.
func (c *Client) clean(err error) error {
	if text := c.credentials.scrub(err.Error()); text != err.Error() {
		return errors.New(text)
	}
	return err
}

// untrusted reports whether an error means that TLS could not verify the server.
func untrusted(err error) bool {
	var (
		verification *tls.CertificateVerificationError
		record       tls.RecordHeaderError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
	)
	var pin *FingerprintError
	return errors.As(err, &verification) || errors.As(err, &record) ||
		errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &pin)
}

// clientRefused reports whether the server refused the client in the handshake.
func clientRefused(err error) bool {
	return RefusalOf(err) != NotRefused
}

// refused returns the typed error of an answer with an error status.
func (c *Client) refused(ctx, limited context.Context, op string, r *esapi.Response) error {
	e := &failure.Error{Kind: kindOf(r.StatusCode), Op: op, Status: r.StatusCode}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxErrorBody))
	if err != nil && len(body) == 0 {
		return c.lost(ctx, limited, op, err)
	}
	body = []byte(c.credentials.scrub(string(body))) // as sent: later it is shortened
	var answer struct {
		Error cause `json:"error"`
	}
	if json.Unmarshal(body, &answer) == nil && (answer.Error.Type != "" || answer.Error.Reason != "") {
		root := answer.Error.root()
		e.Type, e.Reason = root.Type, c.credentials.scrub(root.text())
		if root.Unsuccessful != "" {
			e.Reason += ": " + c.credentials.scrub(bounded(root.Unsuccessful))
		}
		return c.from(e, r)
	}
	e.Reason = c.credentials.scrub(bounded(string(body)))
	if e.Reason == "" {
		e.Reason = strings.ToLower(http.StatusText(r.StatusCode))
	}
	return c.from(e, r)
}

// from names the address of an answer, if there are several.
func (c *Client) from(e *failure.Error, r *esapi.Response) *failure.Error {
	if address := r.Header.Get(addressHeader); address != "" && c.several {
		e.Op += " at " + address
	}
	return e
}

// denied marks what kept a read of documents from reading anything: a missing privilege, or a remote cluster.
func denied(request esapi.Request, err error) error {
	var e *failure.Error
	switch {
	case !errors.As(err, &e) || !reads(request):
	case slices.Contains(remoteTypes, e.Type):
		e.Unread = failure.Remote
		if e.Kind == failure.Refused { // with security on, the status is 403, and it is not the user who is refused
			e.Kind = failure.Rejected
		}
	case e.Status == http.StatusForbidden:
		e.Unread = failure.Forbidden
	}
	return err
}

// remoteTypes are the types of errors that a remote cluster is the cause of: it is not known, or none of its nodes answers.
var remoteTypes = []string{noSuchCluster, "no_seed_node_left_exception"}

// reads reports whether a request reads documents.
func reads(r esapi.Request) bool {
	switch r.(type) {
	case searching, esapi.IndicesResolveIndexRequest, esapi.FieldCapsRequest, esapi.OpenPointInTimeRequest, esapi.EsqlAsyncQueryRequest:
		return true
	}
	return false
}

// kindOf returns the kind of an HTTP error status. A redirect does not come from Elasticsearch but from a
// server in its place.
func kindOf(status int) failure.Kind {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		return failure.Unavailable
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status < 400:
		return failure.Refused
	}
	return failure.Rejected
}

// notFound reports whether an error is a 404.
func notFound(err error) bool { return hasStatus(err, http.StatusNotFound) }

// hasStatus reports whether an error is an answer with that HTTP status.
func hasStatus(err error, status int) bool {
	var e *failure.Error
	return errors.As(err, &e) && e.Status == status
}

// notAllowed reports whether an error is a missing privilege of the user.
func notAllowed(err error) bool {
	return hasStatus(err, http.StatusForbidden) || hasStatus(err, http.StatusUnauthorized)
}

// hasType reports whether an error is an answer with that Elasticsearch error type.
func hasType(err error, name string) bool {
	var e *failure.Error
	return errors.As(err, &e) && e.Type == name
}
