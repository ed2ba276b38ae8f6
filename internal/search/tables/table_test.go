package tables_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/search/tables"
)

func TestEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-z"\n\x00é☃]{0,5}`)
		want := tables.Table{
			Columns: rapid.SliceOfN(cell, 1, 4).Draw(t, "columns"), Rows: rapid.SliceOfN(rapid.SliceOfN(cell, 1, 4), 1, 5).Draw(t, "rows"),
			Updated: time.Unix(int64(rapid.IntRange(0, 1<<31).Draw(t, "updated")), 0).UTC(),
		}
		data, err := tables.Encode("t", want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tables.Decode("t", data)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
}

func TestTooLarge(t *testing.T) {
	for name, table := range map[string]tables.Table{
		"rows":  {Columns: []string{"a"}, Rows: make([][]string, tables.MaxRows+1)},
		"bytes": {Columns: []string{"a"}, Rows: [][]string{{strings.Repeat("x", tables.MaxBytes)}}},
	} {
		if _, err := tables.Encode("t", table); !errors.Is(err, tables.ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
		m := tables.NewMemory()
		err := m.Write(t.Context(), "t", func(tables.Table, bool) (tables.Table, error) { return table, nil })
		if _, found, _ := m.Read(t.Context(), "t"); !errors.Is(err, tables.ErrTooLarge) || found {
			t.Errorf("%s: %v, %v", name, err, found)
		}
	}
}

func TestDry(t *testing.T) {
	set := func(s tables.Store, name, cell string) {
		t.Helper()
		err := s.Write(t.Context(), name, func(old tables.Table, _ bool) (tables.Table, error) {
			return tables.Table{Columns: []string{"a"}, Rows: append(old.Rows, []string{cell})}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	get := func(s tables.Store, name string) [][]string {
		t.Helper()
		table, _, err := s.Read(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return table.Rows
	}
	under := tables.NewMemory()
	set(under, "t", "1")
	dry := tables.Dry(under)
	set(dry, "t", "2")
	set(dry, "t", "3")
	set(dry, "new", "4")
	if diff := cmp.Diff([][]string{{"1"}, {"2"}, {"3"}}, get(dry, "t")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"1"}}, get(under, "t")); diff != "" || get(under, "new") != nil {
		t.Errorf("what is under it changed (-want +got):\n%s", diff)
	}
}

// TestAsOf wants searches of one moment to see the same in whichever order they run, and when they are run again.
func TestAsOf(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }
	cells := func(cell string) [][]string { return [][]string{{cell}} }
	var table tables.Table
	found := false
	write := func(hour int, cell string) {
		table, found = table.Next(found, []string{"a"}, cells(cell), at(hour)), true
	}
	see := func(hour int, want string) {
		t.Helper()
		got, there := table.AsOf(at(hour))
		if there != (want != "") || there && got.Rows[0][0] != want {
			t.Errorf("at %d: %v, %v, want %s", hour, got.Rows, there, want)
		}
	}
	write(3, "three")
	see(2, "")
	see(3, "")
	see(4, "three")
	write(5, "five")
	see(5, "three")
	see(4, "three")
	see(3, "")
	see(6, "five")
	write(5, "five again")
	see(5, "three")
	see(6, "five again")
	write(9, "nine")
	see(9, "five again")
	see(4, "five again") // the oldest that is known
	see(10, "nine")
}
