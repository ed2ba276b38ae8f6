package elastic

import (
	"context"
	"net/http"
)

// NewWithTransport is New over something else than HTTP, for tests in which time stands still.
func NewWithTransport(cfg Config, rt http.RoundTripper) (*Client, error) { return newClient(cfg, rt) }

// The limits of searches, for tests in which time stands still.
const (
	FirstSearches = firstSearches
	MostSearches  = mostSearches
	BehindShare   = behindShare
)

// NewLimiter returns the limits of a client.
func NewLimiter(rate float64) *limiter { return newLimiter(rate) }

// Enter waits for a place.
func (l *limiter) Enter(ctx context.Context) (func(error), error) { return l.enter(ctx) }

// Load is Client.Load.
func (l *limiter) Load() Load { return l.load() }

// ForgetRights makes a client ask for its rights anew, and for what may be read by now of patterns that could be read in
// part, as it does once a minute.
func ForgetRights(c *Client) {
	c.rights.forget()
	c.known.forget()
}

// SetPagesMemory sets what all pages may have, and returns how much is read of an answer to a search, while few
// pages are held, and to several searches.
func SetPagesMemory(c *Client, bytes int) (page, together int) {
	c.held.memory = bytes
	return c.held.limit(), c.held.together()
}

// Holdings is what a client knows of pages.
type Holdings struct{ of holdings }

// Begin announces pages.
func (h *Holdings) Begin(pages int) func() { return h.of.begin(pages) }

// Share is what each may have.
func (h *Holdings) Share() int { return h.of.share() }
