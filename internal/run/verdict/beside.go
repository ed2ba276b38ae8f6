package verdict

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/ledger"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/query"
)

// beside makes the checks of an event that meets the condition: those that depend on other events, on runs and on alerts.
func (q *Question) beside(ctx context.Context, v *Verdict, s Subject, doc *event.Document) {
	switch {
	case v.Matches != nil:
		q.group(ctx, v, s, doc)
	case q.Supposed:
		return // a run would fail for the same reason
	}
	made, err := q.alerts(ctx, v, s)
	if err != nil {
		v.add(Alert, Unknown, "whether there is an alert about it cannot be told: %v", err)
	}
	if made {
		return
	}
	if err := q.ledger(ctx, v, s, doc); err != nil {
		v.add(Ledger, Unknown, "what became of its slots cannot be told: %v", err)
	}
}

// group asks how near the groups of the event come to an alert: in the windows of all slots that read the event, or
// in the one that is asked about.
func (q *Question) group(ctx context.Context, v *Verdict, s Subject, doc *event.Document) {
	if _, ok := q.Prepared.(query.Inquirer); !ok {
		return
	}
	if q.Events == nil {
		v.add(Group, Unknown, "the rule needs more than one event, and the others are not known")
		return
	}
	for _, slot := range q.asked(v, s, doc) {
		near, err := q.inquire(ctx, slot, s)
		if err != nil {
			v.add(Group, Unknown, "what its group lacks cannot be told: %v", err)
			return
		}
		if better(near, v.Near) {
			v.Near, v.Slot = near, slot
			v.SlotWindow = q.Plan.Rule().Window(slot).String()
		}
	}
	var texts []string
	reached := false
	for _, n := range v.Near {
		reached = reached || n.Reached
		texts = append(texts, n.String())
	}
	switch {
	case len(v.Near) == 0:
		v.add(Group, Unknown, "the event is not among the events that are known")
	case reached:
		v.add(Group, Yes, "%s", strings.Join(texts, "; "))
	default:
		v.add(Group, No, "%s", strings.Join(texts, "; "))
	}
}

// mostAsked bounds the slots whose groups are counted for one event.
const mostAsked = 24

// asked returns the slots to ask about.
func (q *Question) asked(v *Verdict, s Subject, doc *event.Document) []time.Time {
	switch {
	case v.Slot.IsZero():
		return []time.Time{q.Now}
	case !q.Slot.IsZero():
		return []time.Time{q.Slot}
	}
	slots := q.covering(q.times(s, doc), mostSlots)
	span := time.Duration(q.Prepared.Explain(q.Plan.Rule().Window(v.Slot)).MaxSpan)
	grid, err := q.Plan.Rule().Slots()
	if err == nil && span > 0 && len(slots) > 0 { // the events that follow may lie in later windows
		last := slots[len(slots)-1]
		for slot := grid.Next(last); !slot.IsZero() && slot.Sub(last) <= span && len(slots) < mostSlots; slot = grid.Next(slot) {
			slots = append(slots, slot)
		}
	}
	if len(slots) <= mostAsked {
		return slots
	}
	out := make([]time.Time, mostAsked)
	for i := range out { // evenly, with the first and the last
		out[i] = slots[i*(len(slots)-1)/(mostAsked-1)]
	}
	return out
}

// inquire asks about the window of one slot.
func (q *Question) inquire(ctx context.Context, slot time.Time, s Subject) ([]query.Near, error) {
	w := q.Plan.Rule().Window(slot)
	src := query.Source{Events: q.Events, History: q.History, At: slot, Window: w}
	prepared, diags, err := q.Plan.Prepare(ctx, src)
	switch {
	case err != nil:
		return nil, err //nolint:wrapcheck // it says what it was doing
	case prepared == nil:
		return nil, fmt.Errorf("the rule cannot run on the events: %w", diags[0])
	}
	e := s.Event
	e.Types = mapping.OfIndex(prepared.Target().Fields, e.Index)
	return prepared.(query.Inquirer).Inquire(ctx, src, w, &e) //nolint:wrapcheck,forcetypeassert // it says what it was doing; every bound form of the plan is one
}

// better reports whether groups are nearer to an alert than others.
func better(a, b []query.Near) bool { return len(b) == 0 || nearness(a) > nearness(b) }

// nearness is what the best of the groups has reached: the steps, less what is missed.
func nearness(all []query.Near) float64 {
	best := math.Inf(-1)
	for _, n := range all {
		value := float64(n.Step)
		for _, m := range n.Measures {
			if short, ok := new(big.Rat).SetString(m.Short); ok {
				missed, _ := short.Float64()
				value -= missed
			}
		}
		if n.Reached {
			value = math.Inf(1)
		}
		best = max(best, value)
	}
	return best
}

// alerts looks for alerts about the event, and for one that it was folded into. made: there is one.
func (q *Question) alerts(ctx context.Context, v *Verdict, s Subject) (made bool, err error) {
	if q.Alerts == nil || v.Slot.IsZero() {
		return false, nil
	}
	found, err := q.Alerts(ctx, v.Slot)
	if err != nil {
		return false, err
	}
	about, err := found.About(ctx, s.Event.Ref())
	if err != nil {
		return false, err
	}
	if len(about) > 0 {
		v.AlertID = about[0].ID
		if supp, ok := alert.SuppressionOf(about[0]); ok && supp.Count > 0 {
			v.add(Suppression, Yes, "the alert of it counts %d further, up to %s", supp.Count, at(supp.End))
		}
		v.add(Alert, Yes, "%s", q.made(v))
		return true, nil
	}
	return q.folded(ctx, v, s, found)
}

func (q *Question) made(v *Verdict) string {
	if q.Supposed {
		return "a run at slot " + at(v.Slot) + " makes an alert of it"
	}
	return "alert " + v.AlertID + " was made of it"
}

// folded looks for the alert that suppression has folded the event into.
func (q *Question) folded(ctx context.Context, v *Verdict, s Subject, found Alerts) (bool, error) {
	r := q.Plan.Rule()
	if r.AlertSuppression == nil || r.Threshold != nil {
		return false, nil
	}
	fields := q.Prepared.Target().Fields
	b := alert.NewBuilder(r, alert.Options{}, alert.Indices{Fields: func(index string) mapping.Fields { return mapping.OfIndex(fields, index) }})
	subjects, err := b.Subjects(alert.Finding{Event: s.Event}, v.Slot)
	if err != nil {
		return false, err //nolint:wrapcheck // it names the event
	}
	by := strings.Join(r.AlertSuppression.GroupBy, ", ")
	for of := range subjects {
		if of.Alone {
			continue
		}
		docs, err := found.Of(ctx, []string{of.Instance})
		if err != nil {
			return false, err
		}
		for _, d := range docs {
			supp, ok := alert.SuppressionOf(d)
			if !ok || of.At.Truncate(time.Millisecond).Before(supp.Start) || of.At.Truncate(time.Millisecond).After(supp.End) {
				continue
			}
			v.AlertID = d.ID
			does := "was"
			if q.Supposed {
				does = "is"
			}
			v.add(Suppression, No, "suppression by %s folded it: it %s counted in alert %s, which stands for %d events besides its own from %s to %s",
				by, does, d.ID, supp.Count, at(supp.Start), at(supp.End))
			return true, nil
		}
	}
	return false, nil
}

// ledger looks at the records of the slots that read the event, and compares their runs with the time of its ingest.
func (q *Question) ledger(ctx context.Context, v *Verdict, s Subject, doc *event.Document) error {
	if q.Ledger == nil {
		return nil
	}
	id := q.Plan.Rule().ID
	slots := q.covering(q.times(s, doc), mostSlots)
	if len(slots) == 0 {
		return nil
	}
	heads, err := q.Ledger.Heads(ctx, []string{id})
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	pages, err := q.Ledger.Pages(ctx, []string{id}, ledger.Day(slots[0]), ledger.Day(slots[len(slots)-1]))
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	if len(heads) == 0 && len(pages) == 0 {
		return nil
	}
	var read, open []ledger.Entry
	for _, slot := range slots {
		e := entryOf(pages, slot)
		if e.Status == ledger.Covered || e.Status == ledger.Queued || e.Status == ledger.Partial {
			read = append(read, e)
		} else if len(heads) == 0 || !slot.Before(heads[0].Since) || e.Status != ledger.Planned {
			open = append(open, e)
		}
	}
	switch {
	case len(read) > 0:
		v.late(read, doc, heads)
	case len(open) > 0:
		v.add(Ledger, No, "%s", q.unread(open))
	default:
		v.add(Ledger, No, "the rule began with slot %s, after the slots that read it: a backfill would", at(heads[0].Since))
	}
	return nil
}

func entryOf(pages []ledger.Page, slot time.Time) ledger.Entry {
	for i := range pages {
		if e, found := pages[i].Find(slot); found {
			return e
		}
	}
	return ledger.Entry{Slot: slot}
}

// unread says what became of slots of which none has read the event.
func (q *Question) unread(open []ledger.Entry) string {
	e := open[0]
	text := fmt.Sprintf("slot %s, which reads it, ", at(e.Slot))
	switch {
	case e.Status == ledger.Planned && e.Slot.After(q.Now):
		text += "has not come yet"
	case e.Status == ledger.Planned:
		text += "has not run"
	default:
		text += "is " + e.Status.String()
	}
	if e.Error != "" {
		text += ": " + e.Error
	}
	if len(open) > 1 {
		text += fmt.Sprintf(", and no other of the %d slots has read it", len(open))
	}
	return text
}

// ingested is the field with the time at which an event was ingested.
const ingested = "event.ingested"

// late compares the time of ingest with the runs of the slots that have read the time of the event.
func (v *Verdict) late(read []ledger.Entry, doc *event.Document, heads []ledger.Head) {
	came := dates(doc, ingested)
	last := slices.MaxFunc(read, func(a, b ledger.Entry) int { return a.EndedBy().Compare(b.EndedBy()) })
	by := last.EndedBy()
	slot, ended := at(last.Slot), at(last.Ended)
	switch {
	case last.Ended.IsZero():
		v.add(Lateness, Unknown, "slot %s is %s, and when it ran is not recorded", slot, last.Status)
	case len(came) == 0:
		v.add(Lateness, Unknown, "the event has no %s: whether it came after slot %s ran at %s cannot be told", ingested, slot, ended)
	case came[0].After(last.Ended) && !came[0].After(by):
		v.add(Lateness, Unknown, "it was ingested at %s, and slot %s ran between %s and %s: which was first cannot be told", at(came[0]), slot, ended, at(by))
	case came[0].After(by):
		text := ""
		if len(heads) > 0 && !heads[0].Reread.IsZero() {
			text = "; late events were searched for up to slot " + at(heads[0].Reread)
		}
		v.add(Lateness, No, "it came late: it was ingested at %s, at least %s after the last run that read its time, slot %s at %s%s",
			at(came[0]), came[0].Sub(by).Round(time.Second), slot, ended, text)
	default:
		v.add(Ledger, Unknown, "slot %s is %s and ran at %s, after the event was ingested, and made no alert of it: the rule, its exceptions or the event may have been others then", slot, last.Status, ended)
	}
}

// conclude writes the summary.
func (v *Verdict) conclude() {
	var no, unknown []string
	if c := v.check(Condition); c.Result == No {
		no = append(no, c.Text)
	}
	for _, c := range v.Checks {
		if c.Name == Condition && c.Result == No {
			continue
		}
		switch c.Result {
		case No:
			no = append(no, c.Text)
		case Unknown:
			unknown = append(unknown, c.Text)
		case Yes:
		}
	}
	v.Alerts = len(no) == 0 && v.check(Condition).Result == Yes
	made := v.check(Alert)
	wasMade := made != nil && made.Result == Yes
	verb := "The event matches "
	switch {
	case v.Matches == nil && !wasMade:
		verb = "Whether the event matches "
	case v.Matches != nil && !*v.Matches:
		verb = "The event does not match "
	case v.steps:
		verb = "The event fits " + strings.TrimPrefix(v.holding(), "it meets ") + " of "
	}
	v.Summary = verb + v.Rule
	switch {
	case v.Matches == nil && !wasMade:
		v.Summary += " is not known: " + strings.Join(slices.Concat(no, unknown), "; also ")
	case v.Matches != nil && !*v.Matches:
		v.Summary += ": " + strings.Join(no, "; also ")
	case len(no) > 0:
		v.Summary += ", but makes no alert: " + strings.Join(no, "; also ")
	case wasMade:
		v.Summary += ": " + made.Text
	case len(unknown) > 0:
		v.Summary += ", and whether it makes an alert is not known: " + strings.Join(unknown, "; also ")
	case !v.Slot.IsZero():
		v.Summary += ": slot " + at(v.Slot) + " finds it"
	}
	v.Summary += "."
}
