package notify

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Outbox turns notices into entries. It is safe for concurrent use. Before [Outbox.Use] it has no routes, and stores nothing.
type Outbox struct {
	Store Store
	// Namespace is that of the service.
	Namespace string
	Now       func() time.Time

	mu sync.Mutex
	// uses are the current routes; never changed, only replaced.
	uses uses
	// open remembers the digest that a key has at the moment.
	open map[string]int
	// stored and before are the ids of entries that exist, as far as they are remembered: a rule meets the same alert in every window
	// that contains it.
	stored, before map[string]struct{}
}

var _ Adder = (*Outbox)(nil)

// uses are routes and the times at which they were used first, of every one. They are one value: a route whose beginning is not known
// yet would be told of all that there is.
type uses struct {
	routes *Routes
	starts map[string]time.Time
}

// Use replaces the routes. It notes when they are used first, and reads when the others were: a new route is not told of alerts that
// existed before it. If it fails, the routes stay as they were.
func (o *Outbox) Use(ctx context.Context, routes *Routes) error {
	now := milliseconds(o.Now())
	var marks []*Entry
	var ids []string
	for _, name := range routes.Names() {
		id := idOf("route", name)
		marks, ids = append(marks, &Entry{ID: id, Route: name, Status: Leased, At: now, Created: now}), append(ids, id)
	}
	next := uses{routes, map[string]time.Time{}}
	if len(marks) > 0 {
		if _, err := o.Store.Create(ctx, marks); err != nil {
			return fmt.Errorf("note the routes of notifications: %w", err)
		}
		have, err := o.Store.Get(ctx, ids)
		if err != nil {
			return fmt.Errorf("read the routes of notifications: %w", err)
		}
		for _, e := range have {
			next.starts[e.Route] = e.Created
		}
	}
	for _, name := range routes.Names() {
		if _, ok := next.starts[name]; !ok {
			return fmt.Errorf("read the routes of notifications: when route %q was used first is not stored", name)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.uses = next
	return nil
}

// current returns the routes that are used.
func (o *Outbox) current() uses {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.uses
}

// Routes returns the routes that are used; nil before [Outbox.Use].
func (o *Outbox) Routes() *Routes { return o.current().routes }

// Since returns when the newest route was used first; zero before [Outbox.Use].
func (o *Outbox) Since() time.Time {
	var newest time.Time
	for _, at := range o.current().starts {
		if at.After(newest) {
			newest = at
		}
	}
	return newest
}

// maxStored bounds the ids in one of the two generations that are remembered.
const maxStored = 20_000

// fresh returns the entries that are not known to exist.
func (o *Outbox) fresh(entries []*Entry) []*Entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(entries, func(e *Entry) bool {
		_, is := o.stored[e.ID]
		_, was := o.before[e.ID]
		return is || was
	})
}

// remember notes that entries exist.
func (o *Outbox) remember(entries []*Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stored == nil || len(o.stored) >= maxStored {
		o.stored, o.before = map[string]struct{}{}, o.stored
	}
	for _, e := range entries {
		o.stored[e.ID] = struct{}{}
	}
}

// chunk is the number of entries that are written together.
const chunk = 500

// Idle reports whether there is no route, so that nothing is ever stored.
func (o *Outbox) Idle() bool { return o == nil || len(o.Routes().All()) == 0 }

// Add implements [Adder].
func (o *Outbox) Add(ctx context.Context, notices []Notice) error {
	if o.Idle() {
		return nil
	}
	now, use := milliseconds(o.Now()), o.current()
	var single, members []*Entry
	for i := range notices {
		n := notices[i]
		if n.Namespace == "" {
			n.Namespace = o.Namespace
		}
		for _, r := range use.routes.All() {
			if !r.Match.Selects(&n) || !n.Written.IsZero() && n.Written.Before(use.starts[r.Name]) {
				continue
			}
			e := &Entry{ID: EntryID(r.Name, n.Key), Route: r.Name, Status: Pending, At: now, Created: now, Notice: n}
			if n.Digest != nil {
				e.Status = Member
				e.Notice = n.stripped() // a digest names its members, and does not show them
				e.Notice.Digest = n.Digest
				members = append(members, e)
				continue
			}
			single = append(single, e)
		}
	}
	for part := range slices.Chunk(o.fresh(single), chunk) {
		if _, err := o.Store.Create(ctx, part); err != nil {
			return fmt.Errorf("store notifications: %w", err)
		}
		o.remember(part)
	}
	return o.addMembers(ctx, o.fresh(members))
}

// addMembers stores members of digests. Those that exist are left out first, so that they do not begin a digest.
func (o *Outbox) addMembers(ctx context.Context, members []*Entry) error {
	for part := range slices.Chunk(members, chunk) {
		known := map[string]bool{}
		ids := make([]string, len(part))
		for i, e := range part {
			ids[i] = e.ID
		}
		have, err := o.Store.Get(ctx, ids)
		if err != nil {
			return fmt.Errorf("look for notifications: %w", err)
		}
		for _, e := range have {
			known[e.ID] = true
		}
		var fresh []*Entry
		for _, e := range part {
			if known[e.ID] {
				continue
			}
			if e.Digest, err = o.collecting(ctx, e.Route, *e.Notice.Digest, e.Notice); err != nil {
				return err
			}
			fresh = append(fresh, e)
		}
		if len(fresh) > 0 {
			if _, err := o.Store.Create(ctx, fresh); err != nil {
				return fmt.Errorf("store notifications: %w", err)
			}
		}
		o.remember(part)
	}
	return nil
}

// maxOpen bounds the digests that are remembered.
const maxOpen = 10_000

// collecting returns the id of the digest of a key that still collects, and begins one if there is none. Of digests with the same key,
// one collects at a time. A member that is stored after the digest was closed is told by the one that follows it; see
// [Sender] and its second look.
func (o *Outbox) collecting(ctx context.Context, route string, d Digest, about Notice) (string, error) {
	key := route + "\x00" + d.Key
	o.mu.Lock()
	if len(o.open) > maxOpen {
		o.open = nil
	}
	from := o.open[key]
	o.mu.Unlock()
	for {
		// Many are looked at together: of a key that was closed often, a new process knows none.
		ids := make([]string, digestsAtOnce)
		for i := range ids {
			ids[i] = digestID(route, d.Key, from+i)
		}
		have, err := o.Store.Get(ctx, ids)
		if err != nil {
			return "", fmt.Errorf("look for the digest: %w", err)
		}
		statuses := map[string]Status{}
		for _, e := range have {
			statuses[e.ID] = e.Status
		}
		next := slices.IndexFunc(ids, func(id string) bool { return statuses[id] == "" || statuses[id] == Collecting })
		if next < 0 {
			from += len(ids)
			continue
		}
		from += next
		if statuses[ids[next]] == "" {
			made, err := o.Store.Create(ctx, []*Entry{o.digest(route, d, about, from)})
			if err != nil {
				return "", fmt.Errorf("begin a digest: %w", err)
			}
			if !made[0] { // somebody else has begun it: look again
				continue
			}
		}
		o.mu.Lock()
		if o.open == nil {
			o.open = map[string]int{}
		}
		o.open[key] = from
		o.mu.Unlock()
		return ids[next], nil
	}
}

// digestsAtOnce is the number of digests of a key that are looked at together.
const digestsAtOnce = 32

func digestID(route, key string, number int) string {
	return idOf("digest", route, key, strconv.Itoa(number))
}

// digest returns a new digest, the number-th of its key.
func (o *Outbox) digest(route string, d Digest, about Notice, number int) *Entry {
	now := milliseconds(o.Now())
	return &Entry{
		ID: digestID(route, d.Key, number), Route: route, Status: Collecting, Created: now,
		At: milliseconds(now.Add(d.first())), Calm: d.Calm, Until: milliseconds(now.Add(d.Most)), Group: d.Group,
		Notice: Notice{
			Key: d.Key + "/" + strconv.Itoa(number), Kind: KindDigest, Namespace: about.Namespace, RuleID: about.RuleID, RuleName: about.RuleName,
			Severity: about.Severity, RiskScore: about.RiskScore, Tags: about.Tags, At: now, Title: d.Title,
		},
	}
}

// Release closes the digests of a group as soon as a sender comes to them: nothing more is added to them.
func (o *Outbox) Release(ctx context.Context, group string) error {
	if o.Idle() {
		return nil
	}
	now := milliseconds(o.Now())
	q := Query{Group: group, Statuses: []Status{Collecting}, Limit: chunk}
	for {
		found, err := o.Store.Find(ctx, q)
		if err != nil {
			return fmt.Errorf("release the digests of %s: %w", group, err)
		}
		var closed []*Entry
		for i := range found {
			if e := &found[i]; e.Until.After(now) {
				e.At, e.Until = now, now
				closed = append(closed, e)
			}
		}
		if _, err := o.Store.Update(ctx, closed); err != nil { // who has changed one meanwhile is its sender
			return fmt.Errorf("release the digests of %s: %w", group, err)
		}
		if len(found) < q.Limit {
			return nil
		}
		last := found[len(found)-1]
		q.After = &last
	}
}
