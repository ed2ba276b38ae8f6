package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

func TestReadArguments(t *testing.T) {
	parser, err := kong.New(&cli{}, kong.Name("runner"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, in, want, config string }{
		{"nothing", "", "", ""},
		{"values are joined", "run --once --namespace x", "run --once --namespace=x", ""},
		{"a list takes what follows", "run --events a b c --once", "run --events=a --events=b --events=c --once", ""},
		{"and what follows a joined value", "run --events=a b", "run --events=a --events=b", ""},
		{"lists in turn", "run --rules a b --events c d", "run --rules=a --rules=b --events=c --events=d", ""},
		{"a list before its command", "--rules a b run --once", "--rules=a --rules=b run --once", ""},
		{"the command ends the list", "--rules a run b", "--rules=a run b", ""},
		{"standard input", "run --events - a", "run --events=- --events=a", ""},
		{"a flag is no value", "run --events --once", "run --events --once", ""},
		{"a negative number is one", "query --size -5", "query --size=-5", ""},
		{"no more than the argument's turn", "query --events a q", "query --events=a q", ""},
		{"after the argument a list goes on", "query q --events a b", "query q --events=a --events=b", ""},
		{"any number of arguments", "check --rules a b c", "check --rules=a b c", ""},
		{"switches take nothing", "run --once x", "run --once x", ""},
		{"the end of flags", "query --events a -- -x --config y", "query --events=a -- -x --config y", ""},
		{"a command of a command", "alerts show --store s id", "alerts show --store=s id", ""},
		{"its default command", "alerts --rule r --limit 3", "alerts --rule=r --limit=3", ""},
		{"an unknown flag", "run --nosuch x", "run --nosuch x", ""},
		{"the file of the configuration", "run --config a --once", "run --config=a --once", "a"},
		{"the last one", "--config a run --config=b", "--config=a run --config=b", "b"},
		{"not as a value", "run --namespace --config", "run --namespace --config", ""},
		{"a flag without its value", "run --config", "run --config", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := readArguments(parser.Model.Node, strings.Fields(tt.in))
			if diff := cmp.Diff(tt.want, strings.Join(got.out, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.config != tt.config {
				t.Errorf("configuration file %q, want %q", got.config, tt.config)
			}
		})
	}
}

func TestWarningsAreFreshOnce(t *testing.T) {
	var w warnings
	for _, tt := range []struct {
		rule string
		now  []string
		want []bool
	}{
		{"a", []string{"x"}, []bool{true}},
		{"a", []string{"x", "y"}, []bool{false, true}},
		{"b", []string{"x"}, []bool{true}},
		{"a", nil, []bool{}},
		{"a", []string{"x"}, []bool{true}},
	} {
		if diff := cmp.Diff(tt.want, w.fresh(tt.rule, tt.now)); diff != "" {
			t.Errorf("%s %v: -want +got:\n%s", tt.rule, tt.now, diff)
		}
	}
}
