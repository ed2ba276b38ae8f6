package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/cmd/runner/internal/api"
	"tocsin/cmd/runner/internal/logs"
	"tocsin/internal/query"
	"tocsin/internal/run/backfill"
)

const (
	// maxJobsHere is how many jobs this runner works on at the same time; each takes part in the load on the cluster.
	maxJobsHere = 2
	// jobConcurrency is how many rules of a job run at the same time: live rules come first.
	jobConcurrency = 2
)

// errBusyJobs is a request for one job too many.
var errBusyJobs = api.Conflict(fmt.Sprintf("this runner works on %d jobs already", maxJobsHere))

// jobPlaces returns the stores of jobs, always the same.
func (s *statusPage) jobPlaces() (*backfillPlaces, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places != nil {
		return s.places, nil
	}
	a, _ := s.hushed()
	b := *s.backend // what a backfill installs is not what the service does
	p, err := a.backfillPlaces(&b, "")
	if err == nil {
		s.places = p
	}
	return p, err
}

// readJobs reads the jobs with their progress.
func (s *statusPage) readJobs(ctx context.Context) ([]api.Backfill, error) {
	p, err := s.jobPlaces()
	if err != nil {
		return nil, err
	}
	jobs := backfill.Jobs{Store: p.ledger}
	known, err := jobs.List(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	out := make([]api.Backfill, 0, len(known))
	for _, j := range known {
		covered, err := jobs.Done(ctx, j)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the job
		}
		out = append(out, jobOf(j, covered))
	}
	return out, nil
}

func jobOf(j backfill.Job, covered int64) api.Backfill {
	return api.Backfill{
		Job: j.ID, Status: jobStatus(j, covered), From: j.From.UTC(), To: j.To.UTC(), Target: j.Target, Rules: len(j.Rules), Slots: j.Slots, Covered: covered,
		Begun: j.Begun.UTC(), Resumed: j.Resumed.UTC(), TakenUp: j.Taken,
	}
}

// Backfills implements [api.Source].
func (s *statusPage) Backfills(ctx context.Context) (api.Backfills, error) {
	taken, err := s.jobs.Get(ctx)
	if err != nil {
		return api.Backfills{}, err
	}
	out := api.Backfills{AsOf: asOf(taken.At, taken.Err), Backfills: []api.Backfill{}}
	for _, j := range slices.Concat(s.justBegun(taken.Value), taken.Value) {
		out.Backfills = append(out.Backfills, s.withProgress(j))
	}
	return out, nil
}

// justBegun returns the jobs that run here and are not among those that the ledger had when it was read.
func (s *statusPage) justBegun(known []api.Backfill) []api.Backfill {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []api.Backfill
	for id, here := range s.here {
		if !here.ended && !slices.ContainsFunc(known, func(j api.Backfill) bool { return j.Job == id }) {
			out = append(out, jobOf(here.job, 0))
		}
	}
	slices.SortFunc(out, func(a, b api.Backfill) int { return b.Begun.Compare(a.Begun) })
	return out
}

// withProgress adds to a job what this runner knows of it.
func (s *statusPage) withProgress(j api.Backfill) api.Backfill {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := s.here[j.Job]
	if here == nil {
		return j
	}
	if here.ended {
		if here.err != nil && j.Status == "open" {
			j.Status, j.Error = "failed", logs.Blank(here.err.Error())
		}
		return j
	}
	j.Here, j.Status = true, "running"
	if done := here.progress.Before + here.progress.Covered; done > j.Covered {
		j.Covered = min(done, j.Slots)
	}
	if left := here.progress.RemainingAt(time.Now()); left >= 0 && here.told {
		j.Rate, j.Remaining = here.progress.Rate(time.Since(here.begun)), left.Seconds()
	}
	return j
}

// Backfill implements [api.Source].
func (s *statusPage) Backfill(ctx context.Context, id string) (api.Backfill, error) {
	p, err := s.jobPlaces()
	if err != nil {
		return api.Backfill{}, err
	}
	jobs := backfill.Jobs{Store: p.ledger}
	j, err := jobs.Get(ctx, id)
	if errors.Is(err, backfill.ErrUnknown) {
		return api.Backfill{}, api.NotFound("there is no job of this name")
	}
	if err != nil {
		return api.Backfill{}, err //nolint:wrapcheck // it names the job
	}
	covered, err := jobs.Done(ctx, j)
	return s.withProgress(jobOf(j, covered)), err //nolint:wrapcheck // it names the job
}

// CancelBackfill implements [api.Source].
func (s *statusPage) CancelBackfill(ctx context.Context, id string) (api.Backfill, error) {
	p, err := s.jobPlaces()
	if err != nil {
		return api.Backfill{}, err
	}
	err = backfill.Jobs{Store: p.ledger}.Cancel(ctx, id)
	if errors.Is(err, backfill.ErrUnknown) {
		return api.Backfill{}, api.NotFound("there is no job of this name")
	}
	if err != nil {
		return api.Backfill{}, err //nolint:wrapcheck // it names the job
	}
	s.global.log.Info("a backfill was cancelled", "job", id)
	s.jobs.Expire()
	return s.Backfill(ctx, id)
}

// StartBackfill implements [api.Source].
func (s *statusPage) StartBackfill(ctx context.Context, n api.NewBackfill) (api.Backfill, error) {
	a, said := s.hushed()
	c := &backfillRunCmd{
		From: moment{n.From}, To: moment{n.To}, Rule: n.Rules, Job: n.Job, Stretch: backfill.DefaultStretch, Concurrency: jobConcurrency, RoundTimeout: s.cmd.RuleTimeout, Grace: s.cmd.Grace,
		Strategy: s.cmd.Strategy,
	}
	if err := c.check(a, time.Now()); err != nil {
		return api.Backfill{}, blamed(err, said)
	}
	plans, err := s.plansOf(n)
	if err != nil {
		return api.Backfill{}, err
	}
	p, err := s.jobPlaces()
	if err != nil {
		return api.Backfill{}, err
	}
	rules, job, err := c.job(ctx, p, plans)
	if errors.Is(err, backfill.ErrUnknown) {
		return api.Backfill{}, api.NotFound("there is no job of this name")
	}
	if err != nil {
		return api.Backfill{}, blamed(err, said)
	}
	if known, err := (backfill.Jobs{Store: p.ledger}).Get(ctx, job.ID); err == nil && known.Hash() != job.Hash() {
		return api.Backfill{}, api.Conflict("another job has this name, or the rules of the job have changed")
	}
	here, err := s.claim(job)
	if err != nil {
		return api.Backfill{}, err
	}
	s.global.log.Info("a backfill was asked for", "job", job.ID, "rules", len(job.Rules), "from", job.From, "to", job.To)
	c.watch = func(now backfill.Progress) {
		s.mu.Lock()
		defer s.mu.Unlock()
		here.progress, here.told = now, true
	}
	s.works.Go(func() {
		err := c.run(s.running, a, p, rules, job)
		if err != nil {
			s.global.log.Warn("a backfill ended early", "job", job.ID, "error", err)
		}
		s.mu.Lock()
		here.ended, here.err = true, err
		s.mu.Unlock()
		s.jobs.Expire()
	})
	s.jobs.Expire()
	return s.begun(ctx, job)
}

// begun returns a job that has just been started: it may not be in the ledger yet.
func (s *statusPage) begun(ctx context.Context, job backfill.Job) (api.Backfill, error) {
	now, err := s.Backfill(ctx, job.ID)
	if problem, ok := errors.AsType[*api.Problem](err); ok && problem.Status == api.NotFound("").Status {
		job.Begun, job.Resumed = time.Now(), time.Now()
		return s.withProgress(jobOf(job, 0)), nil
	}
	return now, err
}

// plansOf returns the plans of the rules of a job; all that run or could, if it is resumed by its name.
func (s *statusPage) plansOf(n api.NewBackfill) ([]query.Plan, error) {
	var plans []query.Plan
	for _, ref := range n.Rules {
		plan := s.planOf(ref)
		if plan == nil {
			return nil, api.NotFound("there is no rule with the id or name " + ref + " that can run")
		}
		if !slices.Contains(plans, plan) {
			plans = append(plans, plan)
		}
	}
	if len(plans) > 0 {
		return plans, nil
	}
	for _, r := range s.ruleList() {
		plans = append(plans, r.Plan)
	}
	if n.From.IsZero() {
		plans = append(plans, s.others().idle...)
	}
	return plans, nil
}

// claim notes that this runner works on a job, unless it does already or on too many.
func (s *statusPage) claim(job backfill.Job) (*jobHere, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running.Err() != nil {
		return nil, api.Conflict("the service is stopping")
	}
	if one := s.here[job.ID]; one != nil && !one.ended {
		return nil, api.Conflict("this runner works on the job already")
	}
	working := 0
	for id, one := range s.here {
		switch {
		case !one.ended:
			working++
		case len(s.here) > maxJobsKept:
			delete(s.here, id)
		}
	}
	if working >= maxJobsHere {
		return nil, errBusyJobs
	}
	here := &jobHere{job: job, begun: time.Now()}
	here.job.Begun, here.job.Resumed = here.begun, here.begun
	s.here[job.ID] = here
	return here, nil
}

// maxJobsKept is how many jobs are remembered with how they ended.
const maxJobsKept = 100
