package notify

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secondLook is how long after its delivery a digest is looked at again. Whoever has read that it collects has stored its member by then.
const secondLook = 5 * time.Minute

// maxNamed is the number of members that a digest names.
const maxNamed = 10

// close closes a digest whose time has come, or moves its time if members came lately.
func (w *worker) close(ctx context.Context, e *Entry) error {
	now := w.now()
	if e.Until.After(now) && e.Calm > 0 {
		m, err := w.Store.Members(ctx, e.ID, 1)
		if err != nil {
			return err //nolint:wrapcheck // the caller wraps it
		}
		calm := m.Newest.Add(e.Calm)
		if m.Count > 0 && calm.After(now) {
			e.At = milliseconds(earlier(calm, e.Until))
			return w.save(ctx, e)
		}
	}
	// From this write on nobody adds members; then they are counted.
	e.Status, e.At = Pending, milliseconds(now)
	return w.save(ctx, e)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// count freezes what a closed digest tells, so that it is the same whenever it is sent again. A digest without members is not sent.
func (w *worker) count(ctx context.Context, e *Entry) error {
	m, err := w.Store.Members(ctx, e.ID, maxNamed)
	if err != nil {
		return err //nolint:wrapcheck // the caller wraps it
	}
	e.Told = &m.Count
	if m.Count == 0 {
		e.Status, e.At = Settling, milliseconds(w.now().Add(secondLook))
	}
	tell(&e.Notice, m, m.Count)
	return w.save(ctx, e)
}

// tell writes title and text of a digest.
func tell(n *Notice, m Members, count int) {
	n.Title = fmt.Sprintf("%d × %s", count, n.Title)
	var text strings.Builder
	named := m.Some[:min(len(m.Some), count)]
	for _, e := range named {
		fmt.Fprintf(&text, "%s %s\n", e.Notice.At.UTC().Format(time.RFC3339), e.Notice.Title)
	}
	if more := count - len(named); more > 0 {
		fmt.Fprintf(&text, "and %d more\n", more)
	}
	n.Text = strings.TrimSuffix(text.String(), "\n")
	n.Fields = map[string]string{"count": strconv.Itoa(count)}
}

// lookAgain begins a further digest for members that were stored while the digest was closed.
func (w *worker) lookAgain(ctx context.Context, e *Entry) error {
	m, err := w.Store.Members(ctx, e.ID, maxNamed)
	if err != nil {
		return err //nolint:wrapcheck // the caller wraps it
	}
	now, told := milliseconds(w.now()), 0
	if e.Told != nil {
		told = *e.Told
	}
	if m.Count <= told {
		e.Status, e.At = Delivered, now
		return w.save(ctx, e)
	}
	count := m.Count - told
	more := &Entry{
		ID: idOf("more", e.ID, strconv.Itoa(told)), Route: e.Route, Status: Pending, At: now, Created: now, Told: &count, Notice: e.Notice,
	}
	more.Notice.Key += "/more-" + strconv.Itoa(told)
	if _, title, ok := strings.Cut(more.Notice.Title, " × "); ok {
		more.Notice.Title = title
	}
	tell(&more.Notice, m, count)
	made, err := w.Store.Create(ctx, []*Entry{more})
	if err != nil {
		return err //nolint:wrapcheck // the caller wraps it
	}
	if !made[0] { // a sender that was killed has begun it, with the number of then
		have, err := w.Store.Get(ctx, []string{more.ID})
		if err != nil || len(have) == 0 {
			return err //nolint:wrapcheck // the caller wraps it
		}
		count = *have[0].Told
	}
	told += count
	e.Told, e.At = &told, milliseconds(now.Add(secondLook))
	return w.save(ctx, e)
}

// fold makes entries members of a digest that is told at a time.
func (w *worker) fold(ctx context.Context, entries []*Entry, why string, until time.Time) error {
	if len(entries) == 0 {
		return nil
	}
	now := milliseconds(w.now())
	d := Digest{Key: why + "/" + until.UTC().Format(time.RFC3339), Title: w.route.Name + ": notifications " + why, Most: until.Sub(now)}
	id, err := w.folds.collecting(ctx, w.route.Name, d, Notice{Namespace: entries[0].Notice.Namespace})
	if err != nil {
		return err
	}
	for _, e := range entries {
		e.Status, e.At, e.Digest, e.Notice = Member, now, id, e.Notice.stripped()
	}
	return w.save(ctx, entries...)
}
