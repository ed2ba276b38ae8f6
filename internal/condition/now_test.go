package condition_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/condition"
	"tocsin/internal/mapping"
)

func TestAsOf(t *testing.T) {
	fields := mapping.Table{
		"d": {Name: "d", Type: mapping.Date}, "e": {Name: "e", Type: mapping.Date, Format: "epoch_second"},
		"k": {Name: "k", Type: mapping.Keyword},
	}
	now := time.Date(2024, 2, 29, 13, 14, 15, 678e6, time.UTC)
	at := func(r condition.Range) string { return condition.AsOf(r, fields, now).String() }
	for _, tt := range []struct{ got, want string }{
		{at(condition.Range{Field: "d", Gte: "now-30d/d"}), `(range d gte "2024-01-30T00:00:00.000000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Gt: "now/d"}), `(range d gt "2024-02-29T23:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Lte: "now/d"}), `(range d lte "2024-02-29T23:59:59.999000000Z" format "strict_date_optional_time")`},
		{at(condition.Range{Field: "d", Lt: "now/d"}), `(range d lt "2024-02-29T00:00:00.000000000Z" format "strict_date_optional_time")`},
		{
			at(condition.Range{Field: "d", Gte: "2024-01-01", Lt: "now"}),
			`(range d gte "2024-01-01" lt "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time||strict_date_optional_time||epoch_millis")`,
		},
		{
			at(condition.Range{Field: "e", Gte: "1700000000", Lt: "now"}),
			`(range e gte "1700000000" lt "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time||epoch_second")`,
		},
		{at(condition.Range{Field: "d", Gte: "2024-01-01"}), `(range d gte "2024-01-01")`},
		{at(condition.Range{Field: "d", Gte: "now-1"}), `(range d gte "now-1")`},
		{at(condition.Range{Field: "d", Gte: "now", TimeZone: "+01:00"}), `(range d gte "now" time-zone "+01:00")`},
		{at(condition.Range{Field: "k", Gte: "now"}), `(range k gte "now")`},
		{at(condition.Range{Field: "none", Gte: "now"}), `(range none gte "now")`},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	inner := condition.Range{Field: "d", Gte: "now"}
	tree := condition.And{condition.Or{inner, condition.Not{X: condition.Nested{Path: "n", X: inner}}}, condition.Exists{Field: "k"}}
	const lowered = `(range d gte "2024-02-29T13:14:15.678000000Z" format "strict_date_optional_time")`
	want := "(and (or " + lowered + " (not (nested n " + lowered + "))) (exists k))"
	if diff := cmp.Diff(want, condition.AsOf(tree, fields, now).String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := condition.AsOf(tree, fields, time.Time{}).String(); got != tree.String() {
		t.Errorf("without a moment: %s", got)
	}
}
