package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag/failure"
	"tocsin/internal/query"
)

// doctorCmd is the subcommand doctor: whether the service can run here, and what is missing.
type doctorCmd struct {
	serviceFlags

	First bool `help:"Check for the privileges of a run that makes templates and indices, also if they are there."`
}

// status is the outcome of a check.
type status string

// The statuses, from good to bad. Skipped: it cannot be checked, or there is nothing to check.
const (
	statusOK   status = "ok"
	statusSkip status = "skip"
	statusWarn status = "warn"
	statusFail status = "fail"
)

// finding is a row of the report: one check of one object.
type finding struct {
	Check  string `json:"check"`
	Status status `json:"status"`
	// Object is what was checked, if the check has several.
	Object string `json:"object,omitempty"`
	Text   string `json:"text"`
	// Advice says how to fix it.
	Advice string `json:"advice,omitempty"`
}

// doctor collects findings.
type doctor struct {
	*app
	cmd      *doctorCmd
	findings []finding
	// unreached is the error of a cluster that does not answer.
	unreached error
}

func (d *doctor) add(check string, s status, object, text, advice string) {
	f := finding{check, s, object, text, advice}
	if !slices.Contains(d.findings, f) { // several patterns may read the same index
		d.findings = append(d.findings, f)
	}
}

// unknown adds what could not be checked because of an error.
func (d *doctor) unknown(check, object string, err error) {
	if failure.KindOf(err) == failure.Refused {
		d.add(check, statusSkip, object, "it cannot be checked: "+oneLine(err.Error()), "grant the privilege, or check it as a user who has it")
		return
	}
	d.add(check, statusFail, object, oneLine(err.Error()), "")
}

// Run is the subcommand.
func (c *doctorCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	d := &doctor{app: a, cmd: c}
	rules := d.rules(ctx)
	b := d.place(ctx, rules)
	if b != nil {
		defer func() { _ = b.close() }()
		d.events(ctx, b, rules)
	}
	d.service(ctx)
	if err := d.write(); err != nil {
		return err
	}
	if d.unreached != nil {
		return d.unreached
	}
	if slices.ContainsFunc(d.findings, func(f finding) bool { return f.Status == statusFail }) {
		return errFailed
	}
	return nil
}

// rules checks whether rules can be loaded, and returns their plans.
func (d *doctor) rules(ctx context.Context) []query.Plan {
	rules, complaint := d.global.planRules(ctx, d.global.Rules)
	const see = "runner check shows every mistake"
	if complaint != nil {
		d.add("rules", statusFail, "", oneLine(complaint.Error()), "check --rules")
	}
	if n := rules.report.Invalid; n > 0 {
		d.add("rules", statusFail, "", were(n, "rule")+" not loaded, because of mistakes", see)
	}
	if n := rules.report.Unsupported; n > 0 {
		d.add("rules", statusWarn, "", count(n, "rule")+" cannot run yet", see)
	}
	switch {
	case len(rules.plans) == 0 && complaint == nil:
		d.add("rules", statusFail, "", "no rule can run", "check --rules")
	case len(rules.plans) > 0:
		d.add("rules", statusOK, "", count(len(rules.plans), "rule")+" can be run", "")
	}
	return rules.plans
}

// place opens where events and alerts are, and checks it; nil if it cannot be opened.
func (d *doctor) place(ctx context.Context, plans []query.Plan) *backend {
	if len(d.global.Elasticsearch) > 0 {
		return d.cluster(ctx, plans)
	}
	return d.embedded(ctx)
}

// askTimeout bounds the request to a running service.
const askTimeout = 5 * time.Second

// service asks a running service whether it is ready.
func (d *doctor) service(ctx context.Context) {
	if d.cmd.Listen == "" || d.cmd.Listen == noAddress {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	status, said, err := d.cmd.ask(ctx, "/readyz")
	if _, wrong := errors.AsType[usageError](err); wrong {
		d.add("service", statusFail, d.cmd.Listen, "it is not an address", "check --listen")
		return
	}
	if err != nil {
		d.add("service", statusSkip, d.cmd.Listen, "no service answers", "")
		return
	}
	switch {
	case status == http.StatusOK && strings.HasPrefix(said, "ready"):
		d.add("service", statusOK, d.cmd.Listen, oneLine(said), "")
	case status == http.StatusServiceUnavailable:
		d.add("service", statusFail, d.cmd.Listen, oneLine(said), "the other checks and the log of the service say why")
	case status == http.StatusBadRequest && strings.Contains(said, "HTTPS server"): // as Go's server says
		d.add("service", statusWarn, d.cmd.Listen, "the service speaks TLS", "give the certificate of the service with --web-cert")
	default:
		d.add("service", statusWarn, d.cmd.Listen, "what answers is not this service: "+fmt.Sprintf("%d %s", status, http.StatusText(status)), "give the address of the service with --listen")
	}
}

// write writes the report.
func (d *doctor) write() error {
	if d.global.Format != "text" {
		return writeJSON(d.out, d.global.Format, d.findings)
	}
	t := newTable(d.out, "STATUS", "CHECK", "RESULT")
	for _, f := range d.findings {
		t.row(f.Status, f.Check, strings.TrimPrefix(f.Object+": ", ": ")+f.Text)
		if f.Advice != "" && f.Status != statusOK {
			t.row("", "", "→ "+f.Advice)
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	by := map[status]int{}
	for _, f := range d.findings {
		by[f.Status]++
	}
	_, err := fmt.Fprintf(d.out, "\n%d ok, %s, %d failed\n", by[statusOK], count(by[statusWarn], "warning"), by[statusFail])
	return wrapWrite(err)
}

// unreachable adds the finding about a cluster that does not answer.
func (d *doctor) unreachable(err error) {
	d.unreached = cmp.Or(d.unreached, err)
	if e, ok := errors.AsType[usageError](err); ok {
		d.add("configuration", statusFail, "", oneLine(e.Error()), "")
	}
}
