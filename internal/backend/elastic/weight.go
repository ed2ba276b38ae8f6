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

// pagesMemory is how many bytes all pages of documents that are held at the same time are meant to have.
const pagesMemory = 48 << 20

const (
	// fewestPages is the number of pages that share the memory however few there are: larger ones save no time.
	fewestPages = 6
	// mostPages is the number of pages from which on none gets less.
	mostPages = 48
	// firstSize is the size of a page of documents of which nobody knows how large they are, and fastest how much
	// larger than the page before one may be.
	firstSize, fastest = 100, 4
)

// holdings counts the pages that may be held at the same time, and remembers, by patterns, how large documents are.
// The zero value is ready to use, and safe for concurrent use.
type holdings struct {
	// memory is for tests; 0: pagesMemory.
	memory int

	mu      sync.Mutex
	pages   int
	weights map[string]weight
}

// weight is what a document of a page had, in bytes.
type weight struct {
	bytes int
	noted time.Time
}

// begin announces so many pages, until the end is called.
func (h *holdings) begin(pages int) (end func()) {
	h.add(pages)
	return sync.OnceFunc(func() { h.add(-pages) })
}

func (h *holdings) add(pages int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages += pages
}

// share is how many bytes a page is meant to have now.
func (h *holdings) share() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all() / min(max(h.pages, fewestPages), mostPages)
}

func (h *holdings) all() int { return cmp.Or(h.memory, pagesMemory) }

// together is how many bytes the answers to several searches at once may have.
func (h *holdings) together() int { return h.all() * 2 / 3 }

// limit is how many bytes of a page are read before it is asked for again, smaller.
func (h *holdings) limit() int { return 2 * h.share() }

// note remembers a page of so many documents.
func (h *holdings) note(patterns []string, documents, bytes int) {
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

// weight is what a document of the last page was, in bytes, 0 where nobody knows.
func (h *holdings) weight(patterns []string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := h.weights[strings.Join(patterns, ",")]
	if time.Since(known.noted) > bearableFor {
		return 0
	}
	return known.bytes
}

// size is how many documents a page may have, at most as many as are wanted, after one of so many: 0 where there was
// none.
func (h *holdings) size(patterns []string, wanted, last int) int {
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

// errTooLong is what an answer is given up with that has more bytes than it may.
var errTooLong = errors.New("the answer is too long")

func tooLong(bytes int) error { return fmt.Errorf("%w: it has more than %d bytes", errTooLong, bytes) }

// upTo reads an answer that is an error once it has more bytes than most, unless that is 0.
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
	return n, err //nolint:wrapcheck // it is that of the answer
}

// page asks for so many documents. More than the cluster has the memory for, be it on some shards, and more than we
// have, is an error that is not tried again, unless it is one document.
func (c *Client) page(ctx context.Context, op string, documents int, request func() esapi.Request) (page, error) {
	if documents <= 1 {
		return call[page](ctx, c, op, func() esapi.Request { return searching{request(), 0} })
	}
	better := func(err error) bool { return tooMuch(err) || errors.Is(err, errTooLong) }
	limit := c.held.limit()
	a, err := callUnless[page](ctx, c, op, better, func() esapi.Request { return searching{request(), limit} })
	if err == nil && brokeCircuit(a.Shards) {
		err = &failure.Error{Kind: failure.Unavailable, Op: op, Type: circuitBroken}
	}
	return a, err
}
