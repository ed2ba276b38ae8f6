package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alert/workflow"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/translate"
)

// alertFlags select alerts. Flags of different names must all apply, of values of one flag any.
type alertFlags struct {
	Since    since    `help:"Only alerts that were written at this time or later: a time, or how long ago (24h, 7d)." placeholder:"T"`
	Severity []string `help:"Only alerts of these severities: low, medium, high, critical." placeholder:"SEVERITY"`
	Rule     []string `help:"Only alerts of rules with this name or rule_id; * stands for any text. May be repeated." placeholder:"NAME|ID" sep:"none"`
	Host     []string `help:"Only alerts about hosts with this name, id or address; * stands for any text. May be repeated." placeholder:"HOST" sep:"none"`
	User     []string `help:"Only alerts about users with this name, id or e-mail address; * stands for any text. May be repeated." placeholder:"USER" sep:"none"`
	Status   []string `help:"Only alerts of these statuses: open, acknowledged, closed." placeholder:"STATUS"`
	Where    string   `help:"Only alerts that match this condition in KQL, on any field of the alert." placeholder:"KQL"`
}

// since is a point in time, or a duration back from now.
type since struct{ moment }

// UnmarshalText implements the reading of a flag.
func (s *since) UnmarshalText(text []byte) error {
	if d, err := time.ParseDuration(string(text)); err == nil && d >= 0 {
		s.Time = time.Now().Add(-d)
		return nil
	}
	ago := moment{}
	if err := ago.UnmarshalText(append([]byte("now-"), text...)); err == nil && text[0] >= '0' && text[0] <= '9' {
		s.moment = ago
		return nil
	}
	if err := s.moment.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is neither a time such as 2026-01-15T14:05:00Z nor how long ago, such as 24h or 7d", text)
	}
	return nil
}

// The fields by which the flags find alerts.
var (
	hostFields = []string{"host.name", "host.hostname", "host.id"}
	userFields = []string{"user.name", "user.id", "user.email"}
)

const hostAddress = "host.ip"

// set reports whether a flag selects some of the alerts.
func (c *alertFlags) set() bool {
	return !c.Since.IsZero() || len(c.Severity)+len(c.Rule)+len(c.Host)+len(c.User)+len(c.Status) > 0 || c.Where != ""
}

func (c *alertFlags) check(risk bool) error {
	for i, s := range c.Severity {
		c.Severity[i] = strings.ToLower(s)
		if !slices.Contains([]rule.Severity{rule.Low, rule.Medium, rule.High, rule.Critical}, rule.Severity(c.Severity[i])) {
			return usagef("--severity %q is not one of low, medium, high, critical", s)
		}
	}
	for i, s := range c.Status {
		c.Status[i] = strings.ToLower(s)
		if !slices.Contains(workflow.Statuses, c.Status[i]) {
			return usagef("--status %q is not one of %s", s, strings.Join(workflow.Statuses, ", "))
		}
	}
	if risk && len(c.Severity)+len(c.Host)+len(c.User)+len(c.Status) > 0 {
		return usagef("--severity, --status, --host and --user are about alerts: for risk events use --where, such as 'risk.object: web-1'")
	}
	return nil
}

// filter returns the filter of the flags, and of more conditions, for the alerts, or the risk events, of a backend.
func (c *alertFlags) filter(ctx context.Context, a *app, b *backend, risk bool, more ...condition.Expr) (alert.Filter, error) {
	f := alert.Filter{Since: c.Since.Time}
	all, names := c.conditions(risk)
	all = append(all, more...)
	names = append(names, condition.Fields(condition.And(more))...)
	var where translate.Query
	text := diag.NewText("--where", c.Where)
	if c.Where != "" {
		var diags diag.List
		if where, diags = translate.Parse(rule.Kuery, text, translate.Options{}); where == nil {
			return f, a.badWhere(diags)
		}
		names = append(names, where.Names()...)
	}
	if len(names) == 0 {
		return f, nil
	}
	fields, err := b.alertFields(ctx, a, risk, names)
	if err != nil {
		return f, err
	}
	f.Fields = fields
	if where != nil {
		lowered, diags := translate.Moment{Fields: fields, Now: time.Now()}.Query(where)
		if lowered.Where == nil {
			return f, a.badWhere(diags)
		}
		if err := a.show(diags); err != nil {
			return f, err
		}
		all = append(all, lowered.Where)
	}
	f.Where = condition.Simplify(all)
	err = condition.Check(f.Where, fields)
	if _, cluster := b.alerts.(*elastic.Alerts); cluster && (errors.Is(err, condition.ErrAnalysed) || errors.Is(err, condition.ErrSearchOnly)) {
		err = nil // a search can
	}
	if err != nil {
		return f, usagef("--where: %w", err)
	}
	return f, nil
}

func (a *app) badWhere(diags diag.List) error {
	if err := a.show(diags); err != nil {
		return err
	}
	return usagef("--where is not a condition in KQL on fields of alerts")
}

// conditions returns the conditions of the flags other than --where, and the fields that they name.
func (c *alertFlags) conditions(risk bool) (all condition.And, names []string) {
	add := func(values []string, test func(string) condition.Expr) {
		var some condition.Or
		for _, v := range values {
			some = append(some, test(v))
		}
		if len(some) > 0 {
			all = append(all, some)
			names = append(names, condition.Fields(some)...)
		}
	}
	ruleFields := []string{alert.RuleIDField, alert.RuleNameField}
	if risk {
		ruleFields[1] = "rule.name"
	}
	add(c.Severity, func(v string) condition.Expr { return condition.Term{Field: alert.SeverityField, Value: v} })
	add(c.Status, func(v string) condition.Expr { return condition.Term{Field: workflow.StatusField, Value: v} })
	add(c.Rule, func(v string) condition.Expr { return anyOf(ruleFields, v) })
	add(c.User, func(v string) condition.Expr { return anyOf(userFields, v) })
	add(c.Host, func(v string) condition.Expr {
		if _, err := netip.ParseAddr(v); err == nil {
			return append(anyOf(hostFields, v), condition.Term{Field: hostAddress, Value: v})
		}
		if network, err := netip.ParsePrefix(v); err == nil {
			return condition.CIDR{Field: hostAddress, Networks: []string{network.String()}}
		}
		return anyOf(hostFields, v)
	})
	return all, names
}

// anyOf is true when a field has the value, whatever the case of its letters; * stands for any text.
func anyOf(fields []string, value string) condition.Or {
	pattern := strings.NewReplacer(`\`, `\\`, `?`, `\?`).Replace(value)
	var some condition.Or
	for _, field := range fields {
		some = append(some, condition.Wildcard{Field: field, Pattern: pattern, Fold: true})
	}
	return some
}

// alertFields returns the mapping of the alerts, or of the risk events, with at least the named fields.
func (b *backend) alertFields(ctx context.Context, a *app, risk bool, names []string) (mapping.Fields, error) {
	kept := b.alerts
	if risk {
		kept = b.risk
	}
	if cluster, ok := kept.(*elastic.Alerts); ok {
		return cluster.AlertFields(ctx, names) //nolint:wrapcheck // it names the operation
	}
	templates := elastic.NewAlerts
	if risk {
		templates = elastic.NewRisk
	}
	template, err := templates(nil, a.global.Namespace)
	if err != nil {
		return nil, usageError{err}
	}
	return elastic.TemplateFields(template) //nolint:wrapcheck // it names the template
}
