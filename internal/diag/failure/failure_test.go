package failure_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"tocsin/internal/diag/failure"
)

func TestError(t *testing.T) {
	cause := errors.New("connection refused")
	tests := []struct {
		name string
		in   failure.Error
		want string
	}{
		{"cause", failure.Error{Op: "search [logs-*]", Err: cause}, "search [logs-*]: connection refused"},
		{"answer", failure.Error{Op: "search [a]", Status: 400, Type: "parsing_exception", Reason: "no"}, "search [a]: status 400: parsing_exception: no"},
		{"type alone", failure.Error{Op: "search [a]", Status: 503, Type: "no_shard"}, "search [a]: status 503: no_shard"},
		{"nothing known", failure.Error{Op: "search [a]"}, "search [a]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.in.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	typed := &failure.Error{Kind: failure.Partial, Op: "x", Err: context.Canceled}
	tests := []struct {
		name string
		in   error
		want failure.Kind
	}{
		{"nil", nil, failure.Internal},
		{"untyped", errors.New("x"), failure.Internal},
		{"typed", typed, failure.Partial},
		{"wrapped", fmt.Errorf("run: %w", typed), failure.Partial},
		{"joined", errors.Join(errors.New("x"), typed), failure.Partial},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := failure.KindOf(tt.in); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if !errors.Is(typed, context.Canceled) {
		t.Error("the cause is hidden")
	}
}

func TestKindNames(t *testing.T) {
	seen := map[string]bool{}
	for k := failure.Internal; k <= failure.Partial; k++ {
		if seen[k.String()] || k.String() == "" {
			t.Errorf("kind %d has the name %q", int(k), k)
		}
		seen[k.String()] = true
	}
}
