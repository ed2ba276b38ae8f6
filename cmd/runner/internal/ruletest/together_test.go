package ruletest_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/ruletest"
)

// Files that are run together have the results that each has by itself, whatever the others are: rules with the same id, with
// errors and without, tested by several files, in exports and beside exceptions.
func TestTogetherAsAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		files := map[string]string{
			"beside.exceptions.toml": "[[list]]\nlist_id = \"l\"\n[[list.items]]\nitem_id = \"i\"\nname = \"I\"\nentries = [{ field = \"user.name\", type = \"match\", operator = \"included\", value = \"x\" }]\n",
		}
		for i := range rapid.IntRange(2, 6).Draw(rt, "rules") {
			query := rapid.SampledFrom([]string{`process where process.name == "sh"`, `process where process.name == "ls"`, `process where`, `process where nosuch()`}).Draw(rt, "query")
			id := rapid.IntRange(0, 3).Draw(rt, "id")
			name := fmt.Sprintf("r%d", i)
			common := fmt.Sprintf("rule_id = \"11111111-aaaa-4aaa-8aaa-00000000000%d\"\nname = \"N\"\ndescription = \"D\"\ntype = \"eql\"\nindex = [\"logs-*\"]\nseverity = \"low\"\nrisk_score = 1\nquery = '%s'\n", id, query)
			files[name+".toml"] = "[rule]\n" + common
			head := ""
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				head = "rule = \"r0.toml\"\n"
			case 1:
				head = "with = [\"beside.exceptions.toml\"]\n"
			}
			files[name+".test.toml"] = head + "[[test]]\nname = \"n\"\nevents = '''\n" + hit + "\n'''\nalerts = [\"hit\"]\n"
		}
		chdir(t, files)
		tests, diags := ruletest.Load(".")
		if diags.HasErrors() {
			rt.Fatal(diags)
		}
		beside := rapid.SampledFrom([][]string{nil, {"beside.exceptions.toml"}}).Draw(rt, "beside")
		together, err := ruletest.RunAll(t.Context(), ruletest.Options{Options: shipped}, tests, beside...)
		if err != nil {
			rt.Fatal(err)
		}
		for i, f := range tests {
			alone, list, err := ruletest.Run(t.Context(), shipped, f, beside...)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(alone, together[i].Results, cmpopts.IgnoreUnexported(ruletest.Result{})); diff != "" {
				rt.Fatalf("%s (-alone +together):\n%s\n%v", f.Path, diff, files)
			}
			if list.HasErrors() != together[i].Broken {
				rt.Fatalf("%s: broken alone: %t, together: %t", f.Path, list.HasErrors(), together[i].Broken)
			}
		}
	})
}
