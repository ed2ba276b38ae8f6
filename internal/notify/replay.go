package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Replay makes dead entries pending again: those whose ids begin with one of some texts; without ids all, or all of a route. It returns
// their number, and the ids that no dead entry has.
func Replay(ctx context.Context, store Store, route string, ids []string, now time.Time) (n int, missing []string, err error) {
	now = milliseconds(now)
	found := map[string]bool{}
	q := Query{Route: route, Statuses: []Status{Dead}, Limit: chunk}
	for {
		page, err := store.Find(ctx, q)
		if err != nil {
			return n, nil, fmt.Errorf("find the notifications to send again: %w", err)
		}
		var again []*Entry
		for i := range page {
			e := page[i]
			which := slices.IndexFunc(ids, func(id string) bool { return id != "" && strings.HasPrefix(e.ID, id) })
			if len(ids) > 0 && which < 0 {
				continue
			}
			if which >= 0 {
				found[ids[which]] = true
			}
			// Its age counts from now.
			e.Status, e.At, e.Created, e.Attempts, e.Error = Pending, now, now, 0, ""
			again = append(again, &e)
		}
		errs, err := store.Update(ctx, again)
		if err != nil {
			return n, nil, fmt.Errorf("send notifications again: %w", err)
		}
		for _, err := range errs {
			if err == nil {
				n++
			}
		}
		if len(page) < q.Limit {
			break
		}
		q.After = &page[len(page)-1]
	}
	for _, id := range ids {
		if !found[id] {
			missing = append(missing, id)
		}
	}
	return n, missing, nil
}

// Test sends a notice through the route at once, past the outbox.
func (r *Route) Test(ctx context.Context, n Notice) error {
	e := &Entry{ID: EntryID(r.Name, n.Key), Route: r.Name, Notice: n}
	w := &worker{route: r}
	return w.send(ctx, e)
}
