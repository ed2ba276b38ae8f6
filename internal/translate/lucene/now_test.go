package lucene_test

import (
	"testing"
	"time"

	"tocsin/internal/match/mapping"
	"tocsin/internal/translate/lucene"
)

func TestAsOf(t *testing.T) {
	fields := mapping.Layers{mapping.Table{
		"e":  {Name: "e", Type: mapping.Date, Format: "epoch_second"},
		"m":  {Name: "m", Type: mapping.Date, Format: "epoch_millis"},
		"wk": {Name: "wk", Type: mapping.Date, Format: "YYYY-ww"},
		"dn": {Name: "dn", Type: mapping.DateNanos},
	}, testFields}
	now := time.Date(2026, 3, 1, 10, 10, 0, 0, time.UTC)
	for _, tt := range []struct {
		text, want string
		ofNow      bool
	}{
		{`k:a~ AND t:[now-1d TO *]`, `k:a~ AND t:["2026-02-28T10:10:00.000000000Z" TO *]`, true},
		{`k:a~ AND t:{now\/d TO now\/d]`, `k:a~ AND t:{"2026-03-01T23:59:59.999000000Z" TO "2026-03-01T23:59:59.999000000Z"]`, true},
		{`k:a~ AND NOT t:now\/d^2`, `k:a~ AND NOT t:["2026-03-01T00:00:00.000000000Z" TO "2026-03-01T23:59:59.999000000Z"]^2`, true},
		{`k:a~ t:(a~ OR "now-1h" OR >now)`, `k:a~ t:(a~ OR ["2026-03-01T09:10:00.000000000Z" TO "2026-03-01T09:10:00.000000000Z"] OR {"2026-03-01T10:10:00.000000000Z" TO *])`, true},
		{`k:a~ t:<=2026-01-01||\/M`, `k:a~ t:[* TO "2026-01-31T23:59:59.999000000Z"]`, false},
		{`k:a~ t:[2026-01-01 TO now]`, `k:a~ t:["2026-01-01T00:00:00.000000000Z" TO "2026-03-01T10:10:00.000000000Z"]`, true},
		{`k:a~ e:>=now-1d`, `k:a~ e:["1772273400.000000000" TO *]`, true},
		{`k:a~ m:>=now-1d`, `k:a~ m:["1772273400000.000000" TO *]`, true},
		{`k:a~ dn:<now\/d`, `k:a~ dn:[* TO "2026-03-01T00:00:00.000000000Z"}`, true},
		// Dates that have no form in their field's format, other fields, and other languages.
		{`k:a~ wk:<now`, `k:a~ wk:<now`, false},
		{`k:now~ k:now n:now none:now`, `k:now~ k:now n:now none:now`, false},
		{`k:a~ t:[2026-01-01 TO *]`, `k:a~ t:[2026-01-01 TO *]`, false},
		{`t:[now`, `t:[now`, false},
	} {
		got, ofNow := lucene.AsOf(tt.text, lucene.Moment{Now: now, Fields: fields})
		if got != tt.want || ofNow != tt.ofNow {
			t.Errorf("%s: of now %v, %s\nwant %s", tt.text, ofNow, got, tt.want)
		}
	}
	got, ofNow := lucene.AsOf(`now\/d`, lucene.Moment{Now: now, Fields: fields, DefaultField: "t", TimeZone: "+12:00"})
	if want := `["2026-02-28T12:00:00.000000000Z" TO "2026-03-01T11:59:59.999000000Z"]`; got != want || !ofNow {
		t.Errorf("by default: %s, want %s", got, want)
	}
}
