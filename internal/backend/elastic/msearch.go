package elastic

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/event"
	"tocsin/internal/search"
)

var (
	_ search.Multi       = (*Client)(nil)
	_ search.Snapshotter = (*Client)(nil)
)

// firstPage is the number of hits of one search in an _msearch; a search with more hits is made separately.
const firstPage = 100

// FirstPages reads the first pages of several searches with one _msearch. They have no common point in time,
// so reading beyond the first page needs a new search. Elasticsearch rejects the whole request for one search
// that it cannot parse; then each half is sent separately. The same happens if the answer is too large for
// the memory of the cluster, which is remembered as a page size, or of the process.
func (c *Client) FirstPages(ctx context.Context, requests []search.Request) []search.FirstPage {
	if most := c.pageLimits.of(together); most > 0 && most < len(requests) {
		out := make([]search.FirstPage, 0, len(requests))
		for part := range slices.Chunk(requests, most) {
			out = append(out, c.FirstPages(ctx, part)...)
		}
		return out
	}
	out := make([]search.FirstPage, len(requests))
	var body bytes.Buffer
	var asked []int
	for i, r := range requests {
		patterns := tidy(r.Patterns)
		if len(patterns) == 0 {
			continue // without patterns, Elasticsearch searches every index
		}
		if out[i].Err = writeItem(&body, patterns, r, c.firstPage(r, len(requests))); out[i].Err == nil {
			asked = append(asked, i)
		}
	}
	if len(asked) == 0 {
		return out
	}
	responses, err := c.multiSearch(ctx, body.Bytes(), len(asked))
	if len(requests) > 1 && (failure.KindOf(err) == failure.Rejected || outOfMemory(err) || errors.Is(err, errTooLong)) {
		half := len(requests) / 2
		if outOfMemory(err) {
			c.pageLimits.note(together, half)
			c.log.WarnContext(ctx, "multi-search exceeded the memory of the cluster and was split", "searches", half)
		}
		return append(c.FirstPages(ctx, requests[:half]), c.FirstPages(ctx, requests[half:])...)
	}
	for n, i := range asked {
		if out[i].Err = err; err != nil {
			c.rememberSmaller(requests[i], outOfMemory(err), len(requests))
			continue
		}
		out[i] = c.first(responses[n], requests[i])
		out[i].Err = c.noticeUnsearched(out[i].Err)
		c.pageMemory.note(tidy(requests[i].Patterns), len(out[i].Events), sourceBytes(out[i].Events))
		c.rememberSmaller(requests[i], responses[n].tooMuch(), len(requests))
	}
	return out
}

// together is the key of multi-searches among the sizes by patterns: no pattern is empty.
var together = []string{""}

// firstPage returns the size of a first page among that many together, so that both the cluster and the
// process have enough memory.
func (c *Client) firstPage(r search.Request, together int) int {
	size := min(firstPage, r.Size())
	if most := c.pageLimits.of(tidy(r.Patterns)); most > 0 {
		size = min(size, most)
	}
	if bytes := c.pageMemory.weight(tidy(r.Patterns)); bytes > 0 {
		size = min(size, max(1, c.pageMemory.together()/together/bytes))
	}
	return size
}

// sourceBytes returns the total size of the documents.
func sourceBytes(events []event.Event) int {
	sum := 0
	for i := range events {
		sum += len(events[i].Source)
	}
	return sum
}

// rememberSmaller remembers a smaller page size after a first page that was too large: the separate search begins with
// it.
func (c *Client) rememberSmaller(r search.Request, tooMuch bool, together int) {
	if size := c.firstPage(r, together); tooMuch && size > 1 {
		c.pageLimits.note(tidy(r.Patterns), size/2)
	}
}

func (m multiItem) tooMuch() bool {
	return m.Status >= 300 && outOfMemory(m.failure("")) || shardsOutOfMemory(m.Shards)
}

func (c *Client) multiSearch(ctx context.Context, body []byte, n int) ([]multiItem, error) {
	op := "answer " + strconv.Itoa(n) + " searches"
	begun := time.Now()
	better := func(err error) bool { return outOfMemory(err) || errors.Is(err, errTooLong) }
	answer, err := callUnless[multiAnswer](ctx, c, op, better, func() esapi.Request {
		return searching{esapi.MsearchRequest{Body: bytes.NewReader(body)}, c.pageMemory.together()}
	})
	if err == nil && len(answer.Responses) != n {
		err = &failure.Error{
			Kind: failure.Unavailable, Op: op, Reason: "the answer has " + strconv.Itoa(len(answer.Responses)) + " parts",
		}
	}
	if slices.ContainsFunc(answer.Responses, multiItem.overloaded) {
		c.limit.refuse(begun) // the request as a whole has succeeded
	}
	return answer.Responses, err
}

func (m multiItem) overloaded() bool { return m.Status >= 300 && overloaded(m.failure("")) }

// failure returns the error of the item.
func (m multiItem) failure(op string) error {
	root := m.Error.root()
	e := &failure.Error{Kind: kindOf(m.Status), Op: op, Status: m.Status, Type: root.Type, Reason: root.text()}
	return denied(searching{}, e)
}

// multiAnswer is the answer of _msearch, in order.
type multiAnswer struct {
	Responses []multiItem `json:"responses"`
}

// multiItem is the answer to one search, or its error.
type multiItem struct {
	page
	Status int   `json:"status"`
	Error  cause `json:"error"`
}

func (c *Client) first(m multiItem, r search.Request) search.FirstPage {
	op := "search [" + shown(tidy(r.Patterns)) + "]"
	if m.Status >= 300 {
		return search.FirstPage{Err: m.failure(op)}
	}
	f := search.FirstPage{Result: search.Result{Total: m.total(), Took: time.Duration(m.Took) * time.Millisecond, Pages: 1}}
	f.Events = make([]event.Event, len(m.Hits.Hits))
	for i, h := range m.Hits.Hits {
		f.Events[i] = h.event(r)
	}
	d := c.expecting(tidy(r.Patterns), true)
	d.add(m.Shards, m.TimedOut, m.Clusters)
	f.Err = d.err(op)
	return f
}

// writeItem writes the two lines of a search.
func writeItem(b *bytes.Buffer, patterns []string, r search.Request, size int) error {
	query := r.Body()
	query["size"] = size
	for _, line := range []any{
		map[string]any{"index": patterns, "ignore_unavailable": true, "allow_no_indices": true, "allow_partial_search_results": true},
		query,
	} {
		data, err := search.JSON(line, "")
		if err != nil {
			return err //nolint:wrapcheck // the error names the operation
		}
		b.Write(append(data, '\n'))
	}
	return nil
}
