package splunk_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

func TestOutputs(t *testing.T) {
	for search, want := range map[string]string{
		// +a: can be there; -a: cannot.
		"k=1":                    "+a +b",
		"k=1 | stats count by a": "+a +count -b",
		"k=1 | stats values(b) as c by a | eval d=1":               "+a +c +d -b",
		"k=1 | stats values(*) as * by a":                          "+a +b",
		"k=1 | eval b=1 | table a b | stats values(*) as x_* by a": "+x_b +a -b",
		"k=1 | table a | rename a as b":                            "-a +b",
		"k=1 | table a | rename c as b":                            "+a -b -c",
		"| tstats count from datamodel=Endpoint.Processes by Processes.dest | rename \"Processes.*\" as *": "+dest +count -user -Processes.dest",
		"k=1 | table a | rex field=a \"(?<b>x)(?P<c>y)\"":                                                  "+b +c -d",
		"k=1 | table a | lookup t a OUTPUT b as c":                                                         "+c -b",
		"k=1 | table a | lookup t a":                                                                       "+b",
		"k=1 | table a | join a [search k=2 | table a c]":                                                  "+c -b",
		"k=1 | table a | join a [search k=2]":                                                              "+b",
		"k=1 | table a | append [search k=2 | table c]":                                                    "+a +c -b",
		"k=1 | stats count by a | appendpipe [stats sum(count) as total]":                                  "+a +count +total -b",
		"k=1 | fields a | fields - a":                                                                      "-a",
		"k=1 | fields a*":                                                                                  "+a +ab",
		"k=1 | table a | spath input=a path=x.y output=b":                                                  "+b -c",
		"k=1 | table a | spath input=a":                                                                    "+c",
		"k=1 | table a | eventstats count as n":                                                            "+a +n -b",
		"k=1 | top a":                                                                                      "+a +count +percent -b",
		"k=1 | table a{}.x | rename a{}.x as b":                                                            "+b -a",
		"k=1 | table a | fillnull value=0 c":                                                               "+c -b",
		"k=1 | table a | iplocation a":                                                                     "+Country -b",
		"k=1 | table a | foreach * [eval <<FIELD>>_x=1]":                                                   "+a_x",
	} {
		s, diags := spl.ParseText(diag.NewText("search", search), macros)
		if s == nil {
			t.Errorf("%s: %v", search, diags)
			continue
		}
		o := splunk.OutputsOf(s)
		for name := range strings.FieldsSeq(want) {
			if got := o.May(name[1:]); got != (name[0] == '+') {
				t.Errorf("%s: %s may be there: %v", search, name[1:], got)
			}
		}
	}
}

// TestOutputsAreAll requires that no row has a field outside of the set that its commands allow.
func TestOutputsAreAll(t *testing.T) {
	commands := []string{
		"table a b", "table a*", "fields a c", "fields - b", "fields *", "stats count by a", "stats values(b) as v, count by a, c", "stats values(*) as * by a",
		"stats count(*) as n_* by a", "eventstats count as n by b", "streamstats sum(n) as total", "eval d=a.b", "eval a=null()", "rename a as b", "rename a* as x*",
		"rename x as a, b as y", "rex field=a \"(?<r>.)\"", "fillnull value=0 z a", "fillnull", "top a", "rare b by a", "dedup a", "head 2", "sort - a", "reverse",
		"append [search a=* | table a q]", "appendpipe [stats count as sub]", "join type=left a [search a=* | fields a b | rename b as j]", "mvexpand b",
		"lookup exact key as a OUTPUT value as lv", "lookup exact key as a", "bin n span=1 as bn", "convert ctime(c) as t", "spath input=a path=x output=sx", "addtotals",
		"accum n as an", "delta n as dn", "transaction a", "iplocation a", "strcat a b ab", "addinfo", "untable a k w", "xyseries a b c", "transpose", "chart count over a by b",
		"appendcols [search a=* | table q]", "filldown", "outputlookup t", "foreach a b [eval <<FIELD>>_f=1]", "eval {a}=1", "rangemap field=n low=0-5", "makecontinuous n span=1",
	}
	events := rowsOf(t, `{"_time":1,"a":"p","b":["u","v"],"n":1,"c":"3"}
{"_time":2,"a":"b","ab":"w","n":4}
{"_time":3,"b":"u","x":"1","a":"p"}`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(append([]string{"a=* OR b=*"}, rapid.SliceOfN(rapid.SampledFrom(commands), 1, 5).Draw(t, "commands")...), " | ")
		s, diags := spl.ParseText(diag.NewText("search", text), macros)
		if s == nil {
			t.Fatal(text, diags)
		}
		o := splunk.OutputsOf(s)
		err := splunk.Run(t.Context(), s, env(), events, splunk.Window{Latest: now, Now: now}, func(row splunk.Row) error {
			for name := range row {
				if !o.May(name) {
					t.Fatalf("%s has %s", text, name)
				}
			}
			return nil
		})
		if err != nil && !strings.Contains(err.Error(), "has no column") {
			t.Fatal(text, err)
		}
	})
}
