package elastic

import (
	"context"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/search"
)

// Load is what the limits of searches have come to, for metrics.
type Load struct {
	// Limit is how many searches may be under way, Running how many are, Waiting how many would like
	// to be.
	Limit, Running, Waiting int
	// Rejected is how often Elasticsearch had too much to do; Slow how often a search took much longer
	// than they used to.
	Rejected, Slow int64
}

// limiter keeps searches within what a cluster bears. It is additive increase, multiplicative
// decrease: each search that goes well lets a little more at once, one that is refused for load
// halves it, one that is slow takes off a tenth. Searches in the background take a quarter of the
// places at most, and none while others wait. A token bucket bounds the rate besides.
type limiter struct {
	mu      sync.Mutex
	limit   float64
	running int
	// behind of those run in the background.
	behind int
	// live and patient are those who wait, first come first served.
	live, patient []chan struct{}
	// searches and queries are what is usual for a search, and for a query in ES|QL, which takes longer.
	searches, queries pace
	// lowered is when the limit was lowered last: what was under way then says nothing new.
	lowered        time.Time
	rejected, slow int64

	rate, tokens float64
	filled       time.Time
}

// pace is the moving average of how long a search of one kind takes.
type pace struct{ usual time.Duration }

const (
	mostSearches  = 64
	firstSearches = 16
	// behindShare is the part of the places that the background may take.
	behindShare = 4
	// slowFactor is how much longer than usual a search takes that counts as slow, from slowLeast on.
	slowFactor = 8
	slowLeast  = 2 * time.Second
)

func newLimiter(rate float64) *limiter {
	return &limiter{limit: firstSearches, rate: rate, tokens: max(1, rate), filled: time.Now()}
}

// enter waits for a place for a search of a kind, and returns how to give it back.
func (l *limiter) enter(ctx context.Context, kind *pace) (leave func(error), err error) {
	background := search.InBackground(ctx)
	if err := l.token(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	if !l.fits(background) {
		ready := make(chan struct{})
		queue := &l.live
		if background {
			queue = &l.patient
		}
		*queue = append(*queue, ready)
		l.mu.Unlock()
		select {
		case <-ready: // whoever let us in has counted us
		case <-ctx.Done():
			l.desert(queue, ready, background)
			return nil, ctx.Err()
		}
	} else {
		l.count(background, 1)
		l.mu.Unlock()
	}
	begun := time.Now()
	return func(err error) { l.leave(kind, background, begun, err) }, nil
}

// desert takes a waiting one out of its queue, who may have been let in just now.
func (l *limiter) desert(queue *[]chan struct{}, ready chan struct{}, background bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range *queue {
		if c == ready {
			*queue = append((*queue)[:i:i], (*queue)[i+1:]...)
			return
		}
	}
	l.count(background, -1)
	l.admit()
}

func (l *limiter) count(background bool, n int) {
	l.running += n
	if background {
		l.behind += n
	}
}

// fits reports whether one more may begin.
func (l *limiter) fits(background bool) bool {
	if !background {
		return l.running < int(l.limit)
	}
	return len(l.live) == 0 && l.running < int(l.limit) && l.behind < max(1, int(l.limit)/behindShare)
}

// admit lets in who waits, as many as fit.
func (l *limiter) admit() {
	for len(l.live) > 0 && l.fits(false) {
		close(l.live[0])
		l.live = l.live[1:]
		l.count(false, 1)
	}
	for len(l.patient) > 0 && l.fits(true) {
		close(l.patient[0])
		l.patient = l.patient[1:]
		l.count(true, 1)
	}
}

func (l *limiter) leave(kind *pace, background bool, begun time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := time.Since(begun)
	slow := err == nil && took > slowLeast && kind.usual > 0 && took > slowFactor*kind.usual
	switch {
	case overloaded(err):
		l.rejected++
		l.lower(begun, 0.5)
	case slow:
		l.slow++
		l.lower(begun, 0.9)
	case err == nil:
		l.limit = min(mostSearches, l.limit+1/l.limit)
	}
	if err == nil {
		if kind.usual == 0 {
			kind.usual = took
		}
		kind.usual += (took - kind.usual) / 16
	}
	l.count(background, -1)
	l.admit()
}

// refuse takes note that a part of what began at a time was refused.
func (l *limiter) refuse(begun time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejected++
	l.lower(begun, 0.5)
}

// lower takes back the limit, once for all searches that were under way together.
func (l *limiter) lower(begun time.Time, factor float64) {
	if begun.Before(l.lowered) {
		return
	}
	l.limit = max(1, l.limit*factor)
	l.lowered = time.Now()
}

// overloaded reports whether a search was refused because the cluster has too much to do.
func overloaded(err error) bool {
	return hasStatus(err, http.StatusTooManyRequests) || hasType(err, "es_rejected_execution_exception") ||
		tooMuch(err)
}

// token takes one out of the bucket, which holds those of a second.
func (l *limiter) token(ctx context.Context) error {
	if l.rate <= 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	l.tokens = math.Min(max(1, l.rate), l.tokens+now.Sub(l.filled).Seconds()*l.rate)
	l.filled = now
	l.tokens-- // into debt, which is the place in the queue
	debt := -l.tokens
	l.mu.Unlock()
	if debt <= 0 {
		return nil
	}
	return wait(ctx, time.Duration(debt/l.rate*float64(time.Second)))
}

func (l *limiter) load() Load {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Load{int(l.limit), l.running, len(l.live) + len(l.patient), l.rejected, l.slow}
}

// searching is a request that is a search: it takes a place of the limits, and its answer is given up when it has more
// than a number of bytes; 0: never. Whoever makes a search makes it so.
type searching struct {
	esapi.Request
	bytes int
}

// Load returns what the limits of searches have come to.
func (c *Client) Load() Load { return c.limit.load() }
