package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tocsin/internal/ledger"
	"tocsin/internal/ledger/coverage"
	"tocsin/internal/rule"
	"tocsin/internal/run/service"
)

// coverageCmd shows and changes the slots of rules in the ledger.
type coverageCmd struct {
	Show coverageShowCmd `cmd:"" default:"withargs" help:"Show how many slots of each rule are covered, as a table with a heat map."`
	Gaps coverageGapsCmd `cmd:"" help:"List open slots. The exit code is 1 when there are any."`
	Fill coverageFillCmd `cmd:"" help:"Run the open slots now, or waive them."`
}

// timeRange holds the flags that select the time range and the rules.
type timeRange struct {
	From   moment        `help:"Start of the time range (default: one day before --to)." placeholder:"T"`
	To     moment        `help:"End of the time range (default: now)." placeholder:"T"`
	Settle time.Duration `help:"How long after its time a slot without a record does not count as open yet." default:"2m" line:"only"`
	Rule   []string      `help:"Only the rule with this id. May be repeated." placeholder:"ID" sep:"none"`
	Spread time.Duration `help:"The --spread of the service: a slot of a rule that needs a search of its own does not count as open before the rule starts." default:"1s"`
}

const defaultRange = 24 * time.Hour

// options returns the flags with their defaults at now.
func (s *timeRange) options(now time.Time) (coverage.Options, error) {
	o := coverage.Options{From: s.From.Time, To: s.To.Time, Settle: s.Settle, Now: now, Parse: service.ParseSchedule}
	if o.To.IsZero() {
		o.To = now
	}
	if o.From.IsZero() {
		o.From = o.To.Add(-defaultRange)
	}
	if !o.From.Before(o.To) {
		return o, usagef("--from must be before --to")
	}
	return o, nil
}

// ledgerOf opens the ledger with open and loads the rules with the ids of --rule; without ids, all rules. waits says how long slots
// wait for their runs. broken are rules that have errors: their slots are those that they had before.
func (s *timeRange) ledgerOf(
	ctx context.Context, a *app, open func(context.Context) (*backend, error),
) (b *backend, rules []*service.Rule, waits map[string]time.Duration, broken []*rule.Rule, err error) {
	planned, complaint := a.global.planRules(ctx, a.global.Rules)
	if complaint != nil {
		return nil, nil, nil, nil, complaint
	}
	broken = planned.broken
	for _, plan := range planned.plans {
		r, err := service.NewRule(plan)
		if err != nil {
			return nil, nil, nil, nil, err //nolint:wrapcheck // it names the rule
		}
		rules = append(rules, r)
	}
	waits = service.Waits(rules, s.Spread)
	if len(s.Rule) > 0 {
		rules = slices.DeleteFunc(rules, func(r *service.Rule) bool { return !slices.Contains(s.Rule, r.ID()) })
		broken = slices.DeleteFunc(broken, func(r *rule.Rule) bool { return !slices.Contains(s.Rule, r.ID) })
	}
	if len(rules)+len(broken) == 0 {
		return nil, nil, nil, nil, usagef("rules: no rule that can run is in the paths of --rules and has an id of --rule")
	}
	b, err = open(ctx)
	return b, rules, waits, broken, err
}

// before returns rules that have errors with the slots that they had when they last ran, as far as they ever did.
func before(ctx context.Context, store ledger.Store, broken []*rule.Rule) ([]coverage.Rule, error) {
	names, ids := map[string]string{}, make([]string, len(broken))
	for i, r := range broken {
		ids[i], names[r.ID] = r.ID, r.Name
	}
	if len(ids) == 0 {
		return nil, nil
	}
	heads, err := store.Heads(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of %d rules: %w", len(ids), err)
	}
	var out []coverage.Rule
	for _, h := range heads {
		if slots, err := service.ParseSchedule(h.Schedule); err == nil && !h.Since.IsZero() {
			out = append(out, coverage.Rule{ID: h.RuleID, Name: names[h.RuleID] + " (has errors)", Slots: slots})
		}
	}
	slices.SortFunc(out, func(a, b coverage.Rule) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

func asked(rules []*service.Rule, waits map[string]time.Duration) []coverage.Rule {
	out := make([]coverage.Rule, len(rules))
	for i, r := range rules {
		out[i] = coverage.Rule{ID: r.ID(), Name: r.Plan.Rule().Name, Slots: r.Slots, Wait: waits[r.ID()]}
	}
	return out
}

// seen holds the rows of the ledger for a time range.
type seen struct {
	coverage.Options
	rows []coverage.Row
	// begun reports whether the ledger has a record of any rule.
	begun bool
}

// read reads the rows of the selected time range, with so many buckets for the heat map.
func (s *timeRange) read(ctx context.Context, a *app, buckets int) (seen, error) {
	o, err := s.options(a.clock.Passed())
	if err != nil {
		return seen{}, err
	}
	o.Buckets = buckets
	b, rules, waits, broken, err := s.ledgerOf(ctx, a, a.openAlertsToRead)
	if err != nil {
		return seen{}, err
	}
	defer func() { _ = b.close() }()
	more, err := before(ctx, b.ledger, broken)
	if err != nil {
		return seen{}, err
	}
	rows, err := coverage.Read(ctx, b.ledger, append(asked(rules, waits), more...), o)
	if err != nil {
		return seen{}, err //nolint:wrapcheck // it names the ledger
	}
	begun, err := coverage.Begun(ctx, b.ledger, rows)
	return seen{o, rows, begun}, err //nolint:wrapcheck // it names the ledger
}

// coverageShowCmd shows the table.
type coverageShowCmd struct{ timeRange }

// heatWidth is the number of characters of a heat map.
const heatWidth = 48

// Run is the subcommand.
func (c *coverageShowCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	found, err := c.read(ctx, a, heatWidth)
	if err != nil {
		return err
	}
	rows, o := found.rows, found.Options
	if a.global.Format != "text" {
		out := make([]jsonRow, len(rows))
		for i, r := range rows {
			out[i] = jsonRow{r, r.Open(), coveredShare(r.Counts), r.Lateness.Seconds(), r.Lag.P50.Seconds(), r.Lag.P99.Seconds()}
		}
		return writeJSON(a.out, a.global.Format, out)
	}
	return showCoverage(a.screen, rows, o)
}

// jsonRow is a row with the values that are computed from it.
type jsonRow struct {
	coverage.Row
	Open     int     `json:"open"`
	Percent  float64 `json:"covered_percent"`
	Lateness float64 `json:"lateness_seconds"`
	LagP50   float64 `json:"lag_p50_seconds"`
	LagP99   float64 `json:"lag_p99_seconds"`
}

func coveredShare(c coverage.Counts) float64 {
	if c.Slots() == 0 {
		return 0
	}
	return 100 * float64(c.Covered) / float64(c.Slots())
}

func showCoverage(w io.Writer, rows []coverage.Row, o coverage.Options) error {
	minute := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
	head := minute(o.From)
	head += strings.Repeat(" ", max(1, heatWidth-2*len(head))) + minute(o.To)
	t := newTable(w, "RULE", "COVERED", "OPEN", "FAILED", "QUEUED", "GIVEN UP", "VACANT", "LATE", "LAG", "OLDEST OPEN", head)
	var sum coverage.Counts
	paint := paints(w)
	for _, r := range rows {
		oldest := "-"
		if r.OldestOpen != nil {
			oldest = minute(*r.OldestOpen)
		}
		share := "-"
		if r.Slots() > 0 {
			share = percentText(r.Counts)
		}
		t.cells(heat(r.Buckets, paint), shorten(r.Name, maxRuleName), share, r.Open(), r.Failed, r.Queued, r.GivenUp, r.Vacant, brief(r.Lateness), lagText(r.Lag), oldest)
		sum.Covered, sum.Planned, sum.Failed = sum.Covered+r.Covered, sum.Planned+r.Planned, sum.Failed+r.Failed
		sum.Queued, sum.GivenUp, sum.Vacant = sum.Queued+r.Queued, sum.GivenUp+r.GivenUp, sum.Vacant+r.Vacant
	}
	if err := t.flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s, %s: %d covered (%s), %d open, %d given up, %d vacant.  █ covered  ▄ in part  · not run  × failed  + hits left  - given up  ○ no index\n",
		count(len(rows), "rule"), count(sum.Slots(), "slot"), sum.Covered, percentText(sum), sum.Open(), sum.GivenUp, sum.Vacant)
	for _, r := range rows {
		if r.LastError != "" && err == nil {
			_, err = fmt.Fprintf(w, "%s: %s\n", escaped(r.Name), escaped(r.LastError))
		}
	}
	for _, v := range coverage.Vacancies(rows) {
		if err == nil {
			_, err = fmt.Fprintln(w, escaped(vacancyText(v)))
		}
	}
	return wrapWrite(err)
}

// vacancyText says on one line which pattern matches no index, and for how many rules.
func vacancyText(v coverage.Vacancy) string {
	text := fmt.Sprintf("no index matches %s (%s, %d of them read nothing at all) since %s", v.Pattern, count(v.Rules, "rule"), v.Vacant, v.Since.UTC().Format(time.RFC3339))
	if v.Met {
		text += "; it had data before"
	}
	return text
}

// brief formats a duration with a precision that fits its length.
func brief(d time.Duration) string {
	switch day := 24 * time.Hour; {
	case d >= 2*day:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return d.Round(time.Second).String()
}

// lagText formats the median and the 99th percentile of the lag.
func lagText(l ledger.Lag) string {
	if l.P99 == 0 {
		return "-"
	}
	return brief(l.P50) + "/" + brief(l.P99)
}

// maxRuleName keeps rows on a line.
const maxRuleName = 36

func shorten(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return text
}

// percentText formats the covered share. Less than all is never shown as 100 %.
func percentText(c coverage.Counts) string {
	p := coveredShare(c)
	if c.Covered < c.Slots() {
		p = min(p, 99.9)
	}
	return fmt.Sprintf("%.1f%%", p)
}

// colours of marks on a terminal.
var colours = map[rune]string{'█': "32", '▄': "33", '·': "33", '×': "31", '+': "35", '-': "90", '○': "90"}

func heat(buckets []coverage.Bucket, paint bool) string {
	var out strings.Builder
	last, before := "", ' '
	for _, b := range buckets {
		m := b.Mark()
		if b.Slots() == 0 {
			m = before // slots are further apart than the characters of the map
		}
		before = m
		if c := colours[m]; paint && c != last {
			out.WriteString("\x1b[" + c + "m")
			last = c
		}
		out.WriteRune(m)
	}
	if last != "" {
		out.WriteString("\x1b[0m")
	}
	return out.String()
}

// coverageGapsCmd lists open slots.
type coverageGapsCmd struct {
	timeRange

	VacantAfter time.Duration `help:"How long an index pattern may match no index before it counts as a gap. 0: without limit, unless it had data before." default:"0s"`
}

// Run is the subcommand.
func (c *coverageGapsCmd) Run(ctx context.Context, a *app) error {
	if err := a.global.formatOneOf("text", "json", "ndjson"); err != nil {
		return err
	}
	found, err := c.read(ctx, a, 0)
	if err != nil {
		return err
	}
	gaps, unknown := coverage.Gaps(found.rows), coverage.Unknown(found.rows, found.begun, found.Options)
	vacancies := coverage.Vacancies(found.rows)
	if err := writeGaps(a, gaps, unknown, vacancies); err != nil {
		return err
	}
	fails := func(v coverage.Vacancy) bool { return v.Fails(found.Now, c.VacantAfter) }
	if len(gaps)+len(unknown) > 0 || slices.ContainsFunc(vacancies, fails) {
		return errFailed
	}
	return nil
}

// jsonVacancy is the JSON form of a pattern that matches no index.
type jsonVacancy struct {
	coverage.Vacancy
	Status string `json:"status"`
}

func writeGaps(a *app, gaps, unknown []coverage.Gap, vacancies []coverage.Vacancy) error {
	if a.global.Format != "text" {
		lines := []any{}
		for _, g := range append(unknown, gaps...) {
			lines = append(lines, g)
		}
		for _, v := range vacancies {
			lines = append(lines, jsonVacancy{v, "vacant"})
		}
		return writeJSON(a.out, a.global.Format, lines)
	}
	for _, v := range vacancies {
		if _, err := fmt.Fprintln(a.out, escaped(vacancyText(v))); err != nil {
			return wrapWrite(err)
		}
	}
	for _, g := range unknown {
		what := "rule " + g.RuleID + " (" + g.Name + ")"
		if g.Status == coverage.NoLedger {
			what = "no ledger of namespace " + a.global.Namespace
		}
		if _, err := fmt.Fprintln(a.out, escaped(what+": "+g.Error)); err != nil {
			return wrapWrite(err)
		}
	}
	if len(gaps) == 0 {
		if len(unknown)+len(vacancies) > 0 {
			return nil
		}
		_, err := fmt.Fprintln(a.err, "no gaps")
		return wrapWrite(err)
	}
	t := newTable(a.out, "RULE", "FIRST SLOT", "LAST SLOT", "SLOTS", "STATUS", "REASON", "ATTEMPTS", "ERROR")
	for _, g := range gaps {
		t.row(shorten(g.Name, maxRuleName), g.From.UTC().Format(time.RFC3339), g.To.UTC().Format(time.RFC3339), g.Slots, g.Status, cmp.Or(g.Reason, "-"), g.Attempts, g.Error)
	}
	return t.flush()
}
