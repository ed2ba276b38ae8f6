package splunk_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/search/tables"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// keeps runs searches one after the other over the same tables, and returns the rows of the last.
func keeps(t *testing.T, store tables.Store, events splunk.Events, searches ...string) ([]map[string]any, error) {
	t.Helper()
	e := env()
	e.Tables = store
	table := e.Table
	e.Table = func(name string) *splunk.Table {
		if name == "listed" {
			return &splunk.Table{Name: "listed", Columns: []string{"u", "n"}, Listed: true, IgnoreCase: true}
		}
		return table(name)
	}
	var rows []map[string]any
	for i, text := range searches {
		at := now.Add(time.Duration(i) * time.Hour)
		s, diags := spl.ParseText(diag.NewText("search", text), macros)
		if s == nil {
			t.Fatal(text, diags)
		}
		if again, diags := spl.ParseText(diag.NewText("search", s.String()), macros); again == nil || again.String() != s.String() {
			t.Errorf("%s printed is %s: %v", text, s, diags)
		}
		rows = nil
		err := splunk.Run(t.Context(), s, e, events, splunk.Window{Latest: at, Now: at}, func(row splunk.Row) error {
			rows = append(rows, row.Native())
			return nil
		})
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func TestOutputLookup(t *testing.T) {
	events := rowsOf(t, `{"_time":1,"u":"ann","n":1,"x":"p"}
{"_time":2,"u":"bob","n":2,"x":"q"}`)
	read := "| inputlookup %s | sort u n"
	for name, tt := range map[string]struct {
		table    string
		searches []string
		// passed are how many rows the last search lets through, kept what is in the table then.
		passed int
		kept   []map[string]any
	}{
		"rows go on":          {"t", []string{"u=* | table u n | outputlookup t"}, 2, []map[string]any{{"u": "ann", "n": "1"}, {"u": "bob", "n": "2"}}},
		"what was is gone":    {"t", []string{"u=* | table u n | outputlookup t", "u=bob | table u | outputlookup t"}, 1, []map[string]any{{"u": "bob"}}},
		"append":              {"t", []string{"u=ann | table u n | outputlookup t", "u=bob | table u n | outputlookup append=t t"}, 1, []map[string]any{{"u": "ann", "n": "1"}, {"u": "bob", "n": "2"}}},
		"append is repeated":  {"t", []string{"u=* | table u n | outputlookup append=true t", "u=* | table u n | outputlookup append=true t"}, 2, []map[string]any{{"u": "ann", "n": "1"}, {"u": "bob", "n": "2"}}},
		"options behind":      {"t", []string{"u=* | table u | outputlookup t append=t max=1"}, 2, []map[string]any{{"u": "bob"}}},
		"of a file's name":    {"t", []string{"u=ann | table u | outputlookup t.csv"}, 1, []map[string]any{{"u": "ann"}}},
		"columns of a list":   {"listed", []string{"u=* | table u x n | outputlookup listed"}, 2, []map[string]any{{"u": "ann", "n": "1"}, {"u": "bob", "n": "2"}}},
		"hidden fields":       {"t", []string{"u=ann | eval _h=1 | fields u _h _time | outputlookup t"}, 1, []map[string]any{{"u": "ann", "_time": "1"}}},
		"by key":              {"t", []string{"u=* | table u n | outputlookup t key_field=u", `u=ann | eval n=9 | table u n | outputlookup append=t key_field=u t`, "| inputlookup t | fields - _key | outputlookup t"}, 2, []map[string]any{{"u": "ann", "n": "9"}, {"u": "bob", "n": "2"}}},
		"nothing empties":     {"t", []string{"u=* | table u | outputlookup t", "u=none | outputlookup t"}, 0, nil},
		"nothing leaves":      {"t", []string{"u=ann | table u | outputlookup t", "u=none | outputlookup t override_if_empty=false"}, 0, []map[string]any{{"u": "ann"}}},
		"through head":        {"t", []string{"u=* | table u n | outputlookup t | head 1"}, 1, []map[string]any{{"u": "ann", "n": "1"}, {"u": "bob", "n": "2"}}},
		"before stats":        {"t", []string{"u=* | table u n | outputlookup t | stats count"}, 1, []map[string]any{{"u": "ann", "n": "1"}, {"u": "bob", "n": "2"}}},
		"read and write":      {"t", []string{"u=ann | table u n | outputlookup t", "u=bob | table u n | inputlookup append=t t | outputlookup t"}, 2, []map[string]any{{"u": "ann", "n": "1"}, {"u": "bob", "n": "2"}}},
		"over a defined file": {"exact", []string{"u=ann | eval key=u | table key | outputlookup exact"}, 1, []map[string]any{{"key": "ann"}}},
		"added to a file":     {"nets", []string{`u=ann | eval net="192.0.2.0/24", zone="out" | table net zone | outputlookup append=t nets`}, 1, []map[string]any{{"net": "10.0.0.0/8", "zone": "in"}, {"net": "192.0.2.0/24", "zone": "out"}}},
	} {
		store := tables.NewMemory()
		got, err := keeps(t, store, events, tt.searches...)
		if err != nil || len(got) != tt.passed {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
		}
		kept, err := keeps(t, store, events, "k=1", "k=1", "k=1", fmt.Sprintf(read, tt.table))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.kept, kept); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestLookupOfKept requires that lookup finds the rows that another search wrote, with the matching of the
// definition.
func TestLookupOfKept(t *testing.T) {
	store := tables.NewMemory()
	events := rowsOf(t, `{"_time":1,"u":"ANN","n":7}`)
	got, err := keeps(t, store, events, "u=* | table u n | outputlookup listed", "| makeresults | eval u=\"ann\" | lookup listed u OUTPUT n | table u n")
	if diff := cmp.Diff([]map[string]any{{"u": "ann", "n": "7"}}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := keeps(t, nil, events, "u=* | outputlookup t"); err != nil {
		t.Errorf("without a place: %v", err)
	}
	if _, err := keeps(t, failing{}, events, "| inputlookup t"); err == nil || !strings.Contains(err.Error(), "read the lookup t") {
		t.Errorf("a place that does not answer: %v", err)
	}
	_, err = keeps(t, store, nil, "| makeresults count=100001 | streamstats count as n | outputlookup big")
	if !errors.Is(err, tables.ErrTooLarge) {
		t.Errorf("too many rows: %v", err)
	}
}

type failing struct{ tables.Store }

func (failing) Read(context.Context, string) (tables.Table, bool, error) {
	return tables.Table{}, false, errors.New("no answer")
}
