package health

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Store keeps one document for all runners.
type Store interface {
	// Update replaces the document by what change makes of it, if nobody else has written in between; else it begins again. The first
	// document is nil. Of a change that returns nil, nothing is written.
	Update(ctx context.Context, change func(old []byte) ([]byte, error)) error
}

// Options are the settings of a [Board]. Store and Runner are required.
type Options struct {
	Store Store
	// Aside keeps what the store does not have while it does not answer, so that it survives a restart of this runner; nil: it does not.
	Aside Store
	// Runner identifies this runner among the holders.
	Runner string
	// Owns reports whether this runner speaks for a rule; Exists, whether there is such a rule. nil: always.
	Owns, Exists func(rule string) bool
	// Live reports whether another runner is there, as far as this one knows. nil: always, until it is silent.
	Live func(runner string) bool
	// Tell stores changes for delivery, so that they survive a restart. After an error it is called again with the same changes. nil:
	// nobody is told.
	Tell func(ctx context.Context, changes []Change) error
	// Urgent delivers a change at once, while the store does not answer; nil: such changes are told when it answers again. It reports
	// whether the change was delivered.
	Urgent func(ctx context.Context, c Change) bool
	// Changed is called with each change that this runner learns of, and at the start with the states that there are.
	Changed func(c Change)
}

const (
	// holds is how long a runner that is silent holds a state.
	holds = 2 * time.Minute
	// comes is how long a runner may hold a state before the others know that it is there.
	comes = 20 * time.Second
	// renewEvery is how often a runner says that it holds a state.
	renewEvery = 30 * time.Second
	// soon is the time within which the return of a state counts as flapping; each time doubles how often a finding has to be absent until
	// the state ends, up to so many times.
	soon      = time.Hour
	mostFlaps = 3
)

// runnerMark begins the holders that are runners; no rule has such an id.
const runnerMark = "\x00"

// speaks reports whether this runner speaks for a holder: for itself, and for the rules that it has and owns.
func (b *Board) speaks(holder string) bool {
	if strings.HasPrefix(holder, runnerMark) {
		return holder == b.opts.Runner
	}
	return b.opts.Owns(holder) && b.opts.Exists(holder)
}

// Finding is something that is wrong now, as far as one holder knows.
type Finding struct {
	Kind    Kind
	Subject string
	Text    string
	// Unknown: it could not be examined. What was found of it before stays as it is.
	Unknown bool
}

// count is what was found of a state for one holder.
type count struct {
	bad, ok int
	// first and last are the times of the first and of the last finding.
	first, last time.Time
	text        string
	raised      bool
}

// release is the end of a claim: when it was, and the last episode that it ends. What has begun since then is not meant.
type release struct {
	at   time.Time
	upTo int64
}

type claim struct {
	key
	holder string
}

// Board keeps the states. It is safe for concurrent use.
type Board struct {
	opts Options

	mu     sync.Mutex
	counts map[claim]*count
	// held are the claims of each holder that are counted here.
	held map[string]map[key]bool
	// releases are claims that have ended here, and not yet for the other runners.
	releases map[claim]release
	// calm is when claims have ended here, for examinations that began before.
	calm map[claim]time.Time
	// doc is the last known document, with the changes of this runner while the store does not answer.
	doc *shared
	// offline: doc has changes that the store does not have.
	offline bool
	// aside is what was last put into the store beside; nil for what a runner before this one may have left.
	aside []byte
	// known are the episodes that were passed to Changed.
	known map[key]seen
	// lacking and met are changes of the memory of mappings that were not stored yet.
	lacking map[string][]string
	met     map[string]bool
	dirty   chan struct{}
	// agreed is when the runners last agreed; disagreed is why they could not since.
	agreed    time.Time
	disagreed error

	// syncing serializes Sync.
	syncing sync.Mutex
}

type seen struct {
	episode int64
	open    bool
}

// New returns a board that knows nothing yet.
func New(o Options) *Board {
	always := func(string) bool { return true }
	if o.Owns == nil {
		o.Owns = always
	}
	if o.Exists == nil {
		o.Exists = always
	}
	if o.Live == nil {
		o.Live = always
	}
	o.Runner = runnerMark + o.Runner
	if o.Changed == nil {
		o.Changed = func(Change) {}
	}
	empty, _ := decodeShared(nil) // an empty document has no error
	return &Board{
		opts: o, counts: map[claim]*count{}, held: map[string]map[key]bool{}, releases: map[claim]release{}, calm: map[claim]time.Time{}, doc: empty,
		known: map[key]seen{}, lacking: map[string][]string{}, met: map[string]bool{}, dirty: make(chan struct{}, 1),
	}
}

// Runner returns the holder of what concerns this runner as a whole.
func (b *Board) Runner() string { return b.opts.Runner }

// Observe notes what was found for a holder, a rule or the runner, at a time. The holder was examined for all kinds in decides: what is
// not found of them recovers.
func (b *Board) Observe(holder string, decides []Kind, found []Finding, at time.Time) {
	b.Examined(holder, decides, found, at, at)
}

// Examined is [Board.Observe] of an examination that took from began to at. Examinations of one holder may overlap: one that began before
// the end of another says nothing against it.
func (b *Board) Examined(holder string, decides []Kind, found []Finding, began, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	current := map[key]bool{}
	for _, f := range found {
		k := key{f.Kind, f.Subject}
		current[k] = true
		if !f.Unknown && !b.explained(f.Kind) {
			b.bad(claim{k, holder}, f.Text, began, at)
		}
	}
	for _, k := range b.claims(holder, decides) {
		if !current[k] {
			b.good(claim{k, holder}, began, at)
		}
	}
}

// explained reports whether there is a cause of findings of a kind.
func (b *Board) explained(k Kind) bool {
	causes := Describe(k).Causes
	if len(causes) == 0 {
		return false
	}
	for c := range b.counts {
		if slices.Contains(causes, c.kind) {
			return true
		}
	}
	return slices.ContainsFunc(b.doc.Records, func(r *record) bool { return r.Open && slices.Contains(causes, r.Kind) })
}

// setBack is the difference from which on a time that is earlier than the one before means that the clock was set back.
const setBack = 30 * time.Second

// stale reports whether an examination began before a time. After the clock was set back, none is.
func stale(began, at, before time.Time) bool { return began.Before(before) && before.Sub(at) < setBack }

// bad counts a finding.
func (b *Board) bad(c claim, text string, began, at time.Time) {
	if ended, did := b.calm[c]; did && stale(began, at, ended) {
		return // it may be of the time before the end
	}
	delete(b.calm, c)
	delete(b.releases, c)
	n := b.counts[c]
	if n == nil {
		n = &count{first: at}
		b.counts[c] = n
		if b.held[c.holder] == nil {
			b.held[c.holder] = map[key]bool{}
		}
		b.held[c.holder][c.key] = true
		b.dropExplained(c.kind)
	}
	n.bad, n.ok, n.text, n.last = n.bad+1, 0, text, at
	if !n.raised && n.bad >= Describe(c.kind).After {
		n.raised = true
		b.wake()
	}
}

// good counts an examination without the finding.
func (b *Board) good(c claim, began, at time.Time) {
	n := b.counts[c]
	if n != nil && stale(began, at, n.last) {
		return // it may have looked before the fault
	}
	r := b.doc.byKey[c.key]
	open := r != nil && r.Open
	switch {
	case n == nil && !open:
		return
	case n == nil: // another runner, or this one before a restart, has found it
		n = &count{raised: true, first: r.Since, text: r.Text}
		b.counts[c] = n
		if b.held[c.holder] == nil {
			b.held[c.holder] = map[key]bool{}
		}
		b.held[c.holder][c.key] = true
	case !n.raised, n.bad == 0 && !open: // the state that was taken over has ended without this
		b.drop(c)
		return
	}
	n.ok++
	flaps := 0
	if r != nil {
		flaps = r.Flaps
	}
	if n.ok >= Describe(c.kind).Calm<<min(flaps, mostFlaps) {
		b.drop(c)
		upTo := int64(1) // what is found here may not be stored yet
		if r != nil {
			upTo = r.Episode
			if !open {
				upTo++
			}
		}
		b.releases[c], b.calm[c] = release{at, upTo}, at
		b.dropExplained(c.kind)
		b.wake()
	}
}

func (b *Board) drop(c claim) {
	delete(b.counts, c)
	delete(b.held[c.holder], c.key)
	if len(b.held[c.holder]) == 0 {
		delete(b.held, c.holder)
	}
}

// dropExplained forgets findings that are not states yet and that a state of a kind explains.
func (b *Board) dropExplained(k Kind) {
	for c, n := range b.counts {
		if !n.raised && slices.Contains(Describe(c.kind).Causes, k) {
			b.drop(c)
		}
	}
}

// claims returns what a holder holds of some kinds. The runner also speaks for what silent runners have left.
func (b *Board) claims(holder string, kinds []Kind) []key {
	all := map[key]bool{}
	for k := range b.held[holder] {
		all[k] = true
	}
	for _, r := range b.doc.Records {
		if !r.Open {
			continue
		}
		if _, holds := r.Holders[holder]; holds || holder == b.opts.Runner {
			all[r.key()] = true
		}
	}
	var out []key
	for k := range all {
		if slices.Contains(kinds, k.kind) {
			out = append(out, k)
		}
	}
	return out
}

// wake asks for a Sync.
func (b *Board) wake() {
	select {
	case b.dirty <- struct{}{}:
	default:
	}
}

// Dirty receives when something was found that the other runners do not know.
func (b *Board) Dirty() <-chan struct{} { return b.dirty }

// Explained reports whether there is a state, or a finding that may become one, that explains findings of a kind.
func (b *Board) Explained(k Kind) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.explained(k)
}

// Holds reports whether something was found for a holder, other than of the given kinds.
func (b *Board) Holds(holder string, but ...Kind) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.held[holder] {
		if !slices.Contains(but, k.kind) {
			return true
		}
	}
	return false
}

// Lacking returns the fields that a rule lacked when it was last examined, and whether it was.
func (b *Board) Lacking(rule string) ([]string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if fields, fresh := b.lacking[rule]; fresh {
		return fields, true
	}
	fields, known := b.doc.Fields[rule]
	return fields, known
}

// NoteLacking remembers the fields that a rule lacks.
func (b *Board) NoteLacking(rule string, fields []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lacking[rule] = fields
}

// Met reports whether an index pattern has ever matched an index.
func (b *Board) Met(pattern string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.met[pattern] || slices.Contains(b.doc.Met, pattern)
}

// NoteMet remembers that an index pattern matches an index.
func (b *Board) NoteMet(pattern string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.doc.Met, pattern) {
		b.met[pattern] = true
	}
}
