package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Sync agrees with the other runners, and hands over what has changed. While the store does not answer, the error says so, the states of
// this runner are kept in memory, and urgent ones are delivered at once.
func (b *Board) Sync(ctx context.Context, now time.Time) error {
	b.syncing.Lock()
	defer b.syncing.Unlock()
	var agreed *shared
	var applied intents
	err := b.opts.Store.Update(ctx, func(old []byte) ([]byte, error) {
		doc, err := decodeShared(old)
		if err != nil {
			return nil, err
		}
		applied = b.intents()
		b.adopt(doc)
		changed := b.apply(doc, applied, now) || old == nil && len(doc.Records) > 0
		agreed = doc
		if !changed {
			return nil, nil
		}
		return doc.encode()
	})
	if err != nil {
		err = fmt.Errorf("store the states of the service: %w", err)
		b.alone(ctx, now)
		err = errors.Join(err, b.putAside(ctx))
		b.mu.Lock()
		b.disagreed = err
		b.mu.Unlock()
		return err
	}
	b.settle(agreed, applied, now)
	b.report(agreed)
	return errors.Join(b.tell(ctx, agreed), b.putAside(ctx))
}

// Recall takes over what a runner before this one has put aside. It is called before the first Sync.
func (b *Board) Recall(ctx context.Context) error {
	if b.opts.Aside == nil {
		return nil
	}
	var doc *shared
	err := b.opts.Aside.Update(ctx, func(old []byte) (_ []byte, err error) {
		doc, err = decodeShared(old)
		return nil, err
	})
	if err != nil {
		return fmt.Errorf("take over the states of before the start: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(doc.Records) > 0 {
		b.doc, b.offline = doc, true
	}
	return nil
}

// putAside keeps what the store does not have, or forgets it.
func (b *Board) putAside(ctx context.Context) error {
	if b.opts.Aside == nil {
		return nil
	}
	doc, _ := decodeShared(nil) // an empty document has no error
	b.mu.Lock()
	if b.offline {
		doc.Records = slices.Clone(b.doc.Records)
	}
	data, err := doc.encode()
	same := bytes.Equal(data, b.aside)
	b.mu.Unlock()
	if err != nil || same {
		return err
	}
	if err := b.opts.Aside.Update(ctx, func([]byte) ([]byte, error) { return data, nil }); err != nil {
		return fmt.Errorf("put the states of the service aside: %w", err)
	}
	b.mu.Lock()
	b.aside = data
	b.mu.Unlock()
	return nil
}

// intents is what this runner wants to change.
type intents struct {
	raised   map[claim]count
	releases map[claim]release
	lacking  map[string][]string
	met      []string
}

func (b *Board) intents() intents {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := intents{raised: map[claim]count{}, releases: maps.Clone(b.releases), lacking: maps.Clone(b.lacking), met: slices.Sorted(maps.Keys(b.met))}
	for c, n := range b.counts {
		// What was only taken over, to count its end, is not held here.
		if n.raised && n.bad > 0 && b.speaks(c.holder) {
			out.raised[c] = *n
		}
	}
	return out
}

// adopt copies the episodes that began while the store did not answer.
func (b *Board) adopt(doc *shared) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.offline {
		return
	}
	for k, mine := range b.doc.byKey {
		there := doc.byKey[k]
		switch {
		case there == nil:
			clone := mine.clone()
			doc.Records, doc.byKey[k] = append(doc.Records, clone), clone
		case mine.Episode > there.Episode:
			*there = *mine.clone()
		case mine.Episode == there.Episode:
			there.RaiseTold = there.RaiseTold || mine.RaiseTold
			if !mine.Open && mine.EndTold { // its end was delivered: whoever still finds it begins another episode
				there.Open, there.Closed, there.Holders, there.EndTold = false, mine.Closed, nil, true
			}
		}
	}
}

func (r *record) clone() *record {
	out := *r
	out.Holders = maps.Clone(r.Holders)
	return &out
}

// apply makes the changes, and reports whether there was any.
func (b *Board) apply(doc *shared, in intents, now time.Time) bool {
	b.mu.Lock()
	changed := b.offline
	b.mu.Unlock()
	for c, end := range in.releases {
		changed = b.release(doc, c, end, now) || changed
	}
	for c, n := range in.raised {
		changed = raise(doc, c, n, now) || changed
	}
	changed = b.dropRemoved(doc, now) || changed
	for rule, fields := range in.lacking {
		if old, known := doc.Fields[rule]; !known || !slices.Equal(old, fields) {
			if doc.Fields == nil {
				doc.Fields = map[string][]string{}
			}
			doc.Fields[rule], changed = fields, true
		}
	}
	for _, p := range in.met {
		if !slices.Contains(doc.Met, p) {
			doc.Met, changed = append(doc.Met, p), true
		}
	}
	before := len(doc.Records)
	doc.forget(now)
	return changed || len(doc.Records) != before
}

// raise makes a holder hold a state, which begins with its first holder.
func raise(doc *shared, c claim, n count, now time.Time) bool {
	r := doc.byKey[c.key]
	if r == nil {
		r = &record{Kind: c.kind, Subject: c.subject, EndTold: true, RaiseTold: true}
		doc.Records, doc.byKey[c.key] = append(doc.Records, r), r
	}
	if !r.Open {
		if len(r.untold()) > 0 {
			return false // the end of the episode before has to be told first
		}
		flaps := 0
		if r.Episode > 0 && n.first.Sub(r.Closed) < soon {
			flaps = min(r.Flaps+1, mostFlaps)
		}
		*r = record{
			Kind: c.kind, Subject: c.subject, Episode: r.Episode + 1, Open: true, Since: n.first, Text: n.text, Teller: c.holder, Flaps: flaps,
			Holders: map[string]time.Time{c.holder: now},
		}
		return true
	}
	if last, there := r.Holders[c.holder]; there && now.Sub(last) < renewEvery {
		return false
	}
	if r.Holders == nil {
		r.Holders = map[string]time.Time{}
	}
	r.Holders[c.holder] = now
	if _, holds := r.Holders[r.Teller]; !holds || r.Teller == c.holder {
		r.Text, r.Teller = n.text, c.holder
	}
	return true
}

// release makes a holder let go of a state, which ends with its last holder. A runner speaks also for runners that are silent or gone.
func (b *Board) release(doc *shared, c claim, end release, now time.Time) bool {
	r := doc.byKey[c.key]
	if r == nil || !r.Open || r.Episode > end.upTo {
		return false
	}
	before := len(r.Holders)
	delete(r.Holders, c.holder)
	if c.holder == b.opts.Runner {
		maps.DeleteFunc(r.Holders, func(h string, last time.Time) bool {
			runner, is := strings.CutPrefix(h, runnerMark)
			return now.Sub(last) > holds || is && now.Sub(last) > comes && !b.opts.Live(runner)
		})
	}
	if len(r.Holders) == 0 {
		r.Open, r.Closed, r.EndTold = false, end.at, false
		return true
	}
	return len(r.Holders) != before
}

// dropRemoved makes rules that do not exist any more let go of their states.
func (b *Board) dropRemoved(doc *shared, now time.Time) bool {
	changed := false
	for _, r := range doc.Records {
		if !r.Open {
			continue
		}
		for h := range r.Holders {
			if !strings.HasPrefix(h, runnerMark) && b.opts.Owns(h) && !b.opts.Exists(h) {
				changed = b.release(doc, claim{r.key(), h}, release{now, r.Episode}, now) || changed
			}
		}
	}
	return changed
}

// settle takes over what was agreed.
func (b *Board) settle(doc *shared, in intents, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.doc, b.offline, b.agreed, b.disagreed = doc, false, now, nil
	for c, end := range in.releases {
		if b.releases[c] == end {
			delete(b.releases, c)
		}
	}
	for rule, fields := range in.lacking {
		if slices.Equal(b.lacking[rule], fields) {
			delete(b.lacking, rule)
		}
	}
	for _, p := range in.met {
		delete(b.met, p)
	}
	maps.DeleteFunc(b.calm, func(_ claim, ended time.Time) bool { return now.Sub(ended) > soon })
	for c := range b.counts {
		if !b.speaks(c.holder) {
			b.drop(c) // its owner counts
		}
	}
}

// alone applies the changes of this runner to what it knows, while the store does not answer.
func (b *Board) alone(ctx context.Context, now time.Time) {
	in := b.intents()
	b.mu.Lock()
	copied := &shared{memory: b.doc.memory, byKey: map[key]*record{}, unknown: b.doc.unknown}
	for _, r := range b.doc.Records {
		clone := r.clone()
		copied.Records, copied.byKey[r.key()] = append(copied.Records, clone), clone
	}
	b.mu.Unlock()
	in.lacking, in.met = nil, nil
	if b.apply(copied, in, now) {
		b.mu.Lock()
		b.doc, b.offline = copied, true // the releases stay, for the store
		b.mu.Unlock()
	}
	b.report(copied)
	for _, r := range copied.Records {
		for _, c := range b.urgent(ctx, r.untold()) {
			b.mark(c, b.current(r.key()))
		}
	}
}

// urgent delivers changes without a store, and returns those that were delivered: of a state, never its end before its begin.
func (b *Board) urgent(ctx context.Context, changes []Change) []Change {
	var done []Change
	failed := map[string]bool{}
	for _, c := range changes {
		if b.opts.Urgent == nil || failed[c.Name()] || !b.opts.Urgent(ctx, c) {
			failed[c.Name()] = true
			continue
		}
		done = append(done, c)
	}
	return done
}

func (b *Board) current(k key) *record {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.doc.byKey[k]
}

func (b *Board) mark(c Change, r *record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.offline = true
	markTold(c, r)
}

func markTold(c Change, r *record) {
	switch {
	case r == nil || r.Episode != c.Episode:
	case c.Recovered:
		r.EndTold = true
	default:
		r.RaiseTold = true
	}
}

// report passes what is new to Changed.
func (b *Board) report(doc *shared) {
	b.mu.Lock()
	var fresh []Change
	for _, r := range doc.Records {
		k, last := r.key(), b.known[r.key()]
		if r.Episode == 0 || last == (seen{r.Episode, r.Open}) {
			continue
		}
		if r.Open || last.episode < r.Episode && len(r.untold()) > 1 {
			fresh = append(fresh, Change{State: r.state(), At: r.Since})
		}
		if !r.Open && !Describe(r.Kind).Passing && (last.episode == r.Episode && last.open || len(r.untold()) > 0) {
			fresh = append(fresh, Change{State: r.state(), Recovered: true, At: r.Closed})
		}
		b.known[k] = seen{r.Episode, r.Open}
	}
	b.mu.Unlock()
	slices.SortStableFunc(fresh, func(x, y Change) int { return rank(x.Kind) - rank(y.Kind) })
	for _, c := range fresh {
		b.opts.Changed(c)
	}
}

// tell hands over the changes that were not, and notes that they were.
func (b *Board) tell(ctx context.Context, doc *shared) error {
	var changes []Change
	for _, r := range doc.Records {
		changes = append(changes, r.untold()...)
	}
	if len(changes) == 0 {
		return nil
	}
	if b.opts.Tell != nil {
		if err := b.opts.Tell(ctx, changes); err != nil {
			if changes = b.urgent(ctx, changes); len(changes) == 0 {
				return fmt.Errorf("tell the states of the service: %w", err)
			}
		}
	}
	err := b.opts.Store.Update(ctx, func(old []byte) ([]byte, error) {
		again, err := decodeShared(old)
		if err != nil {
			return nil, err
		}
		for _, c := range changes {
			markTold(c, again.byKey[key{c.Kind, c.Subject}])
		}
		return again.encode()
	})
	if err != nil {
		return fmt.Errorf("store the states of the service: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range changes {
		markTold(c, doc.byKey[key{c.Kind, c.Subject}])
	}
	return nil
}
