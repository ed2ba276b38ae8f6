//go:build integration

package elastic_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/search/tables"
)

// TestRealTables: what several write at the same time is all there, under any name, and read at once.
func TestRealTables(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	kept, err := elastic.NewTables(c, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-lookups-"+p, "") })
	if _, found, err := kept.Read(t.Context(), "t"); found || err != nil {
		t.Fatal("before the index is there:", found, err)
	}
	names := []string{"t", "a b/*?", strings.Repeat("long", 300)}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for _, name := range names {
				err := kept.Write(t.Context(), name, func(old tables.Table, _ bool) (tables.Table, error) {
					return tables.Table{Columns: []string{"n"}, Rows: append(old.Rows, []string{strconv.Itoa(i)}), Updated: time.Unix(int64(i), 0).UTC()}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		table, found, err := kept.Read(t.Context(), name)
		if err != nil || !found {
			t.Fatal(name, found, err)
		}
		slices.SortFunc(table.Rows, slices.Compare)
		if diff := cmp.Diff([][]string{{"0"}, {"1"}, {"2"}, {"3"}}, table.Rows); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
