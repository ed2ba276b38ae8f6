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

// A create refuses an id that the alias's write index has. After a rollover, the older indices have
// to be asked, and between question and create there may be another rollover, or another runner's
// create may still be on its way to the index that was the write index before. So, besides asking
// first:
//
//   - After a create, the write index is looked at. When it is not the one that it was before the
//     question, or has been the one only for a short while, the ids are looked up again, in all
//     indices, refreshed.
//   - An id that is there twice is deleted from all indices but the first by name. Every runner
//     decides the same, so of two that meet, each may do it, and one is enough.
//
// Of two creates of the same id in two indices, the one that ends last looks when both are there: the
// one in the older index ends after the rollover, and sees another write index than its own; the one
// in the newer ends soon after it, and the write index is young. A runner that dies before it has
// looked has not recorded its slot: whoever runs it again finds both and mends it.

// youth is how long after a rollover was noticed a create into the old index may still be under way:
// longer than any request takes.
const youth = 2 * time.Minute

// rollover is what is known of the alias's indices.
type rollover struct {
	mu sync.Mutex
	// write is the write index as it was seen last; "" before.
	write string
	// since is when it was first seen to be that, with others beside it; zero when it always was.
	since time.Time
}

// look asks which index is written to, and reports whether that is the same as before and has been
// for long.
func (a *Alerts) look(ctx context.Context) (write string, settled bool) {
	type answer map[string]struct {
		Aliases map[string]struct {
			IsWriteIndex *bool `json:"is_write_index"`
		} `json:"aliases"`
	}
	indices, err := try[answer](ctx, a.client, "get alias ["+a.alias+"]", esapi.IndicesGetAliasRequest{Name: []string{a.alias}})
	r := &a.rollover
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		return r.write, false
	}
	for name, index := range indices {
		if w := index.Aliases[a.alias].IsWriteIndex; w != nil && *w || w == nil && len(indices) == 1 {
			write = name
		}
	}
	if write != r.write {
		r.write, r.since = write, time.Time{}
		if len(indices) > 1 {
			r.since = time.Now()
		}
	}
	return write, r.since.IsZero() || time.Since(r.since) > youth
}

// settled reports whether the write index is known and old enough for no create to be under way to
// another one.
func (a *Alerts) settled(ctx context.Context) (write string, settled bool) {
	r := &a.rollover
	r.mu.Lock()
	write, settled = r.write, r.since.IsZero() || time.Since(r.since) > youth
	r.mu.Unlock()
	if write == "" {
		return a.look(ctx)
	}
	return write, settled
}

// show makes what was written to any index of the alias findable. Who may not do that waits until
// it happens by itself.
func (a *Alerts) show(ctx context.Context) {
	_, err := try[struct{}](ctx, a.client, "refresh ["+a.alias+"]", esapi.IndicesRefreshRequest{Index: []string{a.alias}})
	if err != nil && !notFound(err) {
		_ = wait(ctx, refreshInterval)
	}
}

// refreshInterval is longer than Elasticsearch's default.
const refreshInterval = 1200 * time.Millisecond

// confirm looks whether alerts that were just created are in another index as well. before is the
// write index ahead of the question whether they exist.
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
	now, settled := a.look(ctx)
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
		a.client.log.WarnContext(ctx, "cannot see whether alerts exist twice after a rollover", "error", err)
		return
	}
	first := a.mend(ctx, found.Hits.Hits)
	for _, item := range created {
		if index, there := first[item.id]; there && where[item.id] != "" && index != where[item.id] {
			written[item.at].Outcome = alert.Duplicate
		}
	}
}

// mend deletes alerts that another index has as well from all indices but the first, and returns the
// index that each alert is in.
func (a *Alerts) mend(ctx context.Context, hits []hit) map[string]string {
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
			continue // it was read from JSON
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
		a.client.log.WarnContext(ctx, "alerts exist twice after a rollover and could not be deleted", "alerts", n, "error", err)
	}
	return first
}
