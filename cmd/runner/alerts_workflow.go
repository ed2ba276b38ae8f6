package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alert/workflow"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
)

// alertsChange are the flags of the commands that change alerts. A sequence is changed as one: its alert and its building blocks.
type alertsChange struct {
	alertFlags

	IDs    []string `arg:"" optional:"" name:"id" help:"Ids of alerts, or their first characters. Without ids, the flags select alerts."`
	DryRun bool     `help:"Only list the alerts that would change." line:"only"`
	Yes    bool     `help:"Change the alerts that the flags select, however many they are." line:"only"`
	By     string   `help:"Who changes the status. Default: --username, or the user of this system." placeholder:"NAME" line:"only"`
}

type alertsCloseCmd struct {
	alertsChange

	Reason string `help:"Why, such as false_positive, duplicate or true_positive." placeholder:"TEXT" line:"only"`
}

type alertsAckCmd struct{ alertsChange }

type alertsOpenCmd struct{ alertsChange }

type alertsTagCmd struct {
	alertsChange

	Add    []string `help:"Tags to add." placeholder:"TAG" line:"only"`
	Remove []string `help:"Tags to remove." placeholder:"TAG" line:"only"`
}

type alertsAssignCmd struct {
	alertsChange

	Assignee []string `name:"to" help:"Users to assign. Kibana's app shows users by the id of their profile." placeholder:"USER" line:"only"`
	Unassign []string `name:"remove" help:"Users to take off." placeholder:"USER" line:"only"`
}

// Run is the subcommand.
func (c *alertsCloseCmd) Run(ctx context.Context, a *app) error {
	return c.apply(ctx, a, "closed", workflow.Action{Status: workflow.Closed, Reason: c.Reason})
}

// Run is the subcommand.
func (c *alertsAckCmd) Run(ctx context.Context, a *app) error {
	return c.apply(ctx, a, "acknowledged", workflow.Action{Status: workflow.Acknowledged})
}

// Run is the subcommand.
func (c *alertsOpenCmd) Run(ctx context.Context, a *app) error {
	return c.apply(ctx, a, "opened", workflow.Action{Status: workflow.Open})
}

// Run is the subcommand.
func (c *alertsTagCmd) Run(ctx context.Context, a *app) error {
	if len(c.Add)+len(c.Remove) == 0 {
		return usagef("name tags with --add or --remove")
	}
	return c.apply(ctx, a, "tagged", workflow.Action{AddTags: c.Add, RemoveTags: c.Remove})
}

// Run is the subcommand.
func (c *alertsAssignCmd) Run(ctx context.Context, a *app) error {
	if len(c.Assignee)+len(c.Unassign) == 0 {
		return usagef("name users with --to or --remove")
	}
	return c.apply(ctx, a, "assigned", workflow.Action{Assign: c.Assignee, Unassign: c.Unassign})
}

// check returns a usage error for flags that do not go together.
func (c *alertsChange) check(a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	switch filtered := c.set(); {
	case len(c.IDs) > 0 && filtered:
		return usagef("name alerts by id or select them with flags, not both")
	case len(c.IDs) == 0 && !filtered:
		return usagef("name alerts by id, or select them with flags such as --rule or --since (all: --where 'kibana.alert.uuid: *')")
	}
	return c.alertFlags.check(false)
}

// apply changes the selected alerts, and says how many.
func (c *alertsChange) apply(ctx context.Context, a *app, done string, action workflow.Action) error {
	if err := c.check(a); err != nil {
		return err
	}
	if err := action.Check(); err != nil {
		return usagef("%w", err)
	}
	b, err := a.openAlerts(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	found, err := c.selected(ctx, a, b)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.preview(ctx, a, b, found, done, action)
	}
	if len(c.IDs) == 0 && !c.Yes && len(found.ids) > 0 {
		return usagef("%s would be %s: look at them with --dry-run, then repeat the command with --yes", found, done)
	}
	action.At, action.By = time.Now(), cmp.Or(c.By, a.global.Username, systemUser())
	result, err := workflow.Apply(ctx, b.alerts, found.ids, action)
	if settled, ok := b.alerts.(workflow.Settler); ok && result.Changed > 0 {
		if late := settled.Settle(context.WithoutCancel(ctx)); late != nil { // the next refresh shows them
			a.global.log.Debug("the changes are not visible at once", "error", late)
		}
	}
	if tellErr := tellChanged(a, done, result); err == nil {
		err = tellErr
	}
	if err != nil {
		return fmt.Errorf("change alerts: %w", err)
	}
	return nil
}

// systemUser is the name of the user of this system; "" if it is not known.
func systemUser() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// changedText is the outcome in JSON.
type changedText struct {
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Missing   int `json:"missing"`
	Failed    int `json:"failed"`
}

func tellChanged(a *app, done string, r workflow.Result) error {
	if a.global.Format != "text" {
		data, err := json.Marshal(changedText(r))
		if err != nil {
			return err //nolint:wrapcheck // numbers are marshalled
		}
		_, err = fmt.Fprintf(a.out, "%s\n", data)
		return wrapWrite(err)
	}
	parts := []string{were(r.Changed, "alert") + " " + done}
	for _, part := range []struct {
		n    int
		what string
	}{{r.Unchanged, "as wanted before"}, {r.Missing, "no longer there"}, {r.Failed, "not changed"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	_, err := fmt.Fprintln(a.out, strings.Join(parts, ", "))
	return wrapWrite(err)
}

// selection are the alerts of a command.
type selection struct {
	// ids are those of all documents, units the alerts that people see: a sequence is one.
	ids   []string
	units int
}

// String counts the alerts.
func (s selection) String() string {
	text := count(s.units, "alert")
	if blocks := len(s.ids) - s.units; blocks > 0 {
		text += " with " + count(blocks, "building block")
	}
	return text
}

// selected finds the alerts of the command, with all alerts of their sequences.
func (c *alertsChange) selected(ctx context.Context, a *app, b *backend) (selection, error) {
	var named chosen
	for _, id := range c.IDs {
		d, err := b.alertNamed(ctx, id)
		if err != nil {
			return selection{}, fmt.Errorf("change %w", err)
		}
		named.add(d)
	}
	if len(c.IDs) == 0 {
		f, err := c.filter(ctx, a, b, false)
		if err != nil {
			return selection{}, err
		}
		err = b.alerts.List(ctx, f, func(d alert.Document) (bool, error) {
			named.add(d)
			return true, nil
		})
		if err != nil {
			return selection{}, fmt.Errorf("find the alerts to change: %w", err)
		}
	}
	return named.whole(ctx, a, b)
}

// chosen are alerts by id, and sequences of which one was chosen.
type chosen struct{ ids, groups []string }

func (c *chosen) add(d alert.Document) {
	if g := event.First(d.Source, groupID); g != "" {
		c.groups = append(c.groups, g)
		return
	}
	c.ids = append(c.ids, d.ID)
}

// whole returns the chosen alerts with all alerts of their sequences.
func (c *chosen) whole(ctx context.Context, a *app, b *backend) (selection, error) {
	unique := func(all []string) []string { return slices.Compact(slices.Sorted(slices.Values(all))) }
	out, groups := selection{ids: unique(c.ids)}, unique(c.groups)
	out.units = len(out.ids) + len(groups)
	in := alertGroups{b.alerts, func(ctx context.Context, names []string) (mapping.Fields, error) {
		return b.alertFields(ctx, a, false, names)
	}}
	for part := range slices.Chunk(groups, tablePage) {
		found, err := in.of(ctx, part)
		if err != nil {
			return out, err
		}
		for _, members := range found {
			for _, d := range members {
				out.ids = append(out.ids, d.ID)
			}
		}
	}
	return out, nil
}

// preview lists the alerts that the action would change.
func (c *alertsChange) preview(ctx context.Context, a *app, b *backend, found selection, done string, action workflow.Action) error {
	w := newAlertWriter(a)
	w.none = "no alerts to be " + done
	changes := 0
	for part := range slices.Chunk(found.ids, tablePage) {
		docs, err := b.alerts.GetAll(ctx, part)
		if err != nil {
			return fmt.Errorf("read the alerts to change: %w", err)
		}
		for _, id := range part {
			d, there := docs[id]
			if !there || action.Changes(d) == nil {
				continue
			}
			changes++
			if err := w.write(d); err != nil {
				return err
			}
		}
	}
	if err := w.finish(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.err, "%s selected; %s to be %s\n", found, were(changes, "document"), done)
	return wrapWrite(err)
}
