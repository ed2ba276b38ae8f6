package elastic_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/search"
)

var errBusy = &failure.Error{Kind: failure.Unavailable, Op: "search", Status: 429, Type: "es_rejected_execution_exception"}

// TestLimit: the limit grows with successful searches, and halves once for searches that are rejected
// together.
func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := elastic.NewLimiter(0)
		search := func(n int, err error) {
			var leaves []func(error)
			for range n {
				leave, stop := l.Enter(t.Context())
				if stop != nil {
					t.Fatal(stop)
				}
				leaves = append(leaves, leave)
			}
			time.Sleep(10 * time.Millisecond)
			for _, leave := range leaves {
				leave(err)
			}
		}
		search(elastic.FirstSearches, nil)
		if got := l.Load(); got.Limit != elastic.FirstSearches {
			t.Errorf("a round of searches that went well: %+v", got) // not quite one more
		}
		for range 200 {
			search(elastic.FirstSearches, nil)
		}
		if got := l.Load(); got.Limit != elastic.MostSearches || got.Running != 0 {
			t.Errorf("after many: %+v", got)
		}
		time.Sleep(time.Millisecond)
		search(20, errBusy)
		if got := l.Load(); got.Limit != elastic.MostSearches/2 || got.Rejected != 20 {
			t.Errorf("refused together: %+v", got)
		}
		for range 10 {
			time.Sleep(time.Millisecond)
			search(1, errBusy)
		}
		if got := l.Load(); got.Limit != 1 {
			t.Errorf("refused again and again: %+v", got)
		}
	})
}

// TestLimitSlow: searches that take much longer than they used to are a sign of load.
func TestLimitSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := elastic.NewLimiter(0)
		for _, took := range []time.Duration{100 * time.Millisecond, 100 * time.Millisecond, 5 * time.Second} {
			leave, err := l.Enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(took)
			leave(nil)
		}
		if got := l.Load(); got.Slow != 1 || got.Limit >= elastic.FirstSearches {
			t.Errorf("%+v", got)
		}
	})
}

// TestLimitOfESQL: a query has one place until its answer arrives, however often it is polled; whether it is
// slow depends on the usual time of queries, and a rejection because of load counts.
func TestLimitOfESQL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c *elastic.Client
		running := func(after time.Duration, body string) reply {
			return func(r *http.Request) (*http.Response, error) {
				if load := c.Load(); load.Running != 1 || load.Waiting != 0 {
					t.Errorf("%s %s: %+v", r.Method, r.URL.Path, load)
				}
				time.Sleep(after)
				return status(200, body)(r)
			}
		}
		const end = `{"id":"q","is_running":false,"columns":[],"values":[]}`
		deleted := status(200, `{"acknowledged":true}`)
		c, _ = scripted(t, elastic.Config{},
			status(200, `{"hits":{"total":{"value":0},"hits":[]},"_shards":{"total":1}}`),
			running(time.Second, `{"id":"q","is_running":true,"columns":[],"values":[]}`), running(9*time.Second, end), deleted,
			running(time.Second, end), status(200, `{}`),
			status(429, `{"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}`))
		if _, err := c.Count(t.Context(), search.Request{Patterns: []string{"logs-*"}, Where: condition.Const(true)}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := c.RunESQL(t.Context(), search.ESQLQuery{Text: "FROM logs-*"}); err != nil {
				t.Fatal(err)
			}
		}
		if load := c.Load(); load.Slow != 0 || load.Rejected != 0 || load.Running != 0 {
			t.Errorf("queries that went well: %+v", load)
		}
		if _, err := c.RunESQL(t.Context(), search.ESQLQuery{Text: "FROM logs-*"}); err == nil {
			t.Fatal("no error")
		}
		if load := c.Load(); load.Rejected != 1 || load.Limit >= elastic.FirstSearches || load.Running != 0 {
			t.Errorf("a query that was refused: %+v", load)
		}
	})
}

// TestBackground: background searches get a part of the slots, and none while others wait.
func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := elastic.NewLimiter(0)
		var order []string
		var mu sync.Mutex
		behind := search.Background(t.Context())
		run := func(ctx context.Context, name string) {
			leave, err := l.Enter(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			time.Sleep(time.Second)
			leave(errors.New("neither well nor refused"))
		}
		for range elastic.FirstSearches {
			go run(behind, "behind")
			synctest.Wait()
		}
		if got := l.Load(); got.Running != elastic.FirstSearches/elastic.BackgroundShare || got.Waiting != elastic.FirstSearches-got.Running {
			t.Errorf("the background alone: %+v", got)
		}
		for range elastic.FirstSearches + 4 {
			go run(t.Context(), "live")
			synctest.Wait()
		}
		if got := l.Load(); got.Running != elastic.FirstSearches {
			t.Errorf("both: %+v", got)
		}
		ended, cancel := context.WithCancel(behind)
		cancel()
		if _, err := l.Enter(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("who does not wait any more: %v", err)
		}
		time.Sleep(time.Minute)
		if got := l.Load(); got.Running != 0 || got.Waiting != 0 || len(order) != 2*elastic.FirstSearches+4 {
			t.Errorf("in the end: %+v, %d ran", got, len(order))
		}
		// Four in the background and twelve live ones at first; then the eight live ones that waited beside
		// four in the background, in whichever order they wake; then the rest.
		const first, second = elastic.FirstSearches, elastic.FirstSearches + 8 + elastic.FirstSearches/elastic.BackgroundShare
		for i, name := range order {
			alone := i < elastic.FirstSearches/elastic.BackgroundShare || i >= second
			if alone && name != "behind" || !alone && i < first && name != "live" {
				t.Errorf("search %d was %s", i, name)
			}
		}
	})
}

// TestRate: the bucket holds a second's searches, and those that are in debt come in turn.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := elastic.NewLimiter(5)
		begun := time.Now()
		for range 15 {
			leave, err := l.Enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leave(nil)
		}
		if took := time.Since(begun); took < 1900*time.Millisecond || took > 2100*time.Millisecond {
			t.Errorf("15 searches at 5 a second took %s", took)
		}
	})
}

// TestCalm: work that can wait does so while the cluster is red, is away, or has enough to do.
func TestCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := scripted(t, elastic.Config{},
			status(200, `{"status":"red"}`), status(503, ``), status(200, `{"status":"green","number_of_pending_tasks":51}`),
			status(200, `{"status":"yellow","relocating_shards":9}`), status(200, `{"status":"yellow","relocating_shards":2}`))
		begun := time.Now()
		if err := c.Calm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begun); waited != 20*time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}

// TestCalmUnasked: a user without the privilege to read the health does not wait.
func TestCalmUnasked(t *testing.T) {
	c, _ := scripted(t, elastic.Config{}, status(403, `{"error":{"type":"security_exception","reason":"no"}}`))
	if err := c.Calm(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCalmNotForEver: a cluster that is red for good does not hold up work for good.
func TestCalmNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []reply
		for range 200 {
			replies = append(replies, status(200, `{"status":"red"}`))
		}
		c, _ := scripted(t, elastic.Config{}, replies...)
		begun := time.Now()
		if err := c.Calm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begun); waited != 15*time.Minute {
			t.Errorf("waited %s", waited)
		}
	})
}

// TestLimitOfParts: of several searches in one request, one that is refused for load counts, though the
// request as a whole is answered.
func TestLimitOfParts(t *testing.T) {
	answer := func(code int, body string) string {
		return `{"took":1,"responses":[{"took":1,"status":200,"_shards":{"total":1},"hits":{"hits":[]}},{"status":` + strconv.Itoa(code) + `,"error":` + body + `}]}`
	}
	for _, tt := range []struct {
		name     string
		answer   string
		rejected int64
	}{
		{"busy", answer(429, `{"type":"es_rejected_execution_exception","reason":"queue full"}`), 1},
		{"another fault", answer(400, `{"type":"parsing_exception","reason":"no"}`), 0},
	} {
		c, _ := scripted(t, elastic.Config{}, status(200, tt.answer))
		request := search.Request{Patterns: []string{"logs-*"}, Where: condition.Const(true)}
		pages := c.FirstPages(t.Context(), []search.Request{request, request})
		if pages[0].Err != nil || pages[1].Err == nil {
			t.Errorf("%s: %v, %v", tt.name, pages[0].Err, pages[1].Err)
		}
		if load := c.Load(); load.Rejected != tt.rejected || (load.Limit < elastic.FirstSearches) != (tt.rejected > 0) {
			t.Errorf("%s: %+v", tt.name, load)
		}
	}
}
