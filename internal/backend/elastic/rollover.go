package elastic

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert"
	"tocsin/internal/search"
)

// A create fails for an id that exists in the alias's write index. After a rollover, the older indices must
// be searched as well. Between that search and the create there may be another rollover, or another runner's
// create may still be on its way to the previous write index. So, besides the search:
//
//   - After a create, the write index is read. If it has changed since before the search, or has
//     been the write index for only a short time, the ids are searched again, in all indices,
//     after a refresh.
//   - An id that exists twice is deleted from all indices but the first by name. Every runner
//     makes the same choice, so both runners may do it, and one is enough.
//
// Of two creates of the same id in two indices, the one that ends last checks when both exist: the create
// into the older index ends after the rollover, and sees that the write index has changed; the create into
// the newer one ends soon after the rollover, and the write index is young. A runner that dies before the
// check has not recorded its slot: the next run of the slot finds both and deletes one.

// youngFor is how long after a rollover a create into the old index may still be running: longer than the
// timeout of a request.
const youngFor = 2 * time.Minute

// rollover is the known state of the alias's indices.
type rollover struct {
	mu sync.Mutex
	// write is the write index when last read; "" before.
	write string
	// since is when it became the write index beside others, as first seen; zero if it always was.
	since time.Time
}

// readWriteIndex reads the write index, and reports whether it is the same as before and not young.
func (a *Alerts) readWriteIndex(ctx context.Context) (write string, settled bool) {
	type answer map[string]struct {
		Aliases aliases `json:"aliases"`
	}
	indices, err := try[answer](ctx, a.client, "get alias ["+a.alias+"]", esapi.IndicesGetAliasRequest{Name: []string{a.alias}})
	r := &a.rollover
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return r.write, false
	}
	for name, index := range indices {
		if index.Aliases.writes(a.alias, len(indices)) {
			write = name
		}
	}
	if write != r.write {
		r.write, r.since = write, time.Time{}
		if len(indices) > 1 {
			r.since = time.Now()
		}
	}
	return write, r.since.IsZero() || time.Since(r.since) > youngFor
}

// settled reports whether the write index is known and old enough for no create to be running on another
// index.
func (a *Alerts) settled(ctx context.Context) (write string, settled bool) {
	r := &a.rollover
	r.mu.Lock()
	write, settled = r.write, r.since.IsZero() || time.Since(r.since) > youngFor
	r.mu.Unlock()
	if write == "" {
		return a.readWriteIndex(ctx)
	}
	return write, settled
}

// show makes documents in all indices of the alias visible to searches. Without the privilege to refresh, it
// waits for the refresh interval.
func (a *Alerts) show(ctx context.Context) {
	_, err := try[struct{}](ctx, a.client, "refresh ["+a.alias+"]", esapi.IndicesRefreshRequest{Index: []string{a.alias}})
	if err != nil && !notFound(err) {
		_ = wait(ctx, refreshInterval)
	}
}

// refreshInterval is longer than Elasticsearch's default.
const refreshInterval = 1200 * time.Millisecond

// confirm checks whether alerts that were just created also exist in another index. before is the write index
// from before the search for existing ids.
func (a *Alerts) confirm(ctx context.Context, before string, wasSettled bool, items []bulkItem, where map[string]string, written []alert.Written) {
	var created []bulkItem
	strayed := false
	for _, item := range items {
		if w := written[item.at]; w.Outcome == alert.Created {
			created = append(created, item)
			strayed = strayed || where[item.id] != "" && where[item.id] != before
		}
	}
	if len(created) == 0 {
		return
	}
	now, settled := a.readWriteIndex(ctx)
	if now == before && settled && wasSettled && !strayed {
		return
	}
	a.show(ctx)
	ids := make([]string, len(created))
	for i, item := range created {
		ids[i] = item.id
	}
	found, err := a.byID(ctx, "look for alerts that exist twice ["+a.alias+"]", ids, false)
	if err != nil {
		a.client.log.WarnContext(ctx, "alerts could not be checked for duplicates after a rollover", "error", err)
		return
	}
	first := a.deleteDuplicates(ctx, found.Hits.Hits)
	for _, item := range created {
		if index, there := first[item.id]; there && where[item.id] != "" && index != where[item.id] {
			written[item.at].Outcome = alert.Duplicate
		}
	}
}

// deleteDuplicates deletes alerts that exist in several indices from all but the first, and returns the index of each
// alert.
func (a *Alerts) deleteDuplicates(ctx context.Context, hits []hit) map[string]string {
	first := map[string]string{}
	for _, h := range hits {
		if index, known := first[h.ID]; !known || h.Index < index {
			first[h.ID] = h.Index
		}
	}
	var body bytes.Buffer
	n := 0
	for _, h := range hits {
		if first[h.ID] == h.Index {
			continue
		}
		line, err := search.JSON(map[string]any{"delete": map[string]any{"_index": h.Index, "_id": h.ID}}, "")
		if err != nil {
			continue // it was decoded from JSON
		}
		body.Write(append(line, '\n'))
		n++
	}
	if n == 0 {
		return first
	}
	answer, err := call[bulkAnswer](ctx, a.client, fmt.Sprintf("delete %d alerts that exist twice", n), func() esapi.Request {
		return esapi.BulkRequest{Body: bytes.NewReader(body.Bytes()), Refresh: string(a.Refresh)}
	})
	failed := 0
	for _, item := range answer.Items {
		if status := item["delete"].Status; status >= 300 && status != 404 {
			failed++
		}
	}
	if err != nil || failed > 0 {
		a.client.log.WarnContext(ctx, "duplicate alerts after a rollover could not be deleted", "alerts", n, "error", err)
	}
	return first
}
