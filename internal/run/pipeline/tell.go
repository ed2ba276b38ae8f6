package pipeline

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/match/event"
	"tocsin/internal/notify"
	"tocsin/internal/search"
)

// Outbox takes notices about alerts that exist. A notice that is added again, with the same key, is told once: so alerts are added whenever
// a run meets them, and a run that was killed between writing an alert and adding its notice is repeated.
type Outbox interface {
	Add(ctx context.Context, notices []notify.Notice) error
}

// Telling says who is told of alerts, and how. The zero value tells nobody.
type Telling struct {
	// Outbox takes the notices; nil: nobody is told.
	Outbox Outbox
	// MaxAge is the age from which alerts of a slot are told in a digest of their rule.
	MaxAge time.Duration
	// Digest, if not empty, is the group of digests in which all alerts are told, one for each rule: a backfill job.
	Digest string
	// Since returns when the newest route began; nil: routes have always been there. When an alert was written that may be older has to be looked up.
	Since func() time.Time
	// Memory is how long the outbox remembers notices; 0: [notify.DefaultRetention].
	Memory time.Duration
}

const (
	// lateCalm and lateMost are how long a digest of old slots waits.
	lateCalm = time.Minute
	lateMost = 15 * time.Minute
	// jobMost is how long a digest of a backfill waits for the end of its job.
	jobMost = 24 * time.Hour
)

// LateGroup is the group of the digests of old slots.
const LateGroup = "late"

// maxAlert is the maximum size of an alert in a notice, in bytes; larger ones are left out.
const maxAlert = 48 << 10

// tell adds notices about the alerts that were written or exist; skip, when not nil, leaves some out. It is called before the slot is
// recorded, so that an error leaves the slot open.
func (x *execution) tell(ctx context.Context, docs []alert.Document, written []alert.Written, skip func(i int) bool) error {
	if x.pipeline.Telling.Outbox == nil {
		return nil
	}
	var notices []notify.Notice
	var known []alert.Document
	for i, doc := range docs {
		if skip != nil && skip(i) {
			continue
		}
		switch written[i].Outcome {
		case alert.Created:
			notices = append(notices, x.notice(doc))
		case alert.Duplicate:
			known = append(known, doc)
		case alert.Failed, alert.Replaced, alert.Stale:
		}
	}
	again, err := x.told(ctx, known)
	if err != nil {
		return err
	}
	return x.add(ctx, append(notices, again...))
}

// tellKnown adds notices about alerts that exist.
func (x *execution) tellKnown(ctx context.Context, docs []alert.Document) error {
	if x.pipeline.Telling.Outbox == nil || len(docs) == 0 {
		return nil
	}
	notices, err := x.told(ctx, docs)
	if err != nil {
		return err
	}
	return x.add(ctx, notices)
}

func (x *execution) add(ctx context.Context, notices []notify.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	if err := x.pipeline.Telling.Outbox.Add(ctx, notices); err != nil {
		return &WriteError{What: WrittenNotices, Op: "store the notifications of rule " + x.RuleID, Err: err}
	}
	return nil
}

// told returns notices about alerts that exist, without those that may be older than the memory of the outbox: they were told then. It
// says when they were written at the earliest: after their event, where that is known and will do for the routes, which began before it.
func (x *execution) told(ctx context.Context, docs []alert.Document) ([]notify.Notice, error) {
	memory := x.pipeline.Telling.Memory
	if memory <= 0 {
		memory = notify.DefaultRetention
	}
	limit := x.now().Add(-memory * 9 / 10)
	var since time.Time
	if of := x.pipeline.Telling.Since; of != nil {
		since = of()
	}
	var notices []notify.Notice
	old := map[string]alert.Document{}
	for _, doc := range docs {
		if _, at := alert.Span(doc.Source); x.slotOfAlert(doc).After(limit) && at.After(since) && x.writtenAfter(doc, at) {
			n := x.notice(doc)
			n.Written = at
			notices = append(notices, n)
			continue
		}
		old[doc.ID] = doc
	}
	if len(old) == 0 || x.pipeline.Instances == nil {
		return notices, nil
	}
	q := alert.InstanceQuery{RuleID: x.RuleID, Fresh: true}
	for _, doc := range old {
		q.Instances = append(q.Instances, alert.InstanceOf(doc))
	}
	slices.Sort(q.Instances)
	err := x.pipeline.Instances.Find(ctx, q, func(d alert.Document) (bool, error) {
		// When it was written says whether it can have been forgotten.
		if written := alert.TimeOf(d.Source, search.DefaultTimestamp); old[d.ID].Source != nil && written.After(limit) {
			n := x.notice(d)
			n.Written = written
			notices = append(notices, n)
		}
		return true, nil
	})
	if err != nil {
		return nil, &WriteError{What: WrittenAlerts, Sought: true, Op: "look for the old alerts of rule " + x.RuleID, Err: err}
	}
	return notices, nil
}

// writtenAfter reports whether an alert was certainly written after the time of its event: rules that go by another time also meet events
// whose own was still to come then.
func (x *execution) writtenAfter(doc alert.Document, at time.Time) bool {
	if name := x.plan.Rule().TimestampOverride; name != "" {
		if found := alert.TimeOf(doc.Source, name); !found.IsZero() && at.After(found) {
			return false
		}
	}
	return !at.After(x.now())
}

// slotOfAlert returns the slot that would have found an alert first.
func (x *execution) slotOfAlert(doc alert.Document) time.Time {
	_, at := alert.Span(doc.Source)
	if at.IsZero() {
		return x.Slot
	}
	if x.slotOf != nil {
		return x.slotOf(at)
	}
	for _, slot := range x.Covers {
		if !slot.Before(at) {
			return slot
		}
	}
	return x.Slot
}

// The fields of an alert that a notice shows.
const (
	riskField   = "kibana.alert.risk_score"
	tagsField   = "kibana.alert.rule.tags"
	reasonField = "kibana.alert.reason"
	blockField  = "kibana.alert.building_block_type"
)

// shownFields are further fields of an alert's event that the text names, in this order.
var shownFields = []string{"host.name", "user.name", "process.name", "process.command_line", "source.ip", "destination.ip", "file.path"}

// notice returns the notice of an alert.
func (x *execution) notice(doc alert.Document) notify.Notice {
	r := x.plan.Rule()
	first := func(name string) string { return event.First(doc.Source, name) }
	n := notify.Notice{
		Key: doc.ID, Kind: notify.KindAlert, RuleID: r.ID, RuleName: r.Name, Severity: first(alert.SeverityField),
		At: alert.TimeOf(doc.Source, "kibana.alert.original_time"), Title: r.Name, Text: first(reasonField), Fields: map[string]string{},
	}
	if n.At.IsZero() {
		n.At = alert.TimeOf(doc.Source, search.DefaultTimestamp)
	}
	n.RiskScore, _ = number(doc.Source[riskField])
	n.Tags = texts(doc.Source[tagsField])
	if n.Severity != "" {
		n.Title = "[" + n.Severity + "] " + r.Name
	}
	for _, name := range shownFields {
		if text := first(name); text != "" {
			n.Fields[name] = text
			n.Text += "\n" + name + ": " + text
		}
	}
	if first(blockField) != "" {
		n.Fields[notify.FieldBlock] = "true"
	}
	if text, err := json.Marshal(doc.Source); err == nil && len(text) <= maxAlert {
		n.Alert = text
	} else {
		n.Fields["alert_omitted"] = "true"
	}
	n.Digest = x.digestOf(doc)
	return n
}

// digestOf returns the digest in which an alert is told; nil: it is told on its own.
func (x *execution) digestOf(doc alert.Document) *notify.Digest {
	of := x.pipeline.Telling
	now := x.now()
	switch {
	case of.Digest != "":
		return &notify.Digest{Key: of.Digest + "/" + x.RuleID, Group: of.Digest, Title: "backfill: " + x.RuleName, Most: jobMost}
	case of.MaxAge > 0 && now.Sub(x.slotOfAlert(doc)) > of.MaxAge:
		return &notify.Digest{
			Key: "late/" + x.RuleID + "/" + now.UTC().Format("2006-01-02T15"), Group: LateGroup, Title: "found late: " + x.RuleName,
			Calm: lateCalm, Most: lateMost,
		}
	}
	return nil
}

// number returns a number of an alert that was built or read.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

// texts returns the texts of a list of an alert that was built or read.
func texts(value any) []string {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		var out []string
		for _, one := range v {
			if text, ok := one.(string); ok {
				out = append(out, text)
			}
		}
		return out
	}
	return nil
}
