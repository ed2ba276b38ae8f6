package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"tocsin/internal/notify"
)

// noticesCmd shows and changes the outbox of notifications.
type noticesCmd struct {
	List   noticesListCmd   `cmd:"" default:"withargs" help:"List notifications that wait, or with another status."`
	Dead   noticesDeadCmd   `cmd:"" help:"List notifications that were given up."`
	Replay noticesReplayCmd `cmd:"" help:"Send notifications again that were given up."`
	Test   noticesTestCmd   `cmd:"" help:"Send a test message to every route of --notify."`
}

type noticesListCmd struct {
	Route  string   `help:"Only those of this route." placeholder:"NAME"`
	Status []string `help:"Only those with this status: pending, collecting, settling, member, delivered, dead or all. By default those that wait." placeholder:"STATUS" line:"only"`
	Limit  int      `help:"Maximum number of notifications. 0: all." default:"100"`
}

type noticesDeadCmd struct {
	Route string `help:"Only those of this route." placeholder:"NAME"`
	Limit int    `help:"Maximum number of notifications. 0: all." default:"100"`
}

type noticesReplayCmd struct {
	IDs   []string `arg:"" optional:"" name:"id" help:"Ids of notifications, or their beginnings."`
	All   bool     `help:"All that were given up."`
	Route string   `help:"All of this route." placeholder:"NAME"`
}

type noticesTestCmd struct {
	Route []string `help:"Only this route. May be repeated." placeholder:"NAME" sep:"none"`
}

// noticeLine is a notification in the output.
type noticeLine struct {
	ID       string        `json:"id"`
	Route    string        `json:"route"`
	Status   notify.Status `json:"status"`
	At       time.Time     `json:"at"`
	Created  time.Time     `json:"created"`
	Kind     notify.Kind   `json:"kind"`
	Key      string        `json:"key"`
	RuleID   string        `json:"rule_id,omitempty"`
	Title    string        `json:"title"`
	Attempts int           `json:"attempts"`
	Error    string        `json:"error,omitempty"`
	Digest   string        `json:"digest,omitempty"`
}

// waiting are the statuses of notifications that were not told yet.
var waiting = []notify.Status{notify.Pending, notify.Collecting}

// Run is the subcommand.
func (c *noticesListCmd) Run(ctx context.Context, a *app) error {
	statuses := waiting
	if len(c.Status) > 0 {
		statuses = nil
	}
	for _, word := range c.Status {
		if word == "all" {
			statuses = notify.Statuses
			break
		}
		if !slices.Contains(notify.Statuses, notify.Status(word)) {
			return usagef("--status %q is none of pending, collecting, settling, member, delivered, dead, all", word)
		}
		statuses = append(statuses, notify.Status(word))
	}
	return listNotices(ctx, a, notify.Query{Route: c.Route, Statuses: statuses}, c.Limit)
}

// Run is the subcommand.
func (c *noticesDeadCmd) Run(ctx context.Context, a *app) error {
	return listNotices(ctx, a, notify.Query{Route: c.Route, Statuses: []notify.Status{notify.Dead}}, c.Limit)
}

func listNotices(ctx context.Context, a *app, q notify.Query, limit int) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	if limit < 0 {
		return usagef("--limit must not be negative")
	}
	b, err := a.openAlertsToRead(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	lines := []noticeLine{}
	err = eachNotice(ctx, b.outbox, q, func(e notify.Entry) (bool, error) {
		n := e.Notice
		lines = append(lines, noticeLine{e.ID, e.Route, e.Status, e.At, e.Created, n.Kind, n.Key, n.RuleID, n.Title, e.Attempts, e.Error, e.Digest})
		return limit == 0 || len(lines) < limit, nil
	})
	if err != nil {
		return err
	}
	if a.global.Format != "text" {
		return writeJSON(a.out, a.global.Format, lines)
	}
	if len(lines) == 0 {
		_, err := io.WriteString(a.err, "no notifications\n")
		return wrapWrite(err)
	}
	t := newTable(a.out, "ID", "ROUTE", "STATUS", "AT", "ATTEMPTS", "TITLE", "ERROR")
	for _, l := range lines {
		t.row(l.ID[:min(len(l.ID), shortID)], l.Route, l.Status, shortTime(l.At), l.Attempts, l.Title, l.Error)
	}
	return t.flush()
}

// noticesPage is the number of notifications that are read at a time.
const noticesPage = 500

// eachNotice visits the notifications that a query selects, until visit returns false.
func eachNotice(ctx context.Context, store notify.Store, q notify.Query, visit func(notify.Entry) (bool, error)) error {
	q.Limit = noticesPage
	for {
		page, err := store.Find(ctx, q)
		if err != nil {
			return fmt.Errorf("list notifications: %w", err)
		}
		for _, e := range page {
			if more, err := visit(e); err != nil || !more {
				return err
			}
		}
		if len(page) < q.Limit {
			return nil
		}
		q.After = &page[len(page)-1]
	}
}

// Run is the subcommand.
func (c *noticesReplayCmd) Run(ctx context.Context, a *app) error {
	if len(c.IDs) == 0 && !c.All && c.Route == "" {
		return usagef("what is to be sent again is missing: give ids, --route NAME or --all")
	}
	if a.global.Notify != "" && c.Route != "" {
		list, err := a.usableRoutes()
		if err != nil {
			return err
		}
		if list.Named(c.Route) == nil {
			return usagef("--route %s: there is no such route in %s, nothing would be sent", c.Route, a.global.Notify)
		}
	}
	b, err := a.openAlerts(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	n, missing, err := notify.Replay(ctx, b.outbox, c.Route, c.IDs, time.Now())
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	if _, err := fmt.Fprintf(a.out, "%s to be sent again\n", count(n, "notification")); err != nil {
		return wrapWrite(err)
	}
	for _, id := range missing {
		if _, err := fmt.Fprintf(a.err, "no notification that was given up has the id %s\n", id); err != nil {
			return wrapWrite(err)
		}
	}
	if len(missing) > 0 {
		return errFailed
	}
	return nil
}

// Run is the subcommand. It fails if a route does.
func (c *noticesTestCmd) Run(ctx context.Context, a *app) error {
	if a.global.Notify == "" {
		return usagef("the routes are missing: give --notify FILE")
	}
	list, err := a.usableRoutes()
	if err != nil {
		return err
	}
	chosen := list.All()
	for _, name := range c.Route {
		if list.Named(name) == nil {
			return usagef("--route %s: there is no such route in %s", name, a.global.Notify)
		}
	}
	if len(c.Route) > 0 {
		chosen = slices.DeleteFunc(slices.Clone(chosen), func(r notify.Route) bool { return !slices.Contains(c.Route, r.Name) })
	}
	failed := false
	t := newTable(a.out, "ROUTE", "RESULT")
	for i, err := range tests(ctx, chosen, a.global.Namespace) {
		result := "delivered"
		if err != nil {
			failed, result = true, err.Error()
		}
		t.row(chosen[i].Name, result)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if failed {
		return errFailed
	}
	return nil
}
