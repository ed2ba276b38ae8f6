package escu_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
	"tocsin/internal/splunk/escu"
	"tocsin/internal/translate/spl"
)

func TestMacroExpressions(t *testing.T) {
	macros := func(m ...spl.Macro) escu.Macros {
		out := escu.Macros{}
		for _, x := range m {
			out.Add(x)
		}
		return out
	}
	m := macros(
		spl.Macro{Name: "of", Args: []string{"kind"}, Definition: `if("$kind$"="win", "os=windows", "os=linux")`, Eval: true},
		spl.Macro{Name: "list", Definition: `mvjoin(split("a,b", ","), " OR ")`, Eval: true},
		spl.Macro{Name: "when", Definition: `strftime(now(), "%Y")`, Eval: true},
		spl.Macro{Name: "nothing", Definition: `null()`, Eval: true},
		spl.Macro{Name: "wrong", Definition: `if(`, Eval: true},
		spl.Macro{Name: "cond", Definition: `(sourcetype=csv)`},
		spl.Macro{Name: "bare", Definition: `sourcetype=csv`},
		spl.Macro{Name: "negated", Definition: `NOT sourcetype=csv`},
		spl.Macro{Name: "command", Definition: `inputlookup x`},
		spl.Macro{Name: "typo", Definition: `inputlokup x`},
	)
	for search, want := range map[string]string{
		"`of(win)` a=1":              `search os=windows AND a=1`,
		"`of(other)`":                `search os=linux`,
		"(`list`)":                   `search a OR b`,
		"`when`":                     `error: the macro when is defined by an expression that has no value: now() has another value in each run`,
		"`nothing`":                  `it is null`,
		"`wrong`":                    `the macro wrong is defined by an expression that has no value`,
		"| `cond` u=* | stats count": `search sourcetype=csv AND u=* | stats count as count`,
		"| `bare` | head 1":          `search sourcetype=csv | head 1`,
		"|`negated`":                 `search NOT sourcetype=csv`,
		"| `command` | head 1":       `| inputlookup x | head 1`,
		"| `typo`":                   `the command inputlokup is not supported`,
		"| (a=1)":                    `expected the name of a command`,
	} {
		s, diags := spl.ParseText(diag.NewText("search", search), m)
		got := diags.Err()
		switch {
		case s != nil && s.String() != want:
			t.Errorf("%s is %s, want %s", search, s, want)
		case s == nil && (got == nil || !strings.Contains(got.Error(), strings.TrimPrefix(want, "error: "))):
			t.Errorf("%s: %v, want %s", search, got, want)
		}
	}
	if d, diags := escu.ParseMacro(diag.NewText("m.yml", "name: m\ndefinition: '1+1'\niseval: true\n")); len(diags) > 0 || !d.Eval {
		t.Errorf("%+v, %v", d, diags)
	}
}
