package spl_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// arguments are the numbers of arguments up to 7 that functions take, by those numbers.
var arguments = map[string]string{
	"0":               "false now null pi random time true",
	"0 1 2 3 4 5 6 7": "json_array",
	"0 2 4 6":         "json_object",
	"1": "abs acos acosh asin asinh atan atanh ceil ceiling cos cosh exact exp floor isarray isbool isint ismv isnotnull isnull isnum isobject isstr json " +
		"json_entries json_keys json_valid len ln lower md5 mvcount mvdedup mvfilter mvreverse mvsort searchmatch sha1 sha256 sha512 sigfig sin sinh sqrt tan tanh " +
		"tobool typeof upper urldecode",
	"1 2":           "bit_not json_array_to_mv log ltrim mv_to_json_array round rtrim todouble toint tonumber tostring trim",
	"1 2 3 4 5 6 7": "avg coalesce json_extract max min mvappend printf sum",
	"2": "atan2 bit_shift_left bit_shift_right cidrmatch hypot ipmask json_has_key_exact like match mvfind mvjoin mvmap nullif pow relative_time spath " +
		"split strftime strptime",
	"2 3":         "mvindex mvrange mvzip substr",
	"2 3 4 5 6 7": "bit_and bit_or bit_xor in json_delete json_extract_exact",
	"2 4 6":       "case validate",
	"3":           "if replace",
	"3 5 7":       "json_append json_extend json_set json_set_exact",
}

// TestArguments requires that each function accepts the numbers of arguments in Splunk's reference, and no others.
func TestArguments(t *testing.T) {
	got := map[string][]string{}
	for _, name := range spl.Functions() {
		var taken []string
		for n := range 8 {
			args := strings.TrimSuffix(strings.Repeat("a, ", n), ", ")
			if s, _ := spl.ParseText(diag.NewText("f", fmt.Sprintf("* | eval x=%s(%s)", name, args)), macros); s != nil {
				taken = append(taken, strconv.Itoa(n))
			}
		}
		key := strings.Join(taken, " ")
		got[key] = append(got[key], name)
	}
	want := map[string][]string{}
	for numbers, names := range arguments {
		want[numbers] = strings.Fields(names)
		slices.Sort(want[numbers])
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAggregateNames requires that every function of stats is parsed by all of its names, and maps to one that can
// run.
func TestAggregateNames(t *testing.T) {
	other := map[string]string{"c": "count", "distinct_count": "dc", "estdc": "dc", "mean": "avg"}
	for _, name := range spl.Aggregates() {
		if strings.HasPrefix(name, "per_") { // They are of timechart alone.
			continue
		}
		s, diags := spl.ParseText(diag.NewText("f", "* | stats "+strings.ToUpper(name)+"(x) as y"), macros)
		if s == nil {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		agg := s.Stages[1].(*spl.Aggregate).Aggs[0]
		if want := cmp.Or(other[name], name); agg.Func != want || agg.Field.Text != "x" || agg.As != "y" {
			t.Errorf("%s is %+v, want %s", name, agg, want)
		}
	}
}

// TestPercentiles pins the numbers of percentiles.
func TestPercentiles(t *testing.T) {
	for name, want := range map[string]float64{"p0": 0, "p95": 95, "perc50": 50, "exactperc99.9": 99.9, "upperperc5": 5, "P100": 100, "perc2.5": 2.5} {
		s, diags := spl.ParseText(diag.NewText("f", "* | stats "+name+"(x)"), macros)
		if s == nil {
			t.Errorf("%s: %v", name, diags)
			continue
		}
		if got := s.Stages[1].(*spl.Aggregate).Aggs[0].Percent; got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	for _, name := range []string{"p", "p100.1", "p101", "perc-1", "pp5", "p5a", "exactperc", "upper5", "p1.2.3"} {
		if s, _ := spl.ParseText(diag.NewText("f", "* | stats "+name+"(x)"), macros); s != nil {
			t.Errorf("%s is read as %s", name, s)
		}
	}
}
