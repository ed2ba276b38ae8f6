package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/ledger/lease"
	"tocsin/internal/query"
	"tocsin/internal/run/health"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/run/service"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search/indexname"
)

const (
	// probeEvery is how often the cluster is asked whether it answers, writableEvery whether alerts can be written and notices were given up, fitEvery whether
	// the indices are as Tocsin creates them; syncEvery is how often runners agree about states when nothing has changed.
	probeEvery, writableEvery, fitEvery, syncEvery = 5 * time.Second, 15 * time.Second, 30 * time.Second, 10 * time.Second
	// probeWithin limits one probe, answerWithin that whether the cluster answers, on which the others wait.
	probeWithin, answerWithin = 20 * time.Second, 8 * time.Second
	// skewFrom is the difference of clocks that is a state.
	skewFrom = 10 * time.Second
	// mostStuck is the number of rules from which on one state stands for all.
	mostStuck = 5
	// givenUpFor is how long it is a state that slots were given up.
	givenUpFor = time.Hour
)

// watching finds out what is wrong with the running service.
type watching struct {
	*runner

	board *health.Board
	watch *health.Watch
	owner service.Owner
	// member is nil when there is only this runner.
	member *lease.Member
	// silence watches the sources of events; measured returns how long their events take.
	silence  *health.Silence
	measured func(patterns []string) time.Duration

	mu sync.Mutex
	// indexed are the rules of byID; a reload replaces them.
	indexed []*service.Rule
	byID    map[string]*service.Rule
	stuck   map[string]progress
	givenUp time.Time

	// unanswered: the cluster did not answer when it was asked last. Only keep, and what it calls, uses it.
	unanswered bool
	// wrong is what the last reload has found, "" if nothing; reload guards it, and that it is noted in order.
	reload sync.Mutex
	wrong  string
	// leased guards that outcomes of renewing the lease are noted in order; renewed: it was renewed the last time.
	leased  sync.Mutex
	renewed bool
}

// progress is the last progress with the open slots of a rule.
type progress struct {
	open   int
	oldest time.Time
	since  time.Time
}

func (r *runner) newWatching() *watching {
	w := &watching{runner: r, owner: service.Alone{}, stuck: map[string]progress{}}
	told := &stateNotices{notifier: r.notices, rule: w.ruleNamed, first: func() bool { return firstMember(w.member, r.id) }, sent: map[[2]string]bool{}}
	w.board = health.New(health.Options{
		Store: r.backend.states, Aside: r.cmd.kept(r.global.Namespace, "states"), Runner: r.id,
		Owns:    func(rule string) bool { return w.owner.Owns(rule) },
		Exists:  func(rule string) bool { return health.IsSources(rule) || w.rule(rule) != nil },
		Live:    w.live,
		Changed: func(c health.Change) { logChange(r.global.log, c) },
		Tell:    told.tell, Urgent: told.urgent,
	})
	w.watch = health.NewWatch(w.board)
	w.silence = &health.Silence{Board: w.board, Events: r.backend.counts, After: r.cmd.SilentAfter, Lag: w.lag}
	return w
}

// live reports whether a runner is one of those that share the rules. While this runner is none, nobody is known to have gone.
func (w *watching) live(runner string) bool {
	if w.member == nil {
		return runner == w.id
	}
	members := w.member.Runners()
	return len(members) == 0 || slices.Contains(members, runner)
}

// begin is called with the service, once the runner is a member; member is nil when there is only this runner.
func (w *watching) begin(s *service.Service, member *lease.Member) {
	w.measured = s.Lag
	if member != nil {
		w.owner, w.member = member, member
		w.lease(nil)
	}
}

// rule returns a rule that runs; nil if there is none with the id.
func (w *watching) rule(id string) *service.Rule {
	rules := w.ruleList()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(rules) != len(w.indexed) || len(rules) > 0 && &rules[0] != &w.indexed[0] {
		w.indexed, w.byID = rules, byID(rules)
	}
	return w.byID[id]
}

// ruleNamed returns the name and the tags of a rule; "" if there is none with the id.
func (w *watching) ruleNamed(id string) (name string, tags []string) {
	if r := w.rule(id); r != nil {
		return r.Plan.Rule().Name, r.Plan.Rule().Tags
	}
	return "", nil
}

// execution notes the outcome of an execution.
func (w *watching) execution(x pipeline.Execution) {
	if w == nil {
		return
	}
	r := w.rule(x.RuleID)
	if r == nil || r.Plan.Rule().ContentHash != x.Revision {
		return // it was removed or changed while it ran: this says nothing about the rule as it is
	}
	w.watch.Execution(x, health.Rule{ID: x.RuleID, Name: x.RuleName, Revision: r.Plan.Rule().ContentHash, Patterns: r.Patterns()}, w.clock.Now())
}

// reloaded notes the outcome of a reload, or of the start: what is not as the files say. It holds until the next reload.
func (w *watching) reloaded(wrong []string) {
	if w == nil {
		return
	}
	w.reload.Lock()
	defer w.reload.Unlock()
	w.wrong = strings.Join(wrong, "; ")
	w.set(health.ReloadBroken, "rules", w.wrong)
}

// sinceReload notes the outcome of the last reload. Nothing else may come that is noted: a state that has come back ends only after it
// was looked for several times.
func (w *watching) sinceReload() {
	w.reload.Lock()
	defer w.reload.Unlock()
	w.set(health.ReloadBroken, "rules", w.wrong)
}

// set notes that a kind has this text for a subject; "" if nothing is wrong.
func (w *watching) set(kind health.Kind, subject, text string) {
	var found []health.Finding
	if text != "" {
		found = []health.Finding{{Subject: subject, Text: text}}
	}
	w.watch.Set(kind, w.clock.Now(), found...)
}

// lease notes whether the lease could be renewed.
func (w *watching) lease(err error) {
	w.leased.Lock()
	defer w.leased.Unlock()
	w.renewed = err == nil
	text := ""
	if err != nil {
		text = "the lease of the runner cannot be renewed: " + err.Error()
	}
	w.set(health.LeaseLost, "lease", text)
}

// sinceLease notes that the lease was renewed the last time. A state of before the start, or of a runner that has gone, ends only when it
// is looked for.
func (w *watching) sinceLease() {
	w.leased.Lock()
	defer w.leased.Unlock()
	if w.renewed {
		w.set(health.LeaseLost, "lease", "")
	}
}

// standing notes which rules have open slots without progress, and that slots were given up.
func (w *watching) standing(s service.Standing) {
	if w == nil {
		return
	}
	now := w.clock.Now()
	w.mu.Lock()
	var stuck []string
	for id, open := range s.Open {
		last, known := w.stuck[id]
		if !known || open < last.open || !s.Oldest[id].Equal(last.oldest) {
			last.since = now
		}
		w.stuck[id] = progress{open, s.Oldest[id], last.since}
		if now.Sub(last.since) > w.cmd.GapAfter && w.owner.Owns(id) && !w.board.Holds(id) {
			stuck = append(stuck, id)
		}
	}
	maps.DeleteFunc(w.stuck, func(id string, _ progress) bool { return s.Open[id] == 0 })
	givenUp := w.givenUp
	if s.GivenUp > 0 {
		w.givenUp = now
	}
	w.mu.Unlock()
	var found []health.Finding
	slices.Sort(stuck)
	for _, id := range stuck {
		found = append(found, health.Finding{Subject: id, Text: fmt.Sprintf("%d slots of rule %s stay open, the oldest is %s", s.Open[id], id, s.Oldest[id].UTC().Format(time.RFC3339))})
	}
	if len(stuck) > mostStuck {
		found = []health.Finding{{Subject: health.ManyRules, Text: fmt.Sprintf("%d rules have slots that stay open: %s", len(stuck), firstOf(stuck))}}
	}
	w.watch.Set(health.Gap, now, found...)
	switch {
	case s.GivenUp > 0:
		w.set(health.GivenUp, "service", fmt.Sprintf("%d slots were given up: too old to catch up with", s.GivenUp))
	case now.Sub(givenUp) > givenUpFor:
		w.set(health.GivenUp, "service", "")
	}
}

// keep probes, and agrees with the other runners, until the context ends.
func (w *watching) keep(ctx context.Context) {
	probe, writable, fit, sync := time.NewTicker(probeEvery), time.NewTicker(writableEvery), time.NewTicker(fitEvery), time.NewTicker(syncEvery)
	defer func() {
		for _, t := range []*time.Ticker{probe, writable, fit, sync} {
			t.Stop()
		}
	}()
	if err := w.board.Recall(ctx); err != nil {
		w.global.log.Warn("states of before the start are not known", "error", err)
	}
	w.sync(ctx)
	w.probe(ctx)
	w.further(ctx, w.probeWrite)
	for {
		select {
		case <-ctx.Done():
			return
		case <-probe.C:
			w.probe(ctx)
		case <-w.watch.Suspect():
			w.probe(ctx)
		case <-w.watch.Full():
			w.probe(ctx)
			w.further(ctx, w.probeWrite)
		case <-writable.C:
			w.further(ctx, w.probeWrite, w.undelivered)
		case <-fit.C:
			w.further(ctx, w.probeFit, w.probeRole)
		case <-sync.C:
			w.sinceReload()
			w.sinceLease()
			w.sync(ctx)
		case <-w.board.Dirty():
			w.sync(ctx)
		}
	}
}

// further makes probes of a cluster that answers: of another they would only wait, one after the other.
func (w *watching) further(ctx context.Context, probes ...func(context.Context)) {
	if w.unanswered {
		return
	}
	for _, probe := range probes {
		probe(ctx)
	}
}

func (w *watching) probe(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	began := w.clock.Now()
	err := w.backend.ready(limited)
	w.unanswered = failure.KindOf(err) == failure.Unavailable || errors.Is(err, context.DeadlineExceeded)
	w.watch.Probed(err, began)
	if w.notices != nil {
		w.watch.Delivering(w.notices.stuck(), began)
	}
	if w.backend.serverTime != nil {
		text := ""
		if by := w.clock.Ahead(); by.Abs() > skewFrom {
			text = fmt.Sprintf("the clock of Elasticsearch differs by %s from this machine's", by.Round(time.Second))
		}
		w.set(health.ClockSkew, "cluster", text)
	}
}

func (w *watching) probeWrite(ctx context.Context) {
	if w.backend.writable == nil || w.board.Explained(health.Blocked) {
		return // a cluster that does not answer would only keep the probe waiting that finds out when it does
	}
	limited, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	began := w.clock.Now()
	w.watch.Writable(w.backend.writable(limited), began)
	if began = w.clock.Now(); w.notices.heard() {
		w.watch.Storable(w.backend.storable(limited), began)
	}
}

// lag returns how long the events of a pattern take until they are visible, as far as it was measured.
func (w *watching) lag(pattern string) time.Duration {
	var most time.Duration
	for _, r := range w.ruleList() {
		if index := r.Plan.Rule().Index; slices.Contains(index, pattern) {
			most = max(most, w.measured(index))
		}
	}
	return most
}

// silentEvery is how often the sources of events are looked at.
const silentEvery = time.Minute

// listen looks at the sources of events until the context ends.
func (w *watching) listen(ctx context.Context) {
	if w.backend.counts == nil || !w.cmd.Silence {
		return
	}
	every := silentEvery
	if after := w.cmd.SilentAfter; after > 0 {
		every = min(max(after/4, time.Second), every)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := w.silence.Check(ctx, w.sources(), w.clock.Now()); err != nil && ctx.Err() == nil {
			w.global.log.Debug("the events of a source could not be counted", "error", err)
		}
		timer.Reset(every)
	}
}

// sources returns the index patterns that rules read and that are the same every day.
func (w *watching) sources() []string {
	now := w.clock.Now()
	names := health.Sources(patternsOf(w.ruleList(), (*service.Rule).Patterns))
	return slices.DeleteFunc(names, func(name string) bool {
		resolved, err := indexname.Resolve([]string{name}, now, window.Window{From: now, To: now})
		return err != nil || len(resolved) != 1 || resolved[0] != name
	})
}

// probeFit notes the indices and templates that are not as Tocsin creates them. What may not be read was logged at the start.
func (w *watching) probeFit(ctx context.Context) {
	if w.backend.misfits == nil || w.board.Explained(health.Unfit) {
		return
	}
	limited, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	misfits, err := w.backend.misfits(limited)
	if err != nil && len(misfits) == 0 {
		return
	}
	var found []health.Finding
	for _, m := range misfits {
		found = append(found, health.Finding{Subject: m.Place, Text: m.String()})
	}
	w.watch.Set(health.Unfit, w.clock.Now(), found...)
}

// toldOtherwise reports whether a missing privilege makes executions or other probes fail, which says more than that it is missing.
func toldOtherwise(l elastic.Lack) bool {
	return slices.Contains([]string{"read", "create_doc", "index"}, l.Privilege)
}

// probeRole notes the privileges that the service lacks without that anything fails soon.
func (w *watching) probeRole(ctx context.Context) {
	if w.backend.lacking == nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	rules := w.ruleList()
	plans := make([]query.Plan, len(rules))
	for i, r := range rules {
		plans[i] = r.Plan
	}
	lacks, err := w.backend.lacking(limited, plans)
	if err != nil {
		return // other probes say why the cluster does not answer
	}
	lacks = slices.DeleteFunc(lacks, toldOtherwise)
	names := make([]string, len(lacks))
	for i, l := range lacks {
		names[i] = l.String()
	}
	text := ""
	if len(lacks) > 0 {
		text = "the service lacks privileges: " + firstOf(names)
	}
	w.set(health.RoleIncomplete, "role", text)
}

func (w *watching) sync(ctx context.Context) {
	within := probeWithin
	if w.unanswered {
		within = answerWithin // without the store, what is urgent is told by itself
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := w.board.Sync(limited, w.clock.Now()); err != nil && ctx.Err() == nil {
		w.global.log.Debug("the states of the service could not be shared", "error", err)
	}
	countStates(w.metrics, w.board)
}

// countStates sets the metrics of the states.
func countStates(m *metrics.Metrics, b *health.Board) {
	n := map[health.Kind]int{}
	for _, s := range b.States() {
		n[s.Kind]++
	}
	for _, k := range health.Kinds {
		m.States(string(k.Kind), string(k.Severity), n[k.Kind])
	}
}

// logChange logs the begin or the end of a state.
func logChange(log *slog.Logger, c health.Change) {
	if c.Recovered {
		log.Info("state ended", "kind", c.Kind, "subject", c.Subject, "since", c.Since.UTC().Format(time.RFC3339), "lasted", c.At.Sub(c.Since).Round(time.Second))
		return
	}
	say := log.Warn
	if c.Severity() == health.Critical {
		say = log.Error
	}
	say("state", "kind", c.Kind, "subject", c.Subject, "since", c.Since.UTC().Format(time.RFC3339), "text", c.Text, "advice", c.Advice())
}

// note says what is wrong, one line for each state.
func (w *watching) note() string {
	if w == nil {
		return ""
	}
	return noteOfStates(w.board)
}

func noteOfStates(b *health.Board) string {
	var lines []string
	for _, s := range b.States() {
		if s.Kind == health.ReloadBroken {
			continue // the reload says it, at once
		}
		lines = append(lines, fmt.Sprintf("%s %s since %s: %s", s.Kind, s.Subject, s.Since.UTC().Format(time.RFC3339), s.Text))
	}
	return strings.Join(lines, "\n")
}
