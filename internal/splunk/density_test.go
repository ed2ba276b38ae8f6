package splunk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/search/tables"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// TestModel fits a model, and applies it in another search.
func TestModel(t *testing.T) {
	var lines strings.Builder
	for i := range 40 {
		fmt.Fprintf(&lines, "{\"u\": \"a\", \"n\": \"%d\"}\n{\"u\": \"b\", \"n\": \"%d\"}\n", 10+i%3, 100+i%3)
	}
	events := rowsOf(t, lines.String()+`{"u": "new", "n": "5"}`)
	store := tables.NewMemory()
	got, err := keeps(t, store, events,
		"* | fit DensityFunction n by \"u\" into m threshold=0.02 | stats sum(IsOutlier(n)) as outliers count",
		"| makeresults format=csv data=\"u,n\na,11\na,100\nb,100\nb,11\nnew,7\n\" | apply m | table u n IsOutlier(n)")
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"u": "a", "n": "11", "IsOutlier(n)": int64(0)},
		{"u": "a", "n": "100", "IsOutlier(n)": int64(1)},
		{"u": "b", "n": "100", "IsOutlier(n)": int64(0)},
		{"u": "b", "n": "11", "IsOutlier(n)": int64(1)},
		{"u": "new", "n": "7", "IsOutlier(n)": int64(0)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by the model (-want +got):\n%s", diff)
	}
	// What is far above alone, and by how much of all.
	for search, outliers := range map[string]int64{
		`* | fit DensityFunction n into m | apply m threshold=0.000001 | stats sum("IsOutlier(n)") as s`:  0,
		`* | fit DensityFunction n into m | apply m upper_threshold=0.4 | stats sum("IsOutlier(n)") as s`: 40,
		`* | fit DensityFunction n into m | apply m lower_threshold=0.2 | stats sum("IsOutlier(n)") as s`: 41,
	} {
		got, err := keeps(t, store, events, search)
		if err != nil || got[0]["s"] != outliers {
			t.Errorf("%s: %v, %v", search, got, err)
		}
	}
	decay := "| makeresults count=200 | streamstats count as i | eval n=-ln(i/201) | fit DensityFunction n dist=expon into e threshold=0.05 | where 'IsOutlier(n)'=1 | stats count min(n) as m | eval far=if(m>2.7,1,0)"
	if got, err := keeps(t, store, nil, decay); err != nil || got[0]["far"] != int64(1) || got[0]["count"].(int64) < 5 || got[0]["count"].(int64) > 15 {
		t.Errorf("values that fall: %v, %v", got, err)
	}
	if _, err := keeps(t, store, events, "* | apply nowhere"); err == nil || !strings.Contains(err.Error(), "the model nowhere: it is not there") {
		t.Errorf("a model that is not there: %v", err)
	}
	if _, err := run(t.Context(), t, "* | fit LogisticRegression a from b", env(), nil); err == nil || !strings.Contains(err.Error(), "search:1:9: error: fit LogisticRegression is not supported") {
		t.Errorf("another kind of model: %v", err)
	}
}

// collector keeps what is collected.
type collector struct{ events []string }

func (c *collector) Collect(_ context.Context, to *spl.Collect, event splunk.Row) error {
	at, _ := event["_time"].Float()
	c.events = append(c.events, fmt.Sprintf("%s %.0f %s %s", to.Index, at, event["source"], event["_raw"]))
	return nil
}

// TestCollect requires that each row is written once, with a time, and passed on.
func TestCollect(t *testing.T) {
	events := rowsOf(t, `{"_time": 60, "u": "ann", "m": ["x", "y"]}
		{"_time": 30, "u": "bob"}`)
	for search, want := range map[string][]string{
		`* | collect index=risk source="s" marker="k=1" | head 1 | stats count`: {
			`risk 60 s 01/01/1970 00:01:00 +0000, m="x", m="y", u="ann", k=1`, `risk 30 s 01/01/1970 00:00:30 +0000, u="bob", k=1`,
		},
		`* | stats count | collect summary`:                                    {`summary 1772712000  03/05/2026 12:00:00 +0000, count="2"`},
		`earliest=10 | stats count | addinfo | collect index=a | fields count`: {`a 10  01/01/1970 00:00:10 +0000, count="2", info_max_time="1772712000", info_min_time="10", info_search_time="1772712000", info_sid="scheduler_1772712000"`},
		`* | collect index=a testmode=true`:                                    nil,
	} {
		to := &collector{}
		e := env()
		e.Collector = to
		if _, err := run(t.Context(), t, search, e, events); err != nil {
			t.Errorf("%s: %v", search, err)
		}
		if diff := cmp.Diff(want, to.events); diff != "" {
			t.Errorf("%s (-want +got):\n%s", search, diff)
		}
	}
	if diags := splunk.Check(parsed(t, "* | collect index=a"), env()); len(diags) != 1 || !strings.Contains(diags[0].Error(), "search:1:5: warning: the command collect writes nothing here") {
		t.Errorf("a place for nothing: %v", diags)
	}
}
