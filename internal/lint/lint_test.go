package lint_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"tocsin/internal/diag"
	"tocsin/internal/lint"
	"tocsin/internal/rule"
)

var update = flag.Bool("update", false, "rewrite the want sections of testdata")

// TestLints compares what all lints say of the rules of each archive, which is named after the lint that it is for, with
// its want section.
func TestLints(t *testing.T) {
	lints, _ := lint.Select([]string{"all"})
	for _, code := range append(codes(lints), "lint/ignore") {
		name := strings.TrimPrefix(code, "lint/")
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".txtar")
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatalf("every lint has a case: %v", err)
			}
			want := len(archive.Files) - 1
			if archive.Files[want].Name != "want" {
				t.Fatalf("the last section of %s is not want", path)
			}
			got := render(t, diagnose(t, lints, archive.Files[:want], name))
			if *update {
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if !strings.Contains(got, "["+code+"]") {
				t.Errorf("the case has no mistake of %s:\n%s", code, got)
			}
		})
	}
}

// TestCasesOfLints wants no case of a lint that is none.
func TestCasesOfLints(t *testing.T) {
	known := append(codes(lint.All()), "lint/ignore")
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) != len(known) {
		t.Errorf("%d cases for %d lints, %v", len(files), len(known), err)
	}
	for _, file := range files {
		if code := "lint/" + strings.TrimSuffix(filepath.Base(file), ".txtar"); !slices.Contains(known, code) {
			t.Errorf("%s is about no lint", file)
		}
	}
}

// diagnose returns what lints say of the rules in files, without the style lints that a case is not about.
func diagnose(t *testing.T, lints []lint.Lint, files []txtar.File, about string) diag.List {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, f := range files {
		fsys[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	set, list := rule.LoadFS(fsys, ".")
	if list.HasErrors() {
		t.Fatal(list)
	}
	var subjects []*lint.Subject
	for _, r := range set.Rules() {
		s := lint.NewSubject(r)
		if s.EQL == nil && s.KQL == nil && s.Lucene == nil {
			t.Fatalf("%s has no query that can be parsed", r.Path)
		}
		s.Tested = r.Path == "tested.toml" || about != "no-test"
		subjects = append(subjects, s)
	}
	var all diag.List
	for i, list := range lint.Run(lints, subjects) {
		all = append(all, subjects[i].Keep(list)...)
	}
	return slices.DeleteFunc(all, func(d diag.Diagnostic) bool {
		return slices.ContainsFunc(lints, func(l lint.Lint) bool { return l.Style && l.Code == d.Code && d.Code != "lint/"+about })
	})
}

func codes(lints []lint.Lint) []string {
	var out []string
	for _, l := range lints {
		out = append(out, l.Code)
	}
	return out
}

func render(t *testing.T, l diag.List) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Render(&b, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSelect(t *testing.T) {
	usual, unknown := lint.Select(nil)
	if len(unknown) > 0 || slices.ContainsFunc(usual, func(l lint.Lint) bool { return l.Style }) {
		t.Errorf("style lints are on, or %q is unknown", unknown)
	}
	chosen, unknown := lint.Select([]string{"no-test", "lint/near-duplicate", "no-tset", "rule/bad-value"})
	if diff := cmp.Diff([]string{"no-tset", "rule/bad-value"}, unknown); diff != "" || len(chosen) != len(usual)+2 {
		t.Errorf("%d lints, not %d; unknown %s", len(chosen), len(usual)+2, diff)
	}
	if all, _ := lint.Select([]string{"all"}); len(all) != len(lint.All()) {
		t.Errorf("all are %d of %d", len(all), len(lint.All()))
	}
}

// TestMerge: a lint stands for a note about the same place, and for no other diagnostic.
func TestMerge(t *testing.T) {
	at := func(s diag.Severity, code string, line int) diag.Diagnostic {
		return diag.Diagnostic{Severity: s, Code: code, File: "f", Line: line, Column: 1}
	}
	got := lint.Merge(
		diag.List{at(diag.Note, "kql/value", 2), at(diag.Warning, "kql/value", 2), at(diag.Note, "kql/value", 3)},
		diag.List{at(diag.Warning, "lint/question-mark", 2), at(diag.Warning, "lint/no-test", 1)},
	)
	want := diag.List{at(diag.Warning, "lint/no-test", 1), at(diag.Warning, "kql/value", 2), at(diag.Warning, "lint/question-mark", 2), at(diag.Note, "kql/value", 3)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
