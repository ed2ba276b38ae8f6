package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/logs"
	"tocsin/cmd/runner/internal/snapshot"
	"tocsin/internal/ledger/lease"
	"tocsin/internal/query"
	"tocsin/internal/rule"
	"tocsin/internal/run/backfill"
	"tocsin/internal/run/pipeline"
)

// statusPage is what the status page and the API say of the service: an [api.Source]. What is read of the ledger or counted of the alerts
// is kept for a while, so that the number of readers does not matter to the cluster.
type statusPage struct {
	*runner

	again   *reloading
	member  *lease.Member // nil: there is one runner
	ready   func(context.Context) error
	started time.Time
	// running is the context of the work that this starts.
	running context.Context //nolint:containedctx // jobs outlive the requests that start them

	covered *snapshot.Value[surveyed]
	rules   *snapshot.Value[[]api.Rule]
	counts  *snapshot.Value[api.AlertCounts]
	latest  *snapshot.Value[api.Alerts]
	leases  *snapshot.Value[lease.State]
	jobs    *snapshot.Value[[]api.Backfill]
	checked *snapshot.Value[error]

	// asking bounds the requests that search at the same time.
	asking chan struct{}
	works  sync.WaitGroup
	mu     sync.Mutex
	here   map[string]*jobHere
	places *backfillPlaces
}

// How long answers are kept, and how long finding them out may take.
const (
	surveyFresh  = time.Minute
	countsFresh  = 30 * time.Second
	jobsFresh    = 10 * time.Second
	momentFresh  = 5 * time.Second
	rulesFresh   = 2 * time.Second
	oldAfter     = 5                     // times as long as it is kept
	patience     = 80 * time.Millisecond // a page is to be there in 100
	keptWarm     = 4 * time.Minute
	longest      = 2 * time.Minute
	maxAsking    = 4
	askingWait   = 2 * time.Second
	longestCheck = 10 * time.Second
)

// status returns what is said of the service. running ends when the service is to stop, serving when it has stopped.
func (r *runner) status(running, serving context.Context, again *reloading, member *lease.Member) *statusPage {
	s := &statusPage{
		runner: r, again: again, member: member, ready: r.readiness(running), started: time.Now(), running: running,
		asking: make(chan struct{}, maxAsking), here: map[string]*jobHere{},
	}
	o := func(fresh time.Duration) snapshot.Options {
		return snapshot.Options{Fresh: fresh, Old: max(oldAfter*fresh, time.Minute), Patience: patience, Timeout: longest}
	}
	s.covered = snapshot.New(serving, o(surveyFresh), s.survey)
	s.rules = snapshot.New(serving, o(rulesFresh), s.allRules)
	s.counts = snapshot.New(serving, o(countsFresh), s.countAlerts)
	s.latest = snapshot.New(serving, o(momentFresh), func(ctx context.Context) (api.Alerts, error) {
		return s.listAlerts(ctx, api.AlertQuery{Limit: keptAlerts})
	})
	s.leases = snapshot.New(serving, o(momentFresh), func(ctx context.Context) (lease.State, error) { return r.backend.leases.Load(ctx) })
	s.jobs = snapshot.New(serving, o(jobsFresh), s.readJobs)
	s.checked = snapshot.New(serving, snapshot.Options{Fresh: momentFresh, Old: oldAfter * momentFresh, Patience: patience, Timeout: longestCheck}, func(ctx context.Context) (error, error) { return s.ready(ctx), nil })
	return s
}

// warm finds out what pages need until ctx ends, so that no reader need wait, nor sees what was known hours ago.
func (s *statusPage) warm(ctx context.Context) {
	again := time.NewTicker(keptWarm)
	defer again.Stop()
	for {
		_, _ = s.Overview(ctx) // what cannot be found out now may be the next time
		_, _ = s.Backfills(ctx)
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// wait waits until nothing runs any more that this has started.
func (s *statusPage) wait() {
	<-s.running.Done()
	s.works.Wait()
}

// aside are rules that do not run by themselves.
type aside struct {
	disabled, silent, broken []*rule.Rule
	idle                     []query.Plan
}

func asideOf(p planned) aside { return aside{p.disabled, p.silent, p.broken, p.idle} }

func (r *runner) setAside(a aside) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.aside = a
}

func (r *runner) others() aside {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.aside
}

// maxRuns is how many executions are remembered.
const maxRuns = 2000

// latestRuns remembers the latest executions of this runner, and the last one of each rule. It is safe for concurrent use.
type latestRuns struct {
	mu sync.Mutex
	// ring has the executions; the next one replaces that at next.
	ring []api.Run
	next int
	last map[string]lastRun
}

// lastRun is the last execution of a rule.
type lastRun struct {
	api.Run

	Vacant bool
}

func (l *latestRuns) add(x pipeline.Execution, ended time.Time) {
	one := api.Run{
		ID: x.ID, RuleID: x.RuleID, Name: x.RuleName, Slot: x.Slot.UTC(), Ended: ended.UTC(), Status: string(x.Status), Hits: x.Hits, Created: x.Created,
		Took: x.Took.Seconds(), Problem: logs.Blank(x.Problem()),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil {
		l.last = map[string]lastRun{}
	}
	if before, known := l.last[x.RuleID]; !known || !x.Slot.Before(before.Slot) { // catch-up runs older slots
		l.last[x.RuleID] = lastRun{one, x.Vacant}
	}
	if len(l.ring) < maxRuns {
		l.ring = append(l.ring, one)
		return
	}
	l.ring[l.next] = one
	l.next = (l.next + 1) % maxRuns
}

// list returns the executions, the latest first.
func (l *latestRuns) list() []api.Run {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Concat(l.ring[l.next:], l.ring[:l.next])
	slices.Reverse(out)
	return out
}

// of returns the last execution of each rule.
func (l *latestRuns) of(ids []string) map[string]lastRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]lastRun, len(ids))
	for _, id := range ids {
		if one, ok := l.last[id]; ok {
			out[id] = one
		}
	}
	return out
}

// Runs implements [api.Source].
func (s *statusPage) Runs(context.Context) ([]api.Run, error) { return s.runner.latest.list(), nil }

// ask bounds how many requests search at the same time.
func (s *statusPage) ask(ctx context.Context) (done func(), err error) {
	wait, cancel := context.WithTimeout(ctx, askingWait)
	defer cancel()
	select {
	case s.asking <- struct{}{}:
		return func() { <-s.asking }, nil
	case <-wait.Done():
		return nil, api.Busy()
	}
}

// hushed returns the application without its streams, and what would have been written to the one for people.
func (s *statusPage) hushed() (*app, *bytes.Buffer) {
	var said bytes.Buffer
	a := *s.app
	a.stdio, a.screen, a.bars = stdio{bytes.NewReader(nil), io.Discard, &said}, io.Discard, &bars{w: io.Discard}
	return &a, &said
}

// blamed makes an error of a command a problem of the request, if it is one; said are its diagnostics.
func blamed(err error, said *bytes.Buffer) error {
	if _, usage := errors.AsType[usageError](err); !usage && !errors.Is(err, errFailed) {
		return err
	}
	text := err.Error()
	if errors.Is(err, errFailed) {
		text = "it cannot be done"
	}
	if more := strings.TrimSpace(said.String()); more != "" {
		text += ": " + more
	}
	return api.Invalid(ofRequest(text))
}

// ofRequest makes what a command says fit for the answer to a request.
func ofRequest(text string) string { return logs.Blank(flagName.ReplaceAllString(text, "$1$2")) }

// flagName matches the dashes of a flag: requests have parameters.
var flagName = regexp.MustCompile(`(^|\s)--([a-z])`)

// Reload implements [api.Source].
func (s *statusPage) Reload(ctx context.Context) (api.Reloaded, error) {
	made, err := s.again.reload(context.WithoutCancel(ctx))
	if err != nil {
		return api.Reloaded{}, api.NewProblem(422, logs.Blank(err.Error()))
	}
	s.rules.Expire()
	s.covered.Expire()
	ids := func(list []string) []string { return append([]string{}, list...) }
	return api.Reloaded{Added: ids(made.added), Changed: ids(made.changed), Removed: ids(made.removed), Outdated: ids(made.outdated), Summary: made.String()}, nil
}

// Runners implements [api.Source].
func (s *statusPage) Runners(ctx context.Context) (api.Runners, error) {
	mine := api.Runner{ID: s.id, Host: s.host, This: true, Seen: time.Now().UTC(), Digest: digestOf(s.ruleList())}
	if s.member == nil {
		mine.Rules = len(s.ruleList())
		return api.Runners{Runners: []api.Runner{mine}}, nil
	}
	state, err := s.leases.Get(ctx)
	if err != nil {
		return api.Runners{}, err
	}
	ids := s.member.Runners()
	owned := map[string]int{}
	for _, r := range s.ruleList() {
		owned[lease.Owner(ids, r.ID())]++
	}
	out := api.Runners{Fence: s.member.Fence(), Runners: []api.Runner{}}
	for _, id := range ids {
		known := state.Value.Runners[id]
		one := api.Runner{ID: id, Host: known.Host, This: id == s.id, Seen: known.At.UTC(), Rules: owned[id], Digest: known.Rules}
		if one.This && known.At.IsZero() {
			one.Seen, one.Host, one.Digest = mine.Seen, mine.Host, mine.Digest
		}
		out.Runners = append(out.Runners, one)
	}
	return out, nil
}

// ownerOf returns the runner that runs a rule.
func (s *statusPage) ownerOf(runners []string, ruleID string) string {
	if s.member == nil {
		return s.id
	}
	return lease.Owner(runners, ruleID)
}

var _ api.Source = (*statusPage)(nil)

// jobHere is a job that this runner works on.
type jobHere struct {
	job      backfill.Job
	begun    time.Time
	progress backfill.Progress
	// told: there is a progress.
	told  bool
	ended bool
	err   error
}
