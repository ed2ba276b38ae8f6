package elastic

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

const (
	// submitWait is how long the call that starts a query waits for its end. During that time the query
	// cannot be cancelled: its id is not known before the call returns.
	submitWait = 2 * time.Second
	// pollWait is how long a call for the answer waits for it.
	pollWait = 10 * time.Second
	// queryKept is how long Elasticsearch keeps a query after the last call about it: the minimum that it
	// accepts.
	queryKept = time.Minute
)

// RunESQL starts the query asynchronously and polls until it ends. Then the stored result is deleted;
// deleting a query that still runs cancels it.
func (c *Client) RunESQL(ctx context.Context, q search.ESQLQuery) (search.Rows, error) {
	const op = "run ES|QL"
	if ctx.Err() != nil {
		return search.Rows{}, stopped(ctx, op)
	}
	leave, err := c.limit.enter(ctx, &c.limit.queries) // until the answer arrives: the query runs all that time
	if err != nil {
		return search.Rows{}, stopped(ctx, op)
	}
	defer func() { leave(err) }()
	a, err := c.submit(ctx, op, q)
	defer func() {
		if a.ID != "" {
			c.deleteQuery(ctx, a.ID)
		}
	}()
	for err == nil && a.Running {
		if ctx.Err() != nil {
			err = stopped(ctx, op)
			return search.Rows{}, err
		}
		a, err = c.poll(ctx, op, a)
	}
	if err != nil {
		return search.Rows{}, queryError(err)
	}
	return a.rows(), a.damage(op)
}

// submit starts a query. The call outlives ctx for a short time: without its id, the query could not be
// cancelled.
func (c *Client) submit(ctx context.Context, op string, q search.ESQLQuery) (esqlAnswer, error) {
	wait := min(submitWait, c.timeout/2)
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	body := q.Body()
	body["wait_for_completion_timeout"] = milliseconds(wait)
	body["keep_alive"] = milliseconds(queryKept)
	body["keep_on_completion"] = false
	data, err := search.JSON(body, "")
	if err != nil {
		return esqlAnswer{}, err //nolint:wrapcheck // the error names the operation
	}
	longer, end := outlive(ctx, submitWait+closeTimeout)
	defer end()
	yes := true // rows of healthy shards are useful when others fail
	a, err := call[esqlAnswer](longer, c, op, func() esapi.Request {
		return esapi.EsqlAsyncQueryRequest{Body: bytes.NewReader(data), AllowPartialResults: &yes}
	})
	if err != nil && ctx.Err() != nil {
		err = stopped(ctx, op)
	}
	return a, err
}

// poll requests the answer of a running query; the returned answer always has the id.
func (c *Client) poll(ctx context.Context, op string, a esqlAnswer) (esqlAnswer, error) {
	id := a.ID
	a, err := call[esqlAnswer](ctx, c, op, func() esapi.Request {
		return esapi.EsqlAsyncQueryGetRequest{
			DocumentID: id, KeepAlive: queryKept, WaitForCompletionTimeout: min(pollWait, c.timeout/2),
		}
	})
	a.ID = id
	return a, err
}

// deleteQuery deletes a query and its result, even if ctx has ended.
func (c *Client) deleteQuery(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_, err := call[struct{}](ctx, c, "cancel ES|QL", func() esapi.Request {
		return esapi.EsqlAsyncQueryDeleteRequest{DocumentID: id}
	})
	if err != nil && !notFound(err) {
		c.log.WarnContext(ctx, "ES|QL query could not be cancelled", "id", id, "error", err)
	}
}

// outlive returns a context that ends some time after ctx, and the function that releases it.
func outlive(ctx context.Context, by time.Duration) (context.Context, func()) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if wait(out, by) == nil {
			cancel()
		}
	})
	return out, func() {
		stop()
		cancel()
	}
}

func milliseconds(d time.Duration) string {
	return strconv.FormatInt(max(1, d.Milliseconds()), 10) + "ms"
}

// esqlAnswer is the answer of _query/async.
type esqlAnswer struct {
	ID       string          `json:"id"`
	Running  bool            `json:"is_running"`
	Partial  bool            `json:"is_partial"`
	Took     int64           `json:"took"`
	Columns  []search.Column `json:"columns"`
	Values   [][]any         `json:"values"`
	Clusters struct {
		Details map[string]struct {
			Status   string         `json:"status"`
			Failures []shardFailure `json:"failures"`
		} `json:"details"`
	} `json:"_clusters"`
	warnings []string
}

// warning matches a Warning header: code, agent, quoted text.
var warning = regexp.MustCompile(`^\d{3} \S+ "((?:[^"\\]|\\.)*)"`)

// readHeader reads the warnings.
func (a *esqlAnswer) readHeader(h http.Header) {
	for _, line := range h.Values("Warning") {
		if m := warning.FindStringSubmatch(line); m != nil {
			line = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[1])
		}
		if !slices.Contains(a.warnings, line) {
			a.warnings = append(a.warnings, bounded(line))
		}
	}
}

func (a *esqlAnswer) rows() search.Rows {
	return search.Rows{
		Columns: a.Columns, Values: a.Values, Warnings: a.warnings, Took: time.Duration(a.Took) * time.Millisecond,
	}
}

// damage returns a failure of kind Partial if the rows are incomplete.
func (a *esqlAnswer) damage(op string) error {
	if !a.Partial {
		return nil
	}
	var parts, remote []string
	why := failure.Shards
	for _, name := range slices.Sorted(maps.Keys(a.Clusters.Details)) {
		detail := a.Clusters.Details[name]
		if detail.Status == "skipped" || detail.Status == "failed" {
			remote = append(remote, name)
		}
		for _, f := range detail.Failures {
			reason := "shards failed: " + f.Reason.root().Type + ": " + f.Reason.root().text()
			if !slices.Contains(parts, reason) && len(parts) < maxReasons {
				parts = append(parts, reason)
			}
		}
	}
	if len(remote) > 0 {
		parts = append(parts, "clusters did not answer: "+some(remote))
		why = failure.Remote
	}
	if parts == nil {
		parts = []string{"Elasticsearch says that its answer is not whole"}
	}
	return &failure.Error{Kind: failure.Partial, Op: op, Unread: why, Reason: strings.Join(parts, "; ")}
}

// problem matches the position that begins a message of Elasticsearch.
var problem = regexp.MustCompile(`(?:^|\s)line (\d+):(\d+): `)

// queryError turns the rejection of a query's text into a QueryError with the positions in its messages.
func queryError(err error) error {
	var refusal *failure.Error
	if !errors.As(err, &refusal) || refusal.Status != http.StatusBadRequest {
		return err
	}
	switch refusal.Type {
	case "verification_exception", "parsing_exception":
	case "kql_parsing_exception": // its positions are in the text of the function's argument
		return &search.QueryError{Problems: []search.Problem{{Message: "the text of KQL(): " + refusal.Reason}}, Err: err}
	default:
		return err
	}
	places := problem.FindAllStringSubmatchIndex(refusal.Reason, -1)
	if len(places) == 0 {
		return err
	}
	out := &search.QueryError{Err: err}
	for i, at := range places {
		end := len(refusal.Reason)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		line, _ := strconv.Atoi(refusal.Reason[at[2]:at[3]])
		column, _ := strconv.Atoi(refusal.Reason[at[4]:at[5]])
		out.Problems = append(out.Problems, search.Problem{Line: line, Column: column, Message: strings.TrimSpace(refusal.Reason[at[1]:end])})
	}
	return out
}
