package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/cmd/runner/internal/geoip"
	"tocsin/cmd/runner/internal/metrics"
	"tocsin/internal/alert"
	"tocsin/internal/alert/enrich"
	"tocsin/internal/diag"
	"tocsin/internal/diag/failure"
	"tocsin/internal/match/condition"
	"tocsin/internal/match/event"
	"tocsin/internal/match/mapping"
	"tocsin/internal/rule"
	"tocsin/internal/search"
)

// enriching adds what the sources of --enrichment have to alerts, until the backend is closed. A nil one adds nothing.
type enriching struct {
	*app
	options enrich.Options
	observe func(source string, o enrich.Outcome)

	current atomic.Pointer[enrich.Enricher]
	// loading is the context of the loading of sources.
	loading context.Context //nolint:containedctx // sources are loaded as long as the backend is open
	running sync.WaitGroup
	// text is that of the configuration in use, stop ends the loading of its sources. One reload at a time changes them.
	text string
	stop context.CancelFunc
}

// openEnrichment reads --enrichment, starts the loading of its sources until the backend is closed, and waits for the first
// loading as long as the configuration says. m counts; nil: nobody reads the counts.
func (a *app) openEnrichment(ctx context.Context, b *backend, m *metrics.Metrics) (*enriching, error) {
	if a.global.Enrichment == "" {
		return nil, nil //nolint:nilnil // nothing is added
	}
	text, err := os.ReadFile(a.global.Enrichment)
	if err != nil {
		return nil, usagef("enrichment: %w", err)
	}
	config, diags := a.global.enrichmentOf(string(text))
	if err := a.show(diags); err != nil {
		return nil, err
	}
	if config == nil {
		return nil, usagef("enrichment: %s cannot be used", a.global.Enrichment)
	}
	told := &toldOnce{log: a, last: map[string]string{}}
	e := &enriching{app: a, stop: func() {}}
	e.options = enrich.Options{
		Open: func(file string) (enrich.Addresses, error) { return geoip.Open(file) },
		Rows: rowsOf(b.events),
		Loaded: func(source string, n int) {
			told.loaded(source, n)
			if m != nil {
				m.EnrichmentLoaded(source, time.Now())
			}
		},
		Failed: func(source string, err error) {
			told.failed(source, err)
			if m != nil {
				m.EnrichmentFailed(source)
			}
		},
	}
	if m != nil {
		e.observe = func(source string, o enrich.Outcome) { m.Enriched(source, string(o)) }
	}
	loading, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.loading = loading
	b.closers = append(b.closers, func() error { stop(); e.running.Wait(); return nil })
	e.use(ctx, config, string(text))
	return e, nil
}

// enrichmentOf reads the text of --enrichment; nil if it cannot be used.
func (g *globals) enrichmentOf(text string) (*enrich.Config, diag.List) {
	config, diags := enrich.Load(diag.NewText(g.Enrichment, text))
	if config != nil {
		config.Under(filepath.Dir(g.Enrichment))
	}
	return config, diags
}

// use loads the sources of a configuration, waits for them as long as it says, and puts them in the place of those before.
func (e *enriching) use(ctx context.Context, config *enrich.Config, text string) { //nolint:contextcheck // sources are loaded as long as the backend is open
	next := enrich.New(config, e.options)
	next.Observe = e.observe
	loading, stop := context.WithCancel(e.loading)
	e.running.Go(func() { next.Run(loading) })
	if !next.Ready(ctx) {
		e.global.log.Warn("enrichment is not loaded yet: alerts are written without what is missing")
	}
	e.current.Store(next)
	e.stop()
	e.stop, e.text = stop, text
}

// reload reads the configuration again, and uses it if it has changed and is right.
func (e *enriching) reload(ctx context.Context) error {
	if e == nil {
		return nil
	}
	text, err := os.ReadFile(e.global.Enrichment)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	if string(text) == e.text {
		return nil // its sources see to themselves
	}
	config, diags := e.global.enrichmentOf(string(text))
	if config == nil || diags.HasErrors() {
		return fmt.Errorf("%s: %w", e.global.Enrichment, diags.Err())
	}
	e.use(ctx, config, string(text))
	e.global.log.Info("the sources of enrichment were reloaded")
	return nil
}

// add is what a pipeline calls; nil if there is nothing to add.
func (e *enriching) add() func(r *rule.Rule, docs []alert.Document) {
	if e == nil {
		return nil
	}
	return func(r *rule.Rule, docs []alert.Document) { e.current.Load().Enrich(r.ID, r.Name, r.Tags, docs) }
}

// toldOnce logs a failure of a source when it begins or changes, and its end.
type toldOnce struct {
	log  *app
	mu   sync.Mutex
	last map[string]string
}

func (t *toldOnce) failed(source string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last[source] == err.Error() {
		return
	}
	t.last[source] = err.Error()
	t.log.global.log.Warn("enrichment: a source cannot be loaded, alerts are written without it or with what it had before", "source", source, "error", err)
}

func (t *toldOnce) loaded(source string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, source)
	t.log.global.log.Debug("enrichment: loaded", "source", source, "entries", n)
}

// rowsOf reads tables from the indices of events.
func rowsOf(events search.Events) enrich.Rows {
	return func(ctx context.Context, index string, columns []string, visit func(map[string][]string) error) error {
		ctx = search.Background(ctx) // live rules have priority
		patterns := rule.SplitPatterns(index)
		target, err := events.Resolve(ctx, patterns, columns)
		if err != nil {
			return err //nolint:wrapcheck // it names the operation
		}
		if len(target.Indices) == 0 {
			return &failure.Error{Kind: failure.Unavailable, Op: "read " + index, Reason: "no open index matches"}
		}
		r := search.Request{Patterns: patterns, Where: condition.Const(true), FieldTypes: target.Fields}
		_, err = events.Search(ctx, r, func(page []event.Event) (bool, error) {
			for _, e := range page {
				var source map[string]any
				if err := json.Unmarshal(e.Source, &source); err != nil {
					return false, fmt.Errorf("document %s of %s: %w", e.ID, e.Index, err)
				}
				row := map[string][]string{}
				for _, column := range columns {
					for _, v := range event.Lookup(source, column) {
						if text, ok := mapping.ScalarText(v); ok {
							row[column] = append(row[column], text)
						}
					}
				}
				if err := visit(row); err != nil {
					return false, err
				}
			}
			return true, nil
		})
		return err //nolint:wrapcheck // it names the operation
	}
}

// enrichmentIndices returns the indices that --enrichment reads tables from. What is wrong with the file is told when it is
// opened.
func (g *globals) enrichmentIndices() []string {
	if g.Enrichment == "" {
		return nil
	}
	text, err := os.ReadFile(g.Enrichment)
	if err != nil {
		return nil
	}
	config, _ := g.enrichmentOf(string(text))
	if config == nil {
		return nil
	}
	return config.Indices()
}
