package splunk_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// pipedCommands are the searches of everyCommand less their first command, by name.
func pipedCommands() map[string]string {
	out := map[string]string{
		"map": `map maxsearches=3 search="search id=$id$"`, "inputlookup": "inputlookup append=t exact", "tstats": "tstats prestats=t append=t count by id",
		"mstats": "mstats prestats=t append=t avg(id) where host=* by id",
		"dedup":  "dedup host sortby id", "stats": "stats count by id", "head": "head 7", "tail": "tail 7", "return": "return 9 id",
		"rare": "rare limit=3 id", "mvexpand": "mvexpand many limit=2", "lookup": "lookup stars pattern AS host OUTPUT value",
	}
	for name, search := range everyCommand {
		if _, tail, piped := strings.Cut(search, "* | "); piped && out[name] == "" && name != "apply" {
			out[name] = tail
		}
	}
	return out
}

// TestPairsBeforeHead runs every pair of commands before head: it passes the first of the rows that there are
// without it, and what stands behind it has a result.
func TestPairsBeforeHead(t *testing.T) {
	commands := pipedCommands()
	names := slices.Sorted(maps.Keys(commands))
	for _, name := range spl.Commands() {
		switch name {
		case "from", "datamodel", "makeresults", "set", "multisearch": // They stand first.
		case "apply": // It wants a model that is kept.
		default:
			if commands[name] == "" {
				t.Errorf("no pair has the command %s", name)
			}
		}
	}
	events := laden(6)
	for _, row := range events {
		row["many"] = splunk.Texts([]string{"v1", "v2"})
	}
	rows := func(search string) []any {
		got, err := run(t.Context(), t, search, env(), events)
		if err != nil {
			t.Fatalf("%s: %v", search, err)
		}
		return got
	}
	for _, a := range names {
		for _, b := range names {
			search := "* | " + commands[a] + " | " + commands[b]
			all := rows(search)
			for _, n := range []string{"1", "3"} {
				first := all[:min(len(all), int(n[0]-'0'))]
				if diff := cmp.Diff(first, rows(search+" | head "+n), cmp.Comparer(sameRows)); diff != "" {
					t.Errorf("%s | head %s (-want +got):\n%s", search, n, diff)
				}
			}
			want := []any{map[string]any{"n": float64(min(len(all), 1))}}
			if diff := cmp.Diff(want, rows(search+" | head 1 | stats count as n")); diff != "" {
				t.Errorf("%s | head 1 | stats count (-want +got):\n%s", search, diff)
			}
		}
	}
}

// sameRows compares lists of rows; nil equals an empty list.
func sameRows(a, b []any) bool { return len(a) == 0 && len(b) == 0 || cmp.Equal(a, b) }

// FuzzRun runs what is read: no search panics, and each ends within its bounds.
func FuzzRun(f *testing.F) {
	for _, search := range everyCommand {
		f.Add(search)
	}
	for _, tt := range moreFunctionCases {
		f.Add("* | eval x=" + tt.expr)
	}
	for _, tt := range functionCases {
		f.Add("* | eval x=" + tt.expr + " | where x=1 | stats values(x) by host")
	}
	for _, tt := range commandCases {
		f.Add(tt.search)
	}
	events := laden(5)
	f.Fuzz(func(t *testing.T, search string) {
		s, _ := spl.ParseText(newText(search), macros)
		if s == nil {
			return
		}
		e := boundsEnv()
		if diags := splunk.Check(s, e); diags.HasErrors() {
			return
		}
		e.MemoryLimit = 4 << 20
		results := 0
		held, err := splunk.RunHeld(t.Context(), s, e, events, splunk.Window{Latest: now, Now: now}, func(row splunk.Row, _ int) error {
			for name, v := range row {
				if v.IsNull() {
					t.Fatalf("%s: the field %s is null", search, name)
				}
			}
			if results++; results > 1000 {
				return errEnough
			}
			return nil
		})
		if held != 0 {
			t.Errorf("%s: %d bytes are held at the end, %v", search, held, err)
		}
	})
}

var errEnough = errors.New("enough results")
