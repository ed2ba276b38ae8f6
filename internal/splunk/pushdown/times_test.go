package pushdown_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/splunk/pushdown"
	"tocsin/internal/translate/spl"
)

// TestOwnTimes wants events to be found by their time, however it is written and whatever others among
// them have.
func TestOwnTimes(t *testing.T) {
	from := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	forms := []func(at time.Time) string{
		func(at time.Time) string { return fmt.Sprintf(`"@timestamp":%q`, at.Format(time.RFC3339)) },
		func(at time.Time) string { return fmt.Sprintf(`"_time":%q`, at.Format(time.RFC3339)) },
		func(at time.Time) string { return fmt.Sprintf(`"_time":%d`, at.Unix()) },
		func(at time.Time) string { return fmt.Sprintf(`"_time":%d.25`, at.Unix()) },
		func(at time.Time) string { return fmt.Sprintf(`"_time":"%d.250"`, at.Unix()) },
		func(at time.Time) string {
			return fmt.Sprintf(`"@timestamp":%q,"_time":%q`, at.Format(time.RFC3339), at.Add(-240*time.Hour).Format(time.RFC3339))
		},
	}
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		want := 0
		for i := range rapid.IntRange(1, 6).Draw(t, "events") {
			at := from.Add(time.Duration(rapid.IntRange(-60, 180).Draw(t, "minute")) * time.Minute)
			if !at.Before(from) && at.Before(from.Add(2*time.Hour)) {
				want++
			}
			form := rapid.IntRange(0, len(forms)-1).Draw(t, "form")
			fmt.Fprintf(&text, `{"_index":"splunk-%d","_id":"%d","_source":{"k":"1",%s}}`+"\n", rapid.IntRange(0, 2).Draw(t, "index"), i, forms[form](at))
		}
		events, diags, err := store.OpenEvents(t.Context(), store.EventsOptions{Files: []string{"-"}, Stdin: strings.NewReader(text.String())})
		if err != nil || diags.HasErrors() {
			t.Fatal(err, diags)
		}
		defer func() { _ = events.Close() }()
		s, diags := spl.ParseText(diag.NewText("search", "k=1"), none{})
		if s == nil {
			t.Fatal(diags)
		}
		source := &pushdown.Events{Search: events, Map: pushdown.Default(), Index: []string{"splunk-*"}}
		got := 0
		err = splunk.Run(t.Context(), s, splunk.Env{}, source, splunk.Window{Earliest: from, Latest: from.Add(2 * time.Hour)}, func(row splunk.Row) error {
			at, _ := row.Get("_time").Float()
			if x := time.Unix(int64(at), 0); x.Before(from) || !x.Before(from.Add(2*time.Hour)) {
				t.Fatalf("%s is at %s", row.Get("_id"), x)
			}
			got++
			return nil
		})
		if err != nil || got != want {
			t.Fatalf("%d of %d found in\n%s%v", got, want, text.String(), err)
		}
	})
}
