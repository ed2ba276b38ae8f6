package sigma_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/sigma"
)

// TestReadSchedulesFaults wants each mistake at its place.
func TestReadSchedulesFaults(t *testing.T) {
	for text, want := range map[string]string{
		"[[schedule]]\nprodct = \"windows\"\ninterval = \"1h\"\n":   "2:1: error: unknown key schedule[0].prodct: did you mean product?",
		"[[schedule]]\ninterval = \"soon\"\n":                       `2:12: error: the interval "soon" is no length of time such as 5m`,
		"[[schedule]]\ninterval = \"10ms\"\n":                       `2:12: error: the interval "10ms" is no length of time such as 5m`,
		"[[schedule]]\ninterval = 5\n":                              "2:12: error: schedule[0].interval must be",
		"[[schedule]]\nfrom = \"now-\"\n":                           "2:8: error:",
		"[[schedule]]\nto = \"yesterday\"\n":                        "2:6: error:",
		"[[schedule]]\nmax_signals = 0\n":                           "2:15: error: max_signals is not a whole number above 0",
		"[[schedule]]\nindex = []\n":                                "2:9: error: index is empty",
		"[[schedule]]\nproduct = \"\"\ninterval = \"1h\"\n":         "2:11: error: product is empty",
		"[[schedule]]\nservice = [\"a\", 1]\ninterval = \"1h\"\n":   "2:17: error: schedule[0].service[1] must be",
		"[[schedule]]\npath = [\"a/**\", \"[\"]\nindex = \"x\"\n":   `2:8: error: "[" is no pattern of paths`,
		"[[schedule]]\nproduct = \"windows\"\n":                     "1:1: error: the schedule sets none of interval, from, to, max_signals, index",
		"schedule = \"1h\"\n":                                       "1:12: error: schedule must be a list of tables",
		"interval = \"1h\"\n":                                       "1:1: error: unknown key interval",
		"[[schedule]]\ninterval = \"1h\"\n[[schedule]]\nfrom = 1\n": "4:8: error: schedule[1].from must be",
		"[[schedule]\n": "error:",
		"":              "warning: the file has no [[schedule]]",
	} {
		_, diags := sigma.ReadSchedules(diag.NewText("s.toml", text))
		if len(diags) != 1 || !strings.Contains(diags[0].Error(), want) {
			t.Errorf("%q: %v, want %s", text, diags, want)
		}
	}
}

// scheduled loads rules and gives them the schedules of a file.
func scheduled(t *testing.T, text string, files map[string]string) (*sigma.Library, diag.List) {
	t.Helper()
	s, diags := sigma.ReadSchedules(diag.NewText("s.toml", text))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	l, more := load(t, files)
	if len(more) > 0 {
		t.Fatal(more)
	}
	return l, append(s.Assign(l.Rules), s.Unmet(l.Rules)...)
}

func TestSchedulePaths(t *testing.T) {
	const file = "sigma/rules/windows/process_creation/proc_a.yml"
	for glob, want := range map[string]bool{
		file: true, "rules/windows/**": true, "windows": true, "windows/": true, "rules/*/process_creation/*.yml": true, "*.yml": true, "proc_?.yml": true,
		"**/process_*/**": true, "{linux,windows}/**": true, "rules/*": true, "rules/*.yml": false, "indows/**": false, "rules/linux/**": false, "/rules/windows/**": false,
		"/**/windows/**": true, "/": true, "windows/process": false, "./rules/windows": true, "WINDOWS": false, "": false,
	} {
		if glob == "" {
			continue
		}
		l, _ := scheduled(t, fmt.Sprintf("[[schedule]]\npath = %q\ninterval = \"1h\"\nfrom = \"now-1h\"\n", glob), map[string]string{file: "title: x\nid: " + id1 + "\n" + detects})
		if got := l.Rules[0].Schedule.Interval == time.Hour; got != want {
			t.Errorf("%s: %t", glob, got)
		}
	}
}

// TestScheduleWarnings: what is never read is said once where it is set, and an empty window of every rule that has it.
func TestScheduleWarnings(t *testing.T) {
	two := map[string]string{"a.yml": "title: x\nid: " + id1 + "\n" + detects, "b.yml": "title: y\nid: " + id2 + "\n" + detects}
	own := map[string]string{"a.yml": "title: x\nid: " + id1 + "\ncustom:\n  interval: 20m\n" + detects}
	for name, tt := range map[string]struct {
		text  string
		files map[string]string
		want  []string
	}{
		"a gap":           {"[[schedule]]\ninterval = \"1h\"\n", two, []string{"s.toml:2:12: warning: runs are 1h apart and read 6m each: 54m between them are never read"}},
		"of two entries":  {"[[schedule]]\nfrom = \"now-20m\"\n[[schedule]]\ninterval = \"1h\"\n", two, []string{"s.toml:4:12: warning: runs are 1h apart and read 20m each: 40m between them are never read"}},
		"closed by one":   {"[[schedule]]\ninterval = \"1h\"\n[[schedule]]\nfrom = \"now-70m\"\n", two, nil},
		"of the rule":     {"[[schedule]]\nfrom = \"now-10m\"\n", own, []string{"a.yml:4:13: warning: runs are 20m apart and read 10m each: 10m between them are never read"}},
		"nothing is read": {"[[schedule]]\nfrom = \"now-1m\"\nto = \"now-2m\"\n", own, []string{"a.yml:4:13: error: a run from now-1m to now-2m reads nothing"}},
		"nobody":          {"[[schedule]]\nproduct = \"macos\"\nfrom = \"now-1h\"\n", two, []string{"s.toml:1:1: note: the schedule is for none of the rules"}},
	} {
		l, diags := scheduled(t, tt.text, tt.files)
		for _, r := range l.Rules {
			r.Rule([]string{"logs-*"}, sigma.Grades())
			diags = append(diags, r.Diags...)
		}
		var got []string
		for _, d := range diags {
			text, _, _ := strings.Cut(d.Error(), " [")
			got = append(got, text)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestScheduleOfCorrelation: an entry is for a correlation by its path, and by the log sources of its rules.
func TestScheduleOfCorrelation(t *testing.T) {
	files := map[string]string{
		"rules/a.yml": "title: x\nname: one\nid: " + id1 + "\n" + detects,
		"corr/c.yml":  "title: y\nid: " + id2 + "\nlevel: high\ncorrelation:\n  type: event_count\n  rules: [one]\n  timespan: 10m\n  group-by: [A]\n  condition: {gte: 3}\n",
	}
	for text, want := range map[string]struct {
		interval time.Duration
		unmet    int
	}{
		"path = \"corr/**\"\n":                        {time.Hour, 0},
		"path = \"corr/**\"\nproduct = \"windows\"\n": {time.Hour, 0},
		"path = \"corr/**\"\nproduct = \"linux\"\n":   {0, 1},
		"product = \"windows\"\n":                     {time.Hour, 0},
		"path = \"rules/**\"\n":                       {0, 0},
		"path = \"other/**\"\n":                       {0, 1},
	} {
		s, diags := sigma.ReadSchedules(diag.NewText("s.toml", "[[schedule]]\n"+text+"interval = \"1h\"\nfrom = \"now-1h\"\n"))
		l, more := load(t, files)
		if diags.HasErrors() || more.HasErrors() || len(l.Correlations) != 1 || l.Correlations[0].Diags.HasErrors() {
			t.Fatal(diags, more)
		}
		s.Assign(l.Rules, l.Correlations...)
		if got := l.Correlations[0].Schedule.Interval; got != want.interval {
			t.Errorf("%s: %s, want %s", text, got, want.interval)
		}
		if got := s.Unmet(l.Rules, l.Correlations...); len(got) != want.unmet {
			t.Errorf("%s: unmet %v", text, got)
		}
	}
}

// TestScheduleOverrides compares generated schedules with the plain meaning: what the rule says, else the last entry
// that is for it, key by key.
func TestScheduleOverrides(t *testing.T) {
	type entry struct {
		conditions map[string][]string
		sets       map[string]string
	}
	logs := map[string][]string{"product": {"windows", "linux"}, "category": {"process_creation", "dns"}, "service": {"sysmon"}}
	values := map[string][]string{"interval": {"10m0s", "1h0m0s"}, "from": {"now-2h", "now-3h"}, "to": {"now", "now-1m"}, "max_signals": {"7", "9"}, "index": {"a-*", "b-*"}}
	keys := []string{"interval", "from", "to", "max_signals", "index"}
	rapid.Check(t, func(rt *rapid.T) {
		source := map[string]string{}
		for key, words := range logs {
			if word := rapid.SampledFrom(append([]string{""}, words...)).Draw(rt, key); word != "" {
				source[key] = word
			}
		}
		if len(source) == 0 {
			source["product"] = "windows"
		}
		draw := func(label string, from map[string][]string, least int) map[string]string {
			out := map[string]string{}
			names := slices.Sorted(func(yield func(string) bool) {
				for k := range from {
					if !yield(k) {
						return
					}
				}
			})
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), least, len(names), rapid.ID).Draw(rt, label) {
				out[key] = rapid.SampledFrom(from[key]).Draw(rt, label+" "+key)
			}
			return out
		}
		own := draw("own", values, 0)
		entries := make([]entry, rapid.IntRange(0, 4).Draw(rt, "entries"))
		var text strings.Builder
		for i := range entries {
			e := entry{map[string][]string{}, draw("sets", values, 1)}
			for key := range draw("conditions", logs, 0) {
				e.conditions[key] = rapid.SliceOfNDistinct(rapid.SampledFrom(logs[key]), 1, len(logs[key]), rapid.ID).Draw(rt, "wanted "+key)
			}
			if rapid.Bool().Draw(rt, "path") {
				e.conditions["path"] = []string{rapid.SampledFrom([]string{"rules/**", "other/**"}).Draw(rt, "glob")}
			}
			entries[i] = e
			text.WriteString("[[schedule]]\n")
			for key, words := range e.conditions {
				fmt.Fprintf(&text, "%s = [%s]\n", key, `"`+strings.Join(words, `", "`)+`"`)
			}
			for key, value := range e.sets {
				if key != "max_signals" {
					value = `"` + value + `"`
				}
				fmt.Fprintf(&text, "%s = %s\n", key, value)
			}
		}
		want := map[string]string{}
		for _, e := range entries {
			meets := true
			for key, words := range e.conditions {
				is := source[key]
				if key == "path" {
					is = "rules/**"
				}
				meets = meets && slices.Contains(words, is)
			}
			for key, value := range e.sets {
				if meets {
					want[key] = value
				}
			}
		}
		maps.Copy(want, own)

		var of strings.Builder
		of.WriteString("title: x\nid: " + id1 + "\nlevel: low\nlogsource:\n")
		for key, word := range source {
			of.WriteString("  " + key + ": " + word + "\n")
		}
		if len(own) > 0 {
			of.WriteString("custom:\n")
		}
		for key, value := range own {
			of.WriteString("  " + key + ": " + value + "\n")
		}
		of.WriteString("detection:\n  s: {A: x}\n  condition: s\n")
		file := of.String()
		s, diags := sigma.ReadSchedules(diag.NewText("s.toml", text.String()))
		if diags.HasErrors() {
			rt.Fatal(diags)
		}
		l, diags, err := sigma.Load(t.Context(), sigma.Options{}, diag.NewText("a/rules/r.yml", file))
		if err != nil || diags.HasErrors() || l.Rules[0].Diags.HasErrors() {
			rt.Fatal(err, diags, l.Rules[0].Diags)
		}
		s.Assign(l.Rules)
		r := l.Rules[0].Rule([]string{"logs-*"}, sigma.Grades())
		got := map[string]string{
			"interval": r.Interval.String(), "from": r.From.Text, "to": r.To.Text, "max_signals": strconv.Itoa(r.MaxSignals), "index": strings.Join(r.Index, ","),
		}
		usual := map[string]string{"interval": "5m0s", "from": "now-6m", "to": "now", "max_signals": "100", "index": "logs-*"}
		for _, key := range keys {
			if want[key] == "" {
				want[key] = usual[key]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Errorf("%s%s(-want +got):\n%s", text.String(), file, diff)
		}
	})
}
