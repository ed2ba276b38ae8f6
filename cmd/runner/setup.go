package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/query"
	"tocsin/internal/search"
)

// setupCmd is the subcommand setup: what an administrator does in a cluster before the service runs.
type setupCmd struct {
	Role      setupRoleCmd      `cmd:"" help:"The role with the least privileges for the rules."`
	Apikey    setupAPIKeyCmd    `cmd:"" name:"apikey" help:"An API key with the least privileges for the rules."`
	Ilm       setupILMCmd       `cmd:"" name:"ilm" help:"How long alerts and risk events are kept: a policy of index lifecycle management."`
	Templates setupTemplatesCmd `cmd:"" help:"The templates and first indices, which the first run makes otherwise."`
	Kibana    setupKibanaCmd    `cmd:"" help:"A data view and a dashboard of the alerts, for Kibana to import."`
}

// applying is the flag of every set-up.
type applying struct {
	Apply bool `help:"Send the requests. Without it they are printed."`
}

// planSetup loads the rules and returns their plans.
func (a *app) planSetup(ctx context.Context) ([]query.Plan, error) {
	rules, complaint := a.global.planRules(ctx, a.global.Rules)
	if err := a.showBriefly(rules.problems()); err != nil {
		return nil, err
	}
	if len(rules.plans) == 0 {
		return nil, nothingToRun(rules, complaint)
	}
	return rules.plans, complaint
}

// setupClient opens the cluster to which a set-up is applied.
func (a *app) setupClient(ctx context.Context) (*elastic.Client, error) {
	if len(a.global.Elasticsearch) == 0 {
		return nil, usagef("--apply needs --elasticsearch URL")
	}
	client, err := a.client()
	if err != nil {
		return nil, err
	}
	if _, err := client.Ping(ctx); err != nil {
		return nil, errors.Join(a.notConnected(ctx, err), client.Close(ctx))
	}
	return client, nil
}

// carryOut prints requests, or sends them.
func (f applying) carryOut(ctx context.Context, a *app, requests []elastic.Request) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	if !f.Apply {
		return printRequests(a.out, a.global.Format, requests)
	}
	client, err := a.setupClient(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close(ctx) }()
	for _, r := range requests {
		if err := client.Apply(ctx, r); err != nil {
			return fmt.Errorf("set up: %w", connection(err))
		}
		if _, err := fmt.Fprintf(a.out, "%s: %s %s\n", r.Why, r.Method, r.Path); err != nil {
			return wrapWrite(err)
		}
	}
	return nil
}

// oneLineLists are lists of texts, which are shown in one line each.
var oneLineLists = regexp.MustCompile(`\[\n(?:\s*"[^"\n]*",?\n)+\s*\]`)

// joinLines makes a list one line.
func joinLines(list string) string {
	lines := strings.Split(list, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return "[" + strings.Join(lines[1:len(lines)-1], " ") + "]"
}

// printRequests writes requests: as text in the form of Kibana's console, else as JSON.
func printRequests(w io.Writer, format string, requests []elastic.Request) error {
	if format != "text" {
		return writeJSON(w, format, requests)
	}
	for i, r := range requests {
		text := ""
		if i > 0 {
			text = "\n"
		}
		text += "# " + r.Why + "\n" + r.Method + " " + r.Path + "\n"
		if r.Body != nil {
			body, err := search.JSON(r.Body, "  ")
			if err != nil {
				return err //nolint:wrapcheck // it says what it was doing
			}
			text += oneLineLists.ReplaceAllStringFunc(string(body), joinLines) + "\n"
		}
		if _, err := io.WriteString(w, text); err != nil {
			return wrapWrite(err)
		}
	}
	return nil
}

// least are the flags from which the least privileges follow.
type least struct {
	First    bool   `help:"For a run that makes the templates and first indices itself: the first run in a namespace, and the first of a version with newer templates."`
	Rollover bool   `help:"The alerts roll over to new indices, as with setup ilm: alerts that exist twice after that are deleted."`
	Name     string `help:"Name of the role or the API key (default: tocsin-<namespace>)." placeholder:"NAME"`
}

func (l least) role(ctx context.Context, a *app) (name string, role elastic.Role, err error) {
	plans, err := a.planSetup(ctx)
	if err != nil {
		return "", role, err
	}
	use := a.global.useOf(plans)
	use.Installs, use.RollsOver = l.First, l.Rollover
	if name = l.Name; name == "" {
		name = "tocsin-" + a.global.Namespace
	}
	return name, use.Role(), nil
}

// setupRoleCmd is the subcommand setup role.
type setupRoleCmd struct {
	applying
	least
}

// Run is the subcommand.
func (c *setupRoleCmd) Run(ctx context.Context, a *app) error {
	name, role, err := c.role(ctx, a)
	if err != nil {
		return err
	}
	if c.Apply {
		client, err := a.setupClient(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = client.Close(ctx) }()
		if role, err = roleBehind(ctx, client, role); err != nil {
			return err
		}
	}
	return c.carryOut(ctx, a, []elastic.Request{elastic.RoleRequest(name, role)})
}

// roleBehind returns a role with the indices behind the aliases that it names, as the cluster has them.
func roleBehind(ctx context.Context, client *elastic.Client, role elastic.Role) (elastic.Role, error) {
	role, err := client.Behind(ctx, role)
	if err != nil {
		return role, fmt.Errorf("look up the indices behind aliases: %w", connection(err))
	}
	return role, nil
}

// setupAPIKeyCmd is the subcommand setup apikey.
type setupAPIKeyCmd struct {
	applying
	least
	Out     string        `help:"Write the key to a new file that only its owner can read, for --api-key-file. Without it, the key is printed." placeholder:"FILE"`
	Expires time.Duration `help:"How long the key is valid. 0: until it is invalidated." default:"0s"`
}

// Run is the subcommand.
func (c *setupAPIKeyCmd) Run(ctx context.Context, a *app) error {
	switch {
	case c.Out != "" && !c.Apply:
		return usagef("--out needs --apply")
	case c.Expires < 0 || c.Expires%time.Second != 0:
		return usagef("--expires must be a number of seconds, minutes or hours")
	}
	name, role, err := c.role(ctx, a)
	if err != nil {
		return err
	}
	if !c.Apply {
		return c.carryOut(ctx, a, []elastic.Request{elastic.KeyRequest(name, role, c.Expires)})
	}
	client, err := a.setupClient(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close(ctx) }()
	if role, err = roleBehind(ctx, client, role); err != nil {
		return err
	}
	request := elastic.KeyRequest(name, role, c.Expires)
	// The file is made first: a key that cannot be written anywhere would be lost, and valid.
	to, done := a.out, func(bool) error { return nil }
	if c.Out != "" {
		if to, done, err = newSecretFile(c.Out); err != nil {
			return err
		}
	}
	key, err := client.CreateKey(ctx, request)
	if err != nil {
		return errors.Join(fmt.Errorf("set up the API key: %w", connection(err)), done(false))
	}
	_, err = io.WriteString(to, key.Encoded+"\n")
	if err := errors.Join(wrapWrite(err), done(true)); err != nil {
		return fmt.Errorf("%s was made and is lost, invalidate it: %w", key, err)
	}
	until := "it does not expire"
	if !key.Expires.IsZero() {
		until = "it expires " + key.Expires.Format(time.RFC3339)
	}
	_, err = fmt.Fprintf(a.err, "%s was made; %s\n", escaped(key.String()), until)
	return wrapWrite(err)
}

// newSecretFile creates a file that only its owner can read. done closes it, and deletes it unless it is kept.
func newSecretFile(name string) (w io.Writer, done func(keep bool) error, err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the user names the file
	if err != nil {
		return nil, nil, usagef("out: %w", err)
	}
	return f, func(keep bool) error {
		err := errors.Join(f.Sync(), f.Close())
		if !keep {
			err = errors.Join(err, os.Remove(name))
		}
		return err //nolint:wrapcheck // it names the file
	}, nil
}

// setupTemplatesCmd is the subcommand setup templates.
type setupTemplatesCmd struct{ applying }

// Run is the subcommand.
func (c *setupTemplatesCmd) Run(ctx context.Context, a *app) error {
	plans, err := a.planSetup(ctx)
	if err != nil {
		return err
	}
	if !c.Apply {
		requests, err := a.installation(nil, plans)
		if err != nil {
			return err
		}
		return c.carryOut(ctx, a, requests)
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if err := errors.Join(install(ctx, b, plans), b.installLedger(ctx)); err != nil {
		return err
	}
	if a.global.Notify != "" && b.installOutbox != nil {
		if err := b.installOutbox(ctx); err != nil {
			return err
		}
	}
	if err := a.nameMisfits(ctx, b); err != nil { // what was there before stays as it was
		return err
	}
	_, err = fmt.Fprintf(a.out, "the templates and indices of namespace %s are there\n", a.global.Namespace)
	return wrapWrite(err)
}

// installation returns the requests that make what the rules need.
func (a *app) installation(client *elastic.Client, plans []query.Plan) ([]elastic.Request, error) {
	use, ns := a.global.useOf(plans), a.global.Namespace
	alerts, err := a.alertIndex(client)
	if err != nil {
		return nil, usageError{err}
	}
	out := alerts.Requests()
	if use.Scores {
		risk, err := elastic.NewRisk(client, ns)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, risk.Requests()[min(1, len(out)):]...) // the component template with the fields of ECS is the same
	}
	book, err := elastic.NewLedger(client, ns)
	if err != nil {
		return nil, usageError{err}
	}
	leases, err := elastic.NewLeases(client, ns)
	if err != nil {
		return nil, usageError{err}
	}
	out = append(append(out, book.Requests()...), leases.Requests()...)
	if use.WritesTables {
		kept, err := elastic.NewTables(client, ns)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, kept.Requests()...)
	}
	if use.Notifies {
		outbox, err := elastic.NewOutbox(client, ns)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, outbox.Requests()...)
	}
	return out, nil
}
