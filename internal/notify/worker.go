package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// worker delivers the entries of one route.
type worker struct {
	*Sender
	route *Route
	// folds begins digests of the route.
	folds *Outbox

	// since is the beginning of the current span of the rate, sent the number of messages in it.
	since time.Time
	sent  int
	// silent is until when nothing is sent: the receiver said so, or several messages in a row have failed.
	silent   time.Time
	failures int
	// warned is when it was last logged that the route fails.
	warned time.Time
	// unsaved are entries whose outcome could not be recorded: it is recorded before anything else is sent.
	unsaved []*Entry
}

// page is the number of entries that a worker reads at a time.
const page = 100

// now is the sender's clock.
func (w *worker) now() time.Time { return w.Now().UTC() }

// run delivers until the context ends.
func (w *worker) run(ctx context.Context) {
	told := false
	for ctx.Err() == nil {
		n, err := w.turn(ctx)
		if ctx.Err() == nil {
			w.stored(w.route.Name, err)
		}
		if err != nil && ctx.Err() == nil {
			if !told {
				w.Log.Warn("notifications of a route wait: their store does not answer", "route", w.route.Name, "error", err)
			}
			n = 0
		}
		told = err != nil
		if n == 0 {
			wait(ctx, w.poll())
		}
	}
}

// turn takes up the entries whose time has come, and returns how many it has changed.
func (w *worker) turn(ctx context.Context) (int, error) {
	now := w.now()
	if now.Before(w.silent) {
		return 0, nil
	}
	if err := w.save(ctx, w.unsaved...); err != nil {
		return 0, err
	}
	w.unsaved = nil
	if err := w.account(ctx, now); err != nil {
		return 0, err
	}
	found, err := w.Store.Find(ctx, Query{Route: w.route.Name, Statuses: open, Before: milliseconds(now).Add(time.Millisecond), Limit: page})
	if err != nil {
		return 0, fmt.Errorf("read the outbox: %w", err)
	}
	var send, held, over []*Entry
	end, quiet := w.route.Quiet.Ends(now)
	left := w.room()
	done := 0
	for i := range found {
		e := &found[i]
		switch {
		case e.Status == Collecting:
			err = w.close(ctx, e)
		case e.Status == Settling:
			err = w.lookAgain(ctx, e)
		case e.isDigest() && e.Told == nil:
			err = w.count(ctx, e)
		case quiet && w.route.Quiet.holds(&e.Notice):
			held = append(held, e)
			continue
		case left <= 0 && e.Notice.Kind != KindTest:
			over = append(over, e)
			continue
		default:
			left--
			send = append(send, e)
			continue
		}
		if err != nil && !errors.Is(err, ErrChanged) {
			return done, err
		}
		done++
	}
	if err := w.hold(ctx, held, "held in quiet hours", end); err != nil {
		return done, err
	}
	if err := w.hold(ctx, over, "over the rate limit", w.since.Add(w.route.Per)); err != nil {
		return done, err
	}
	done += len(held) + len(over)
	for part := range slices.Chunk(send, w.together()) {
		if ctx.Err() != nil || w.now().Before(w.silent) {
			break // the others stay as they are
		}
		part, err := w.mark(ctx, part)
		if err != nil {
			return done, err
		}
		n, err := w.deliver(ctx, part)
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

// mark records that entries are about to be sent, and returns those that are still to be. A sender that takes over after a crash does not
// know what the receiver has accepted: in a digest, it would be told again under another key. Routes that make no digests of their own
// accord need no mark.
func (w *worker) mark(ctx context.Context, entries []*Entry) ([]*Entry, error) {
	if w.route.Rate <= 0 && w.route.Quiet == nil {
		return entries, nil
	}
	var ready, fresh []*Entry
	for _, e := range entries {
		if e.Tried {
			ready = append(ready, e)
			continue
		}
		e.Tried = true
		fresh = append(fresh, e)
	}
	if len(fresh) == 0 {
		return ready, nil
	}
	errs, err := w.Store.Update(ctx, fresh)
	if err != nil {
		return nil, fmt.Errorf("write the outbox: %w", err)
	}
	for i, e := range fresh {
		switch {
		case errs[i] == nil:
			ready = append(ready, e)
		case !errors.Is(errs[i], ErrChanged):
			return nil, errs[i]
		}
	}
	return ready, nil
}

// hold puts entries off until a time: into a digest, or as they are if a digest cannot stand for them.
func (w *worker) hold(ctx context.Context, entries []*Entry, why string, until time.Time) error {
	var fold, delay []*Entry
	for _, e := range entries {
		// A receiver that opens an incident for a state must be told of its end.
		state := e.Notice.Kind == KindState || e.Notice.Kind == KindRecovery
		if e.isDigest() || e.Tried || state && w.route.Channel.Traits().Incidents {
			e.At = milliseconds(until)
			delay = append(delay, e)
			continue
		}
		fold = append(fold, e)
	}
	if err := w.save(ctx, delay...); err != nil {
		return err
	}
	return w.fold(ctx, fold, why, until)
}

// account begins a new span of the rate when the last is over. A sender that took over counts what was sent in the span.
func (w *worker) account(ctx context.Context, now time.Time) error {
	since := now.Truncate(w.route.Per)
	if w.route.Rate <= 0 || w.since.Equal(since) {
		return nil
	}
	sent := 0
	if w.since.IsZero() {
		q := Query{Route: w.route.Name, Statuses: []Status{Delivered}, From: since, Limit: w.route.Rate}
		found, err := w.Store.Find(ctx, q)
		if err != nil {
			return fmt.Errorf("count what was sent: %w", err)
		}
		sent = len(found)
	}
	w.since, w.sent = since, sent
	return nil
}

// room returns how many messages the rate still allows.
func (w *worker) room() int {
	if w.route.Rate <= 0 {
		return page
	}
	return w.route.Rate - w.sent
}

// save writes entries. What somebody else has changed is left to them, and is no error.
func (w *worker) save(ctx context.Context, entries ...*Entry) error {
	if len(entries) == 0 {
		return nil
	}
	// What was sent has to be recorded, also when the service stops.
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.lease())
	defer cancel()
	errs, err := w.Store.Update(writing, entries)
	if err != nil {
		return fmt.Errorf("write the outbox: %w", err)
	}
	for _, one := range errs {
		if one != nil && !errors.Is(one, ErrChanged) {
			err = errors.Join(err, one)
		}
	}
	return err
}

// deliver sends the messages of some entries, a few at a time, and records their outcomes. Once the route is silent, or the context has
// ended, the others stay as they are.
func (w *worker) deliver(ctx context.Context, entries []*Entry) (int, error) {
	var mu sync.Mutex // for what settle changes
	var sending sync.WaitGroup
	var sent []*Entry
	places := make(chan struct{}, w.route.Concurrency)
	for _, e := range entries {
		places <- struct{}{}
		mu.Lock()
		stop := ctx.Err() != nil || w.now().Before(w.silent)
		mu.Unlock()
		if stop {
			break
		}
		sending.Go(func() {
			err := w.send(ctx, e)
			mu.Lock()
			defer mu.Unlock()
			w.settle(ctx, e, err)
			sent = append(sent, e)
			<-places
		})
	}
	sending.Wait()
	err := w.save(ctx, sent...)
	if err != nil {
		w.unsaved = sent
	}
	return len(sent), err
}

// together returns the number of messages whose outcomes are recorded together: a crash may repeat as many.
func (w *worker) together() int {
	if w.route.Channel.Traits().Idempotent {
		return page
	}
	return w.route.Concurrency
}

// send sends the message of an entry.
func (w *worker) send(ctx context.Context, e *Entry) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the channel crashed: %v", r) //nolint:err113 // it is told to people
		}
	}()
	m, err := w.route.message(e)
	if err != nil {
		return &Refusal{Err: fmt.Errorf("make the message: %w", err), Final: true}
	}
	// A message in flight when the service stops is delivered.
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.route.Timeout)
	defer cancel()
	return w.route.Channel.Send(sending, m) //nolint:wrapcheck // it is told to people
}

// maxInARow returns the number of failures in a row after which a route is silent for a while: more than all messages in flight.
func (w *worker) maxInARow() int { return 2*w.route.Concurrency + 3 }

// warnEvery is how often it is logged that a route fails.
const warnEvery = time.Minute

// settle sets what becomes of an entry after an attempt.
func (w *worker) settle(ctx context.Context, e *Entry, err error) {
	now := w.now()
	e.Attempts++
	e.Tried = true
	w.sent++
	if err == nil {
		w.failures = 0
		e.Error, e.Status, e.At = "", Delivered, milliseconds(now)
		if e.isDigest() && !e.Until.IsZero() {
			e.Status, e.At = Settling, milliseconds(now.Add(secondLook))
		} else {
			e.Notice = e.Notice.stripped()
		}
		w.report(Accepted)
		w.Log.DebugContext(ctx, "notification delivered", "route", w.route.Name, "key", e.Notice.Key, "attempts", e.Attempts)
		return
	}
	e.Error = shortened(err.Error())
	var refusal *Refusal
	said := errors.As(err, &refusal)
	if said && refusal.After > 0 {
		w.quieten(now.Add(min(refusal.After, time.Hour)))
	}
	if w.failures++; w.failures >= w.maxInARow() {
		w.quieten(now.Add(w.backoff(w.failures - w.maxInARow() + 1)))
	}
	switch {
	case said && refusal.Final, w.route.Attempts > 0 && e.Attempts >= w.route.Attempts, now.Sub(e.Created) > w.route.GiveUp:
		e.Status, e.At = Dead, milliseconds(now)
		w.report(Lost)
		w.Log.ErrorContext(ctx, "notification given up", "route", w.route.Name, "key", e.Notice.Key, "attempts", e.Attempts, "error", e.Error)
	default:
		e.At = milliseconds(now.Add(w.backoff(e.Attempts)))
		w.report(Retried)
		level := slog.LevelDebug
		if now.Sub(w.warned) >= warnEvery {
			level, w.warned = slog.LevelWarn, now
		}
		w.Log.Log(ctx, level, "notification not delivered, it is tried again", "route", w.route.Name, "key", e.Notice.Key, "attempts", e.Attempts, "error", e.Error)
	}
}

func (w *worker) report(o Outcome) {
	if w.Sent != nil {
		w.Sent(w.route.Name, o)
	}
}

func (w *worker) quieten(until time.Time) {
	if until.After(w.silent) {
		w.silent = until
	}
}

// backoff returns how long to wait after the n-th failure: between half and the whole of a time that doubles.
func (w *worker) backoff(n int) time.Duration {
	d := w.route.RetryMax
	if n < 30 {
		d = min(d, w.route.RetryMin<<max(0, n-1))
	}
	if d <= 0 {
		d = w.route.RetryMax
	}
	return d/2 + rand.N(d/2+1) //nolint:gosec // it only spreads attempts
}

// maxError bounds the error that is kept.
const maxError = 500

func shortened(text string) string {
	if len(text) > maxError {
		return text[:maxError] + "…"
	}
	return text
}
