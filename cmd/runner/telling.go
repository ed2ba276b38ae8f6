package main

import (
	"context"
	"slices"
	"strings"

	"tocsin/internal/ledger/lease"
	"tocsin/internal/notify"
	"tocsin/internal/run/health"
)

// stateNotices tells people of the states of the service.
type stateNotices struct {
	*notifier
	// rule returns the name and the tags of a rule; "" if there is none with the id.
	rule func(id string) (name string, tags []string)
	// first reports whether this is the runner that speaks for all while the store of the notices does not answer.
	first func() bool
	// process is appended to the keys, if it is not empty: of states that only this process knows.
	process string
	// sent holds what was delivered directly, by route and key.
	sent map[[2]string]bool
}

// tell stores notices of changes.
func (s *stateNotices) tell(ctx context.Context, changes []health.Change) error {
	if s.notifier == nil {
		return nil
	}
	if err := s.stuck(); err != nil {
		return err // what is stored now is delivered when it does not matter any more
	}
	notices := make([]notify.Notice, len(changes))
	for i, c := range changes {
		notices[i] = s.notice(c)
	}
	return s.outbox.Add(ctx, notices) //nolint:wrapcheck // it says what it was doing
}

// urgent delivers a change without the store, with the key that it would have there, and reports whether all routes that want it have
// it. Receivers that do not honour keys get it from one runner only.
func (s *stateNotices) urgent(ctx context.Context, c health.Change) bool {
	if s.notifier == nil {
		return false
	}
	n := s.notice(c)
	n.Namespace = s.outbox.Namespace
	wanted, all := false, true
	for _, r := range s.outbox.Routes().All() {
		if !r.Match.Selects(&n) {
			continue
		}
		wanted = true
		id := [2]string{r.Name, n.Key}
		switch {
		case s.sent[id]:
		case !r.Channel.Traits().Idempotent && !s.first():
			all = false
		default:
			if err := r.Test(ctx, n); err != nil {
				s.global.log.Warn("a state could not be told", "route", r.Name, "key", n.Key, "error", err)
				all = false
				continue
			}
			s.sent[id] = true
		}
	}
	if wanted && all {
		for id := range s.sent {
			if id[1] == n.Key {
				delete(s.sent, id)
			}
		}
	}
	return wanted && all
}

// notice returns the notice of a change.
func (s *stateNotices) notice(c health.Change) notify.Notice {
	holders := slices.Concat(c.Rules, c.Runners)
	n := notify.Notice{
		Key: c.Key() + s.process, Kind: notify.KindState, Subject: "state/" + c.Name(), Severity: "medium", At: c.At,
		Text:   c.Text + "\n" + c.Advice(),
		Fields: map[string]string{"state": string(c.Kind), "state_subject": c.Subject, "holders": strings.Join(holders[:min(len(holders), mostNamed)], ",")},
	}
	if c.Severity() == health.Critical {
		n.Severity = "critical"
	}
	if c.Recovered {
		n.Kind, n.Text = notify.KindRecovery, ""
		if c.Text != "" {
			n.Text = "It was: " + c.Text
		}
	}
	if id := c.Rule(); id != "" {
		n.RuleID = id
		n.RuleName, n.Tags = s.rule(id)
	}
	n.Title = c.Title(n.RuleName)
	return n
}

// firstMember reports whether a runner is the first of the members that it knows; without membership it is.
func firstMember(m *lease.Member, id string) bool {
	if m == nil {
		return true
	}
	others := m.Runners()
	return len(others) == 0 || slices.Min(others) >= id
}

// undelivered notes the routes that have dead letters.
func (w *watching) undelivered(ctx context.Context) {
	if w.notices == nil || w.board.Explained(health.Undelivered) {
		return
	}
	limited, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	stats, err := w.notices.store.Stats(limited)
	if err != nil {
		return // the next look decides
	}
	var found []health.Finding
	for _, s := range stats {
		if s.Status == notify.Dead && s.Count > 0 {
			found = append(found, health.Finding{Subject: s.Route, Text: count(s.Count, "notification") + " of route " + s.Route + " could not be delivered"})
		}
	}
	w.watch.Set(health.Undelivered, w.clock.Now(), found...)
}
