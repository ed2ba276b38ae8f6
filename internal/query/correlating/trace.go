package correlating

import (
	"context"

	"tocsin/internal/match/condition"
)

// Trace evaluates every rule on one document.
func (b *bound) Trace(ctx context.Context, d condition.Document) (condition.Trace, error) {
	whole := condition.Trace{Text: "a rule of the correlation", Op: condition.OpOr}
	for _, l := range b.leaves {
		t, err := l.Trace(ctx, d)
		if err != nil {
			return whole, err //nolint:wrapcheck // it names the field
		}
		whole.Holds = whole.Holds || t.Holds
		whole.Parts = append(whole.Parts, condition.Trace{Text: "rule " + l.leaf.name, Op: condition.OpAnd, Of: "rule " + l.leaf.name, Holds: t.Holds, Parts: []condition.Trace{t}})
	}
	return whole, nil
}
