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

// queryCmd searches events with a query that is no rule.
type queryCmd struct {
	Query              string   `arg:"" help:"The query."`
	Language           string   `help:"Language of the query: eql, esql, kuery (or kql), lucene or spl." required:"" placeholder:"eql"`
	Index              []string `help:"Index patterns to search." default:"*" placeholder:"PATTERN"`
	From               moment   `help:"Earliest time." placeholder:"T"`
	To                 moment   `help:"Time before which events lie." placeholder:"T"`
	Size               int      `help:"Greatest number of hits: the latest ones are shown; of rows the first ones." default:"100"`
	TimestampField     string   `help:"Field of the event's time." default:"@timestamp"`
	EventCategoryField string   `help:"Field of the event category." default:"event.category"`
	TiebreakerField    string   `help:"Field that orders events of the same time."`
	MaxSamplesPerKey   int      `help:"Greatest number of samples that share a key." default:"1"`
}

// Run is the subcommand.
func (c *queryCmd) Run(ctx context.Context, a *app) error {
	if c.Language == "kql" {
		c.Language = string(rule.Kuery)
	}
	formats := []string{"text", "json", "ndjson"}
	if c.rows() {
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
	return c.search(ctx, a, b, prepared, query.Columns(plan))
}

// rows reports whether the answer is one of rows with columns.
func (c *queryCmd) rows() bool {
	return rule.Language(c.Language) == rule.ESQL || rule.Language(c.Language) == rule.SPL
}

// plan plans the query; one in SPL with the macros and lookups of the rules.
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

// window is the time that the query is about. One in SPL that does not say when it begins is about all events.
func (c *queryCmd) window() window.Window {
	if rule.Language(c.Language) == rule.SPL && c.From.IsZero() {
		return window.Window{}
	}
	return window.Window{From: c.From.Time, To: c.To.Time}
}

// source is where the query finds events. The moment of one in SPL is that at which it would be scheduled.
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

// check refuses what makes no sense.
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

// search finds and writes hits, their columns in an order as far as there is one; those found before a failure are worth having.
func (c *queryCmd) search(ctx context.Context, a *app, b *backend, prepared query.Prepared, order []string) error {
	src := query.Source{Events: b.events}
	if rule.Language(c.Language) == rule.SPL {
		src = c.source(b)
	}
	size := c.Size
	if rule.Language(c.Language) == rule.SPL {
		size++ // One more tells that there are more.
	}
	hits, searchErr := query.Hunt(ctx, prepared, src, c.window(), size)
	if len(hits) > c.Size {
		hits = hits[:c.Size]
		a.global.log.Warn("there are more rows than are shown", "shown", c.Size, "flag", "--size")
	}
	if err := writeHits(a, hits, c.TimestampField, c.rows(), order); err != nil {
		return err
	}
	if searchErr != nil {
		return fmt.Errorf("query: %w", searchErr)
	}
	return b.incomplete
}

// badQuery shows what is wrong with the query, which is an argument.
func (a *app) badQuery(diags diag.List) error {
	if err := a.show(diags); err != nil {
		return err
	}
	return usagef("the query cannot be run")
}
