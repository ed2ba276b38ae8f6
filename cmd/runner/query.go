package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/run/pipeline"
	"tocsin/internal/scheduler/window"
)

// queryCmd searches events with an ad hoc query.
type queryCmd struct {
	Query              string   `arg:"" help:"The query."`
	Language           string   `help:"Language of the query: eql, esql, kuery (or kql), lucene or spl." required:"" placeholder:"eql"`
	Index              []string `help:"Index patterns to search (default: all indices)." default:"*" placeholder:"PATTERN"`
	From               moment   `help:"Start of the time range (default: no limit)." placeholder:"T"`
	To                 moment   `help:"End of the time range, which is not part of it (default: no limit)." placeholder:"T"`
	Size               int      `help:"Maximum number of hits: the latest hits, or the first rows of ES|QL and SPL." default:"100"`
	TimestampField     string   `help:"Field with the time of an event." default:"@timestamp"`
	EventCategoryField string   `help:"Field with the event category, for EQL." default:"event.category"`
	TiebreakerField    string   `help:"Field that orders events with the same time."`
	Explain            bool     `help:"Show the searches and the commands that run in memory, without running them."`
	MaxSamplesPerKey   int      `help:"Maximum number of EQL samples with the same key." default:"1"`
}

// Run is the subcommand.
func (c *queryCmd) Run(ctx context.Context, a *app) error {
	if c.Language == "kql" {
		c.Language = string(rule.Kuery)
	}
	formats := []string{"text", "json", "ndjson"}
	switch {
	case c.Explain:
		formats = []string{"text", "json"}
	case c.rows():
		formats = append(formats, "csv")
	}
	if err := a.global.formatOneOf(formats...); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	plan, diags, err := c.plan(ctx, a)
	if err != nil {
		return err
	}
	if plan == nil {
		return a.badQuery(diags)
	}
	b, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	prepared, more, err := plan.Prepare(ctx, c.source(b))
	if err != nil {
		return fmt.Errorf("query: %w", err)
	}
	diags = append(diags, more...)
	if prepared == nil {
		return a.badQuery(diags)
	}
	if err := a.show(diags); err != nil {
		return err
	}
	for _, w := range pipeline.TargetWarnings(plan.Rule().Index, prepared.Target()) {
		a.global.log.Warn("query warning", "warning", w)
	}
	if c.Explain {
		e := prepared.Explain(c.window())
		e.Places(prepared.Target(), c.window())
		if c.window() == (window.Window{}) {
			e.Window = "all time"
		}
		return explainRequest(a, e)
	}
	return c.search(ctx, a, b, prepared)
}

// rows reports whether the answer has rows and columns.
func (c *queryCmd) rows() bool {
	return rule.Language(c.Language) == rule.ESQL || rule.Language(c.Language) == rule.SPL
}

// plan plans the query. A search in SPL can use the macros and lookups of --rules.
func (c *queryCmd) plan(ctx context.Context, a *app) (query.Plan, diag.List, error) {
	text := diag.NewText("query", c.Query)
	if rule.Language(c.Language) != rule.SPL {
		plan, diags := plans.AdHoc(plans.AdHocQuery{
			Text: text, Language: rule.Language(c.Language), Index: c.Index,
			TimestampField: c.TimestampField, CategoryField: c.EventCategoryField, TiebreakerField: c.TiebreakerField,
			SamplesPerKey: c.MaxSamplesPerKey,
		})
		return plan, diags, nil
	}
	set, _, err := a.global.loadRules(ctx, a.global.Rules)
	if err != nil {
		return nil, nil, err
	}
	plan, diags := set.Search(text, c.Index)
	return plan, diags, nil
}

// window returns the time range of the query. A search in SPL without --from is over all events.
func (c *queryCmd) window() window.Window {
	if rule.Language(c.Language) == rule.SPL && c.From.IsZero() {
		return window.Window{}
	}
	return window.Window{From: c.From.Time, To: c.To.Time}
}

// source returns the source of the query's events. For SPL, --to is the time at which the search is scheduled.
func (c *queryCmd) source(b *backend) query.Source {
	src := query.Source{Events: b.events, At: time.Now(), Window: c.window()}
	if rule.Language(c.Language) == rule.SPL {
		src.Tables, src.Risk.Events = b.tables, b.riskEvents
		if !c.To.IsZero() {
			src.At = c.To.Time
		}
	}
	return src
}

// check returns a usage error for flag values that are invalid or do not go together.
func (c *queryCmd) check() error {
	switch {
	case !slices.Contains(plans.Languages(), rule.Language(c.Language)):
		return usagef("unknown language %q: it is one of %s", c.Language, strings.Join(languages(), ", "))
	case rule.Language(c.Language) == rule.ESQL && !slices.Equal(c.Index, []string{"*"}):
		return usagef("--index does not go with esql: the query itself names its indices")
	case c.Size < 0:
		return usagef("--size must not be negative")
	case !c.From.IsZero() && !c.To.IsZero() && !c.From.Before(c.To.Time):
		return usagef("--from must be before --to")
	}
	return nil
}

func languages() []string {
	var names []string
	for _, l := range plans.Languages() {
		names = append(names, string(l))
	}
	return names
}

// search finds and writes hits, also the hits found before a failure.
func (c *queryCmd) search(ctx context.Context, a *app, b *backend, prepared query.Prepared) error {
	src := query.Source{Events: b.events}
	if rule.Language(c.Language) == rule.SPL {
		src = c.source(b)
	}
	size := c.Size
	if rule.Language(c.Language) == rule.SPL {
		size++ // One more tells that there are more.
	}
	found, searchErr := query.RunAdHoc(ctx, prepared, src, c.window(), size)
	if len(found.Hits) > c.Size {
		found.Hits = found.Hits[:c.Size]
		a.global.log.Warn("more rows were found than are shown", "shown", c.Size, "flag", "--size")
	}
	if err := writeHits(a, found, c.TimestampField, c.rows()); err != nil {
		return err
	}
	if searchErr != nil {
		return fmt.Errorf("query: %w", searchErr)
	}
	return b.incomplete
}

// badQuery shows the diagnostics of the query and returns a usage error.
func (a *app) badQuery(diags diag.List) error {
	if err := a.show(diags); err != nil {
		return err
	}
	return usagef("the query cannot be run")
}
