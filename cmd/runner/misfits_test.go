package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
)

// TestReadinessNamesMisfits: an index of another mapping keeps the service from being ready, an answer that did not
// come does so for that time, and who may not look is not held up.
func TestReadinessNamesMisfits(t *testing.T) {
	misfit := elastic.Misfit{Place: "index [x]", Faults: []string{"dynamic is true"}, WayOut: "make it anew"}
	for name, tt := range map[string]struct {
		found []elastic.Misfit
		err   error
		want  string
		asked int
	}{
		"all fits":          {nil, nil, "", 1},
		"one does not":      {[]elastic.Misfit{misfit}, nil, "the mapping of index [x] is not Tocsin's: dynamic is true; make it anew", 1},
		"may not look":      {nil, &failure.Error{Kind: failure.Refused, Op: "look"}, "", 1},
		"may look at one":   {[]elastic.Misfit{misfit}, &failure.Error{Kind: failure.Refused, Op: "look"}, "index [x]", 1},
		"no answer":         {nil, &failure.Error{Kind: failure.Unavailable, Op: "look"}, "check the mappings", 2},
		"errors are joined": {nil, errors.Join(nil, &failure.Error{Kind: failure.Refused, Op: "look"}), "", 1},
	} {
		asked := 0
		b := &backend{misfits: func(context.Context) ([]elastic.Misfit, error) {
			asked++
			return tt.found, tt.err
		}}
		check := b.fit()
		for range 2 {
			err := check(t.Context())
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s: %v, want %q", name, err, tt.want)
			}
		}
		if asked != tt.asked {
			t.Errorf("%s: asked %d times", name, asked)
		}
	}
	if err := new(backend).fit()(t.Context()); err != nil {
		t.Errorf("where there is no cluster: %v", err)
	}
}
