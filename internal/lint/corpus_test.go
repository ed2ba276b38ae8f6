package lint_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/diag"
	"tocsin/internal/lint"
	"tocsin/internal/rule"
	"tocsin/internal/run/catalog"
)

// corpus has copies of public rules. It is not part of the project.
const corpus = "../../../shared/corpus"

// mistakes are those that authors of the public rules of elastic/detection-rules have made, by the beginning of the rule's
// id. Lints warn of these and of nothing else there.
var mistakes = map[string]string{
	"0564fb9d": "lint/equality-wildcard", "06d555e4": "lint/equality-wildcard", "0f4d35e4": "lint/equality-wildcard",
	"3838e0e3": "lint/equality-wildcard", "39c06367": "lint/equality-wildcard", "474fd20e": "lint/equality-wildcard",
	"5bdad1d5": "lint/equality-wildcard", "6e2355cc": "lint/equality-wildcard", "7c2e1297": "lint/equality-wildcard",
	"84755a05": "lint/equality-wildcard", "9b80cb26": "lint/equality-wildcard", "b0046934": "lint/equality-wildcard",
	"b2318c71": "lint/equality-wildcard", "b84264aa": "lint/equality-wildcard", "bc0fc359": "lint/equality-wildcard",
	"2a7823db": "lint/quoted-wildcard", "9bed06f5": "lint/quoted-wildcard",
	"5f0fff18": "lint/joined-words", // or is missing
	"e26f042e": "lint/filter-backslash",
	"990838aa": "rule/look-back-gap",
	// f33e68a4 compares a keyword with a boolean: only the mapping of its integration says so, as check --live does.
}

// maxTime is how long all lints may take over some 1,600 rules, on a machine with other things to do.
const maxTime = 5 * time.Second

func TestCorpus(t *testing.T) {
	set, diags := rule.Load(needs(t, "elastic"))
	got := map[string]string{}
	for _, d := range diags {
		if d.Code == "rule/look-back-gap" {
			r := set.Rules()[slices.IndexFunc(set.Rules(), func(r *rule.Rule) bool { return r.Owns(d) })]
			got[r.ID[:8]] = d.Code
		}
	}
	start := time.Now()
	for id, code := range warnings(t, nil, set.Rules()) {
		got[id[:8]] = code
	}
	if took := time.Since(start); took > maxTime {
		t.Errorf("lints take %s over %d rules", took, set.Len())
	}
	if diff := cmp.Diff(mistakes, got); diff != "" {
		t.Errorf("-mistakes +warnings:\n%s", diff)
	}
}

// TestOtherCorpora wants no warning about rules of Sigma and of Splunk.
func TestOtherCorpora(t *testing.T) {
	if testing.Short() {
		t.Skip("it plans thousands of rules")
	}
	for _, name := range []string{"sigma", "escu", "escu2026"} {
		set, _, err := catalog.Load(t.Context(), catalog.Options{}, needs(t, name))
		if err != nil || set.Len() == 0 {
			t.Fatal(set.Len(), err)
		}
		for id, code := range warnings(t, &set, set.Rules()) {
			t.Errorf("%s: %s: %s", name, id, code)
		}
	}
}

// warnings returns the code of the warnings of each rule, joined if they differ.
func warnings(t *testing.T, set *catalog.Catalog, rules []*rule.Rule) map[string]string {
	t.Helper()
	lints, _ := lint.Select(nil)
	var subjects []*lint.Subject
	for _, r := range rules {
		s := lint.NewSubject(r)
		if set != nil {
			for _, f := range set.Foreign(r) {
				s.Foreign = append(s.Foreign, lint.Foreign(f))
			}
		}
		subjects = append(subjects, s)
	}
	out := map[string]string{}
	for i, list := range lint.Run(lints, subjects) {
		for _, d := range list {
			id := rules[i].ID
			switch {
			case d.Severity > diag.Warning, out[id] == d.Code:
			case out[id] != "":
				out[id] += " " + d.Code
			default:
				out[id] = d.Code
			}
		}
	}
	return out
}

func needs(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(corpus, name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("the corpus is not there")
	}
	return path
}
