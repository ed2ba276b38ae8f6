package backfill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/ledger"
)

// Jobs are the jobs in a ledger store.
type Jobs struct{ Store ledger.Store }

// What can be wrong with a job. An [ErrOther] is about the request.
var (
	ErrUnknown   = errors.New("there is no such job")
	ErrOther     = errors.New("another job has this name")
	ErrTaken     = errors.New("another process has taken over the job")
	ErrCancelled = errors.New("somebody has cancelled the job")
)

// Get returns a job; [ErrUnknown] when there is no job of that name.
func (s Jobs) Get(ctx context.Context, id string) (Job, error) {
	heads, err := s.Store.Heads(ctx, []string{headID(id)})
	if err != nil {
		return Job{}, fmt.Errorf("read backfill %s: %w", id, err)
	}
	if len(heads) == 0 {
		return Job{}, fmt.Errorf("backfill %s: %w", id, ErrUnknown)
	}
	return parseJob(heads[0])
}

// List returns all jobs, the most recently started or resumed first.
func (s Jobs) List(ctx context.Context) ([]Job, error) {
	heads, err := s.Store.Heads(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("list backfills: %w", err)
	}
	var jobs []Job
	for _, h := range heads {
		if _, ok := jobOf(h.RuleID); !ok {
			continue
		}
		j, err := parseJob(h)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Or(b.Resumed.Compare(a.Resumed), cmp.Compare(a.ID, b.ID)) })
	return jobs, nil
}

// Cancel makes the process that runs the job stop after the current round.
func (s Jobs) Cancel(ctx context.Context, id string) error {
	return s.change(ctx, id, func(j Job, known bool) (Job, error) {
		if !known {
			return j, fmt.Errorf("backfill %s: %w", id, ErrUnknown)
		}
		j.Cancelled = true
		return j, nil
	})
}

// Take starts or resumes a job. A process that had the job before notices and stops. The result has
// the fencing number.
func (s Jobs) Take(ctx context.Context, want Job, now time.Time) (Job, error) {
	var taken Job
	err := s.change(ctx, want.ID, func(j Job, known bool) (Job, error) {
		if why := want.differs(j); known && why != "" {
			return j, fmt.Errorf("backfill %s: %w: %s", want.ID, ErrOther, why)
		}
		if !known {
			j = want
			j.Begun = now.UTC()
		}
		j.Slots, j.Resumed, j.Cancelled = want.Slots, now.UTC(), false
		j.Taken++
		taken = j
		return j, nil
	})
	return taken, err
}

// maxTries is how often a head is read again after a conflict.
const maxTries = 8

func (s Jobs) change(ctx context.Context, id string, change func(j Job, known bool) (Job, error)) error {
	for range maxTries {
		j, err := s.Get(ctx, id)
		if err != nil && !errors.Is(err, ErrUnknown) {
			return err
		}
		if j, err = change(j, err == nil); err != nil {
			return err
		}
		head, err := j.head()
		if err != nil {
			return err
		}
		errs, err := s.Store.SaveHeads(ctx, []*ledger.Head{head})
		if err == nil {
			err = errors.Join(errs...)
		}
		if !errors.Is(err, ledger.ErrChanged) {
			if err != nil {
				return fmt.Errorf("write backfill %s: %w", id, err)
			}
			return nil
		}
	}
	return fmt.Errorf("write backfill %s: %w", id, ledger.ErrChanged)
}

// Done returns how many slots of a job are covered.
func (s Jobs) Done(ctx context.Context, j Job) (int64, error) {
	covered := int64(0)
	for day := ledger.Day(j.From); day.Before(j.To); day = day.AddDate(0, 0, 1) {
		pages, err := s.pages(ctx, j, day)
		if err != nil {
			return 0, err
		}
		for _, p := range pages {
			covered += p.Sum().Covered + p.Sum().Vacant
		}
	}
	return covered, nil
}

// pages returns the pages of a day, by rule id.
func (s Jobs) pages(ctx context.Context, j Job, day time.Time) (map[string]ledger.Page, error) {
	ids := make([]string, len(j.Rules))
	for i, r := range j.Rules {
		ids[i] = pageID(j.ID, r.ID)
	}
	found, err := s.Store.Pages(ctx, ids, day, day)
	if err != nil {
		return nil, fmt.Errorf("read the progress of backfill %s: %w", j.ID, err)
	}
	pages := make(map[string]ledger.Page, len(found))
	for _, p := range found {
		pages[p.RuleID[len(headID(j.ID))+1:]] = p
	}
	return pages, nil
}
