package elastic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
)

// pagesMemory is the memory, in bytes, for all pages of documents that are held at the same time.
const pagesMemory = 48 << 20

const (
	// minPages is the minimum number of pages that the memory is divided by: larger pages save no time.
	minPages = 6
	// maxPages is the maximum number of pages that the memory is divided by.
	maxPages = 48
	// firstSize is the size of a page of documents of unknown size; fastest is the maximum growth from one
	// page to the next.
	firstSize, fastest = 100, 4
)

// pageMemory counts the pages that may be held at the same time, and remembers the size of documents by
// patterns. The zero value is ready to use, and safe for concurrent use.
type pageMemory struct {
	// memory replaces pagesMemory in tests; 0: pagesMemory.
	memory int

	mu      sync.Mutex
	pages   int
	weights map[string]weight
}

// weight is the average size of a document of a page, in bytes.
type weight struct {
	bytes int
	noted time.Time
}

// begin reserves pages until the returned function is called.
func (h *pageMemory) begin(pages int) (end func()) {
	h.add(pages)
	return sync.OnceFunc(func() { h.add(-pages) })
}

func (h *pageMemory) add(pages int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages += pages
}

// share returns the current target size of a page, in bytes.
func (h *pageMemory) share() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all() / min(max(h.pages, minPages), maxPages)
}

func (h *pageMemory) all() int { return cmp.Or(h.memory, pagesMemory) }

// together returns the maximum size of the answers to several searches in one request, in bytes.
func (h *pageMemory) together() int { return h.all() * 2 / 3 }

// limit returns the number of bytes after which a page is given up and requested again with fewer documents.
func (h *pageMemory) limit() int { return 2 * h.share() }

// note remembers the size of the documents of a page.
func (h *pageMemory) note(patterns []string, documents, bytes int) {
	if documents == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.weights == nil {
		h.weights = map[string]weight{}
	}
	h.weights[strings.Join(patterns, ",")] = weight{max(1, bytes/documents), time.Now()}
}

// weight returns the average size of a document of the last page, in bytes; 0 if unknown.
func (h *pageMemory) weight(patterns []string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.weights[strings.Join(patterns, ",")]
	if time.Since(known.noted) > pageLimitAge {
		return 0
	}
	return known.bytes
}

// size returns the number of documents for the next page, at most wanted, after a page of last documents; 0:
// no page was read.
func (h *pageMemory) size(patterns []string, wanted, last int) int {
	bytes := h.weight(patterns)
	switch {
	case bytes > 0:
		wanted = min(wanted, max(1, h.share()/bytes))
	case last == 0:
		wanted = min(wanted, firstSize)
	}
	if last > 0 {
		wanted = min(wanted, fastest*last)
	}
	return wanted
}

// errTooLong is the error for an answer that exceeds its limit.
var errTooLong = errors.New("the answer is too long")

func tooLong(bytes int) error { return fmt.Errorf("%w: more than %d bytes", errTooLong, bytes) }

// upTo returns a reader that fails after most bytes; 0: no limit.
func upTo(body io.Reader, most int) io.Reader {
	if most == 0 {
		return body
	}
	return &cut{body: body, most: most, left: most}
}

type cut struct {
	body       io.Reader
	most, left int
}

func (c *cut) Read(p []byte) (int, error) {
	n, err := c.body.Read(p[:min(len(p), c.left+1)])
	if n > c.left {
		return 0, tooLong(c.most)
	}
	c.left -= n
	return n, err //nolint:wrapcheck // it is the error of the answer
}

// page requests that many documents. If the page exceeds the memory of the cluster, even on some shards only,
// or of the process, the error is not retried, unless the page is one document.
func (c *Client) page(ctx context.Context, op string, documents int, request func() esapi.Request) (page, error) {
	if documents <= 1 {
		return call[page](ctx, c, op, func() esapi.Request { return searching{request(), 0} })
	}
	better := func(err error) bool { return outOfMemory(err) || errors.Is(err, errTooLong) }
	limit := c.pageMemory.limit()
	a, err := callUnless[page](ctx, c, op, better, func() esapi.Request { return searching{request(), limit} })
	if err == nil && shardsOutOfMemory(a.Shards) {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Type: circuitBroken}
	}
	return a, err
}
