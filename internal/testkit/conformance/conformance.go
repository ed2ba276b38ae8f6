// Package conformance holds cases of the languages with their expected results, for tests: in
// memory, on the embedded store, and on a real Elasticsearch. It is no part of the program.
//
// The repository's own cases are in testdata, a folder for each language; its README says how they
// are written. Besides them lie cases that are shared with other projects and not part of this
// repository; a test that knows them runs both kinds through the same check. The flow: [Written]
// reads the files of a language, [Shared] what is shared; a test makes a check of one case, and [Run]
// checks all and says how many of each kind there were.
package conformance

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/query"
	"tocsin/internal/query/plans"
	"tocsin/internal/rule"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// Case is one query over a dataset, with what it finds or why it is refused.
type Case struct {
	Name         string        `json:"name"`
	Language     rule.Language `json:"-"`
	Query        string        `json:"query"`
	Dataset      string        `json:"dataset"`
	Size         int           `json:"size"`
	PerKey       int           `json:"max_samples_per_key"`
	Expected     any           `json:"expected_event_ids"`
	Alternatives []any         `json:"expected_alternatives"`
	JoinKeys     [][]any       `json:"expected_join_keys"`
	// Refusals are what the place and text of the first error may be; nil where the query is answered.
	Refusals []string `json:"-"`
	// Warnings are the places and texts of all warnings; nil where they do not matter.
	Warnings []string `json:"-"`
	// InMemory is a part of what the embedded store answers to a query that only Elasticsearch can run.
	InMemory string `json:"-"`
	// Fails is a part of what is answered wherever the query runs.
	Fails string `json:"-"`
	// Differs is why Elasticsearch's own query of the language finds something else.
	Differs string `json:"-"`
}

// String names the case and shows its query.
func (c Case) String() string { return c.Name + "\n" + c.Query }

// Place is where the events of a dataset are searched.
type Place struct {
	Events search.Events
	// Index is the pattern of the dataset's indices.
	Index string
	// Original returns the name of an index in the dataset.
	Original func(string) string
	// Memory is set where conditions are matched in memory only.
	Memory bool
}

// adHoc is the case as an ad hoc query over an index pattern.
func (c Case) adHoc(d *Dataset, index string) plans.AdHocQuery {
	return plans.AdHocQuery{
		Text: diag.NewText("query", c.Query), Language: c.Language, Index: []string{index},
		TimestampField: d.Timestamp, CategoryField: d.Category, TiebreakerField: d.Tiebreaker, SamplesPerKey: c.PerKey,
	}
}

// Check runs the query and holds its hits, its warnings or its refusal against what is expected.
func (c Case) Check(ctx context.Context, d *Dataset, at Place) error {
	hits, diags, err := c.hits(ctx, d, at)
	switch {
	case c.Refusals != nil:
		return c.refused(diags)
	case diags.HasErrors():
		return diags.Err()
	case c.Fails != "":
		return failed(err, c.Fails)
	case at.Memory && c.InMemory != "":
		return failed(err, c.InMemory)
	case err != nil:
		return err
	}
	if got := reports(diags); c.Warnings != nil && !reflect.DeepEqual(got, c.Warnings) {
		return fmt.Errorf("warnings %q, want %q", got, c.Warnings)
	}
	return c.compare(d, hits, at.Original)
}

func (c Case) hits(ctx context.Context, d *Dataset, at Place) ([]query.Hit, diag.List, error) {
	plan, diags := plans.AdHoc(c.adHoc(d, at.Index))
	if plan == nil {
		return nil, diags, nil
	}
	src := query.Source{Events: at.Events}
	prepared, more, err := plan.Prepare(ctx, src)
	diags = append(diags, more...)
	if err != nil || prepared == nil {
		return nil, diags, err
	}
	found, err := query.RunAdHoc(ctx, prepared, src, window.Window{}, c.Size)
	return found.Hits, diags, err
}

func (c Case) refused(diags diag.List) error {
	for _, d := range diags {
		if d.Severity != diag.Error {
			continue
		}
		if got := report(d); !slices.Contains(c.Refusals, got) {
			return fmt.Errorf("refused: %s\nwant     %s", got, strings.Join(c.Refusals, "\n         "))
		}
		return nil
	}
	return fmt.Errorf("not refused, want %s", strings.Join(c.Refusals, " or "))
}

func failed(err error, part string) error {
	if err == nil || !strings.Contains(err.Error(), part) {
		return fmt.Errorf("%w, want an error with %q", err, part)
	}
	return nil
}

func report(d diag.Diagnostic) string { return fmt.Sprintf("%d:%d %s", d.Line, d.Column, d.Message) }

func reports(diags diag.List) []string {
	var out []string
	for _, d := range diags {
		out = append(out, report(d))
	}
	return out
}

// compare holds hits against the expectation.
func (c Case) compare(d *Dataset, hits []query.Hit, original func(string) string) error {
	got, keys := []any{}, [][]any{}
	for _, h := range hits {
		if h.Group == nil {
			got = append(got, d.names[eventName(original(h.Event.Index), h.Event.ID)])
			continue
		}
		members := []any{}
		for _, e := range h.Group.Events {
			if e == nil {
				members = append(members, float64(-1))
				continue
			}
			members = append(members, d.names[eventName(original(e.Index), e.ID)])
		}
		got = append(got, members)
		keys = append(keys, h.Group.JoinKeys)
	}
	if c.JoinKeys != nil && !reflect.DeepEqual(keys, c.JoinKeys) {
		return fmt.Errorf("join keys %v, want %v", keys, c.JoinKeys)
	}
	wanted := c.Alternatives
	if wanted == nil {
		wanted = []any{c.Expected}
	}
	for _, alternative := range wanted {
		if reflect.DeepEqual(any(got), alternative) {
			return nil
		}
	}
	return fmt.Errorf("events %v, want %v", got, wanted)
}
