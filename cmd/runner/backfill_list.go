package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"tocsin/internal/run/backfill"
)

// backfillListCmd lists jobs.
type backfillListCmd struct{}

// jobAccount is the JSON form of a job.
type jobAccount struct {
	Job       string    `json:"job"`
	Status    string    `json:"status"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Target    string    `json:"namespace"`
	Rules     int       `json:"rules"`
	Slots     int64     `json:"slots"`
	Covered   int64     `json:"covered"`
	Begun     time.Time `json:"begun"`
	Resumed   time.Time `json:"resumed"`
	TakenUp   int64     `json:"taken_up"`
	Cancelled bool      `json:"cancelled,omitempty"`
}

// Run is the subcommand.
func (c *backfillListCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	b, err := a.openAlertsToRead(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	p, err := a.backfillPlaces(b, "")
	if err != nil {
		return err
	}
	jobs := backfill.Jobs{Store: p.ledger}
	known, err := jobs.List(ctx)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	list := []jobAccount{}
	for _, j := range known {
		covered, err := jobs.Done(ctx, j)
		if err != nil {
			return err //nolint:wrapcheck // it names the job
		}
		list = append(list, jobAccount{
			Job: j.ID, Status: jobStatus(j, covered), From: j.From, To: j.To, Target: j.Target, Rules: len(j.Rules), Slots: j.Slots,
			Covered: covered, Begun: j.Begun, Resumed: j.Resumed, TakenUp: j.Taken, Cancelled: j.Cancelled,
		})
	}
	if a.global.Format != "text" {
		return writeJSON(a.out, a.global.Format, list)
	}
	if len(list) == 0 {
		_, err := io.WriteString(a.err, "no jobs\n")
		return wrapWrite(err)
	}
	t := newTable(a.out, "JOB", "STATUS", "RULES", "SLOTS", "COVERED", "FROM", "TO", "NAMESPACE", "BEGUN", "RESUMED")
	for _, j := range list {
		t.row(j.Job, j.Status, j.Rules, j.Slots, fmt.Sprintf("%d (%d %%)", j.Covered, percent(j.Covered, j.Slots)),
			j.From.Format(time.RFC3339), j.To.Format(time.RFC3339), j.Target, j.Begun.Format(time.RFC3339), resumed(j))
	}
	return t.flush()
}

// jobStatus returns done, cancelled or open. The ledger does not say whether a runner works on an open job.
func jobStatus(j backfill.Job, covered int64) string {
	switch {
	case covered >= j.Slots:
		return "done"
	case j.Cancelled:
		return "cancelled"
	}
	return "open"
}

func percent(n, of int64) int64 {
	if of == 0 {
		return 100
	}
	return n * 100 / of
}

// resumed formats when a job was last resumed.
func resumed(j jobAccount) string {
	if j.TakenUp < 2 {
		return "-"
	}
	return j.Resumed.Format(time.RFC3339)
}

// pace formats the speed of a job that has run for some time, and how long the rest takes.
func pace(p backfill.Progress, took time.Duration, now time.Time) string {
	remaining := p.RemainingAt(now)
	if remaining < 0 {
		return "…"
	}
	return fmt.Sprintf("%.0f slots/s, %s left", p.Rate(took), remaining.Round(time.Second))
}
