package spl_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/translate/spl"
)

// FuzzParse reads any text: no panic, no more than a second, diagnostics inside the text, and a
// printed search that is read as the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"`source` a=\"b*\" (c!=1 OR NOT d IN (x, \"y\")) | stats count values(e) as f by g h | where count>1 AND like(g, \"%x\")",
		"| tstats `is(a)` count from datamodel=Endpoint.Processes where x=1 by _time span=5m y | eval a='b{}.c' . \"\\\\\\\"\", d=-1.5e3",
		"a ```b``` | rex field=c mode=sed \"s/a/b/g\" | join type=outer max=0 x [| inputlookup t where k=1] | foreach a* [eval <<FIELD>>=1]",
		"| timechart span=1w@w1 per_hour(n) by h where max notin bottom3",
		"index=* x | xpath field=j outfield=v \"//a[@b='c']/d[last()]/text()\" | transaction h mvlist=\"a,b\" nullstr=- | stats sparkline as s",
		"| head keeplast=1", "x | map maxsearches=2 [search h=\"$h$\" | fields - it's] | extract | bin span=h@h _time",
		"x | transaction a startswith=eval(b=1) endswith=\"c\" maxspan=5m | sort 0 -num(x), ip(y) desc | dedup 2 a sortby -b",
		"[search [return 5 $x y=z]] | map search=\"search `source` $a$\" | timechart span=1h count by b", "((((((", "\"", "`", "`a(", "a=1|||",
		"a=CASE(X) TERM(y) | convert ctime(a) as b | bin _time span=1mon | top 5 a by b | rename a* as b*_*",
	} {
		f.Add(seed)
	}
	for _, seed := range []string{
		`a=1 earliest=-1h | chart limit=bottom3 sep="-" count as n over "x y" span=5 by u`, `a | timechart minspan=1m bins=5 sum(n) by h`,
		`a | xyseries grouped=t x y "v w" z`, `a | untable x y z`, `a | transpose 3 header_field="h" column_name=c include_empty=f`,
		`a | appendcols override=t [search b]`, `| multisearch [search a] [search b | eval x=1]`, `| set diff [search a] [search b]`,
		`a | join left=L right=R where L.a=R.b AND R.c=L.d [search x]`, `a | streamstats time_window=5m reset_after=(x=1) count by y`,
		`a | foreach mode=multivalue itemstr="#" f [eval x=mvappend(x,#)]`, `a | head limit=3 keeplast=t (x<5 OR y)`, `a | rangemap field=n low=-1-5.5`,
		`a | tojson auto(x) y output_field=j`, `a | trendline sma5(x) as y ema3(z)`, `a | predict n as p upper90=hi m`, `a | multikv fields x filter y`,
		`a | fit DensityFunction n m by "x,y" into z threshold=0.1`, `a | format "(" "[" "&" "]" "|" ")" mvsep=";"`, `x=[search a | return $x]`,
		`a | eval {k}_x=[search b | return $c]`, `| makeresults format=json data="[{\"a\":1}]"`, `a | stats sparkline(avg(x), 1h) as s by y`,
		`| datamodel M D search`, `a | collect index=x marker="a=1"`, `a | anomalydetection x action=annotate pthresh=0.1`, `a | bin x span=2log5 aligntime=earliest`,
		`a | strcat x "y\"z" w`, `a | makecontinuous t span=1h end=5`, `a | outlier action=rm x`, `a | autoregress x p=1-3`, `| mstats avg(x.y) where i=1 by h span=1m`,
	} {
		f.Add(seed)
	}
	for _, cases := range readWritten(f) {
		for _, c := range cases {
			f.Add(c.search)
		}
	}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 10_000 {
			t.Skip()
		}
		start := time.Now()
		s, diags := spl.ParseText(diag.NewText("f", src), macros)
		if s == nil && !diags.HasErrors() {
			t.Error("neither a search nor an error")
		}
		lines := strings.Count(src, "\n") + 1
		for _, d := range diags {
			if d.Line < 1 || d.Line > lines || d.Column < 1 || d.Column > len(src)+1 {
				t.Errorf("%s is outside of %q", d.Place(), src)
			}
		}
		if s != nil {
			roundTrip(t, s)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("took %s", took)
		}
	})
}
