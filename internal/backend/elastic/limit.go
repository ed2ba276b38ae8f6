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

// Load reports the state of the search limits, for metrics.
type Load struct {
	// Limit is the maximum number of concurrent searches, Running the number that run, Waiting the number in
	// the queues.
	Limit, Running, Waiting int
	// Rejected counts searches that Elasticsearch rejected because of load; Slow counts searches that took
	// much longer than usual.
	Rejected, Slow int64
}

// limiter limits the concurrent searches to what the cluster can handle, by additive increase and
// multiplicative decrease: each successful search raises the limit a little, a search rejected because of
// load halves it, a slow search lowers it by a tenth. Background searches get at most a quarter of the
// places, and none while others wait. A token bucket also limits the rate.
type limiter struct {
	mu      sync.Mutex
	limit   float64
	running int
	// inBackground is how many of the running searches are in the background.
	inBackground int
	// liveQueue and patient are the queues of live and background searches, first come, first served.
	liveQueue, backgroundQueue []chan struct{}
	// searches and queries hold the usual times of searches, and of ES|QL queries, which take longer.
	searches, queries pace
	// lowered is when the limit was last lowered: the outcome of searches that began earlier does not lower
	// it again.
	lowered        time.Time
	rejected, slow int64

	rate, tokens float64
	filled       time.Time
}

// pace is the moving average of the time of one kind of search.
type pace struct{ usual time.Duration }

const (
	mostSearches  = 64
	firstSearches = 16
	// backgroundShare: background searches get at most the limit divided by it.
	backgroundShare = 4
	// slowFactor: a search that takes that many times the usual time is slow, if it takes at least slowLeast.
	slowFactor = 8
	slowLeast  = 2 * time.Second
)

func newLimiter(rate float64) *limiter {
	return &limiter{limit: firstSearches, rate: rate, tokens: max(1, rate), filled: time.Now()}
}

// enter waits for a place for a search of a kind. The returned function releases the place, given the error
// of the search.
func (l *limiter) enter(ctx context.Context, kind *pace) (leave func(error), err error) {
	background := search.InBackground(ctx)
	if err := l.token(ctx); err != nil {
		return nil, err
	}
	l.mu.Lock()
	if !l.fits(background) {
		ready := make(chan struct{})
		queue := &l.liveQueue
		if background {
			queue = &l.backgroundQueue
		}
		*queue = append(*queue, ready)
		l.mu.Unlock()
		select {
		case <-ready: // admit has counted this search
		case <-ctx.Done():
			l.abandon(queue, ready, background)
			return nil, ctx.Err()
		}
	} else {
		l.count(background, 1)
		l.mu.Unlock()
	}
	begun := time.Now()
	return func(err error) { l.leave(kind, background, begun, err) }, nil
}

// abandon removes a waiting search from its queue; it may have been admitted a moment ago.
func (l *limiter) abandon(queue *[]chan struct{}, ready chan struct{}, background bool) {
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
		l.inBackground += n
	}
}

// fits reports whether one more search may start.
func (l *limiter) fits(background bool) bool {
	if !background {
		return l.running < int(l.limit)
	}
	return len(l.liveQueue) == 0 && l.running < int(l.limit) && l.inBackground < max(1, int(l.limit)/backgroundShare)
}

// admit starts as many waiting searches as fit.
func (l *limiter) admit() {
	for len(l.liveQueue) > 0 && l.fits(false) {
		close(l.liveQueue[0])
		l.liveQueue = l.liveQueue[1:]
		l.count(false, 1)
	}
	for len(l.backgroundQueue) > 0 && l.fits(true) {
		close(l.backgroundQueue[0])
		l.backgroundQueue = l.backgroundQueue[1:]
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

// refuse records that a part of a request that began at the given time was rejected because of load.
func (l *limiter) refuse(begun time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rejected++
	l.lower(begun, 0.5)
}

// lower multiplies the limit by factor, once for all searches that ran at the same time.
func (l *limiter) lower(begun time.Time, factor float64) {
	if begun.Before(l.lowered) {
		return
	}
	l.limit = max(1, l.limit*factor)
	l.lowered = time.Now()
}

// overloaded reports whether a search was rejected because the cluster is overloaded.
func overloaded(err error) bool {
	return hasStatus(err, http.StatusTooManyRequests) || hasType(err, "es_rejected_execution_exception") ||
		outOfMemory(err)
}

// token takes a token from the bucket, which holds the tokens of one second.
func (l *limiter) token(ctx context.Context) error {
	if l.rate <= 0 {
		return nil
	}
	l.mu.Lock()
	now := time.Now()
	l.tokens = math.Min(max(1, l.rate), l.tokens+now.Sub(l.filled).Seconds()*l.rate)
	l.filled = now
	l.tokens-- // a negative number is the position in the queue
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
	return Load{int(l.limit), l.running, len(l.liveQueue) + len(l.backgroundQueue), l.rejected, l.slow}
}

// searching marks a request as a search: it takes a place of the limits, and an answer of more bytes than the
// given number is an error; 0: no limit. Every code that makes a search must set it.
type searching struct {
	esapi.Request
	bytes int
}

// Load returns the state of the search limits.
func (c *Client) Load() Load { return c.limit.load() }
