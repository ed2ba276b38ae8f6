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
		"x | transaction a startswith=eval(b=1) endswith=\"c\" maxspan=5m | sort 0 -num(x), ip(y) desc | dedup 2 a sortby -b",
		"[search [return 5 $x y=z]] | map search=\"search `source` $a$\" | timechart span=1h count by b", "((((((", "\"", "`", "`a(", "a=1|||",
		"a=CASE(X) TERM(y) | convert ctime(a) as b | bin _time span=1mon | top 5 a by b | rename a* as b*_*",
	} {
		f.Add(seed)
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
