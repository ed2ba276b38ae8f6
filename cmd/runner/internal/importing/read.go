package importing

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/rule"
	"tocsin/internal/rule/folder"
	"tocsin/internal/rule/form"
)

// Roots returns the directories and files of a source that have rules: of a checkout of Elastic's, Sigma's or Splunk's rules
// the folders that have them, else the source itself.
func Roots(source string) []string {
	is := func(names ...string) []string {
		var out []string
		for _, n := range names {
			if info, err := os.Stat(filepath.Join(source, n)); err == nil && info.IsDir() {
				out = append(out, filepath.Join(source, n))
			}
		}
		return out
	}
	if len(is("detections", "macros")) == 2 { // Splunk's
		return is("detections", "macros", "lookups", "data_sources", "baselines", "deployments", "schedules")
	}
	if found := is("rules", "rules_building_block", "rules-emerging-threats", "rules-threat-hunting", "rules-compliance", "rules-dfir"); len(found) > 0 {
		return found
	}
	return []string{source}
}

// Statuses says of the rules of a file, by its path and line, why they do not run; "" if they do.
type Statuses map[string][]Judged

// Judged is a rule of a file.
type Judged struct {
	RuleID, Name string
	Line         int
	// Problem is why the rule does not run, "" if it does.
	Problem string
}

// reader collects files of sources.
type reader struct {
	// values are the value lists that are carried over.
	values []string
	judged Statuses
	files  []File
	notes  []Note
}

// Read reads a source: a directory or a file. judged has every file with rules of the roots of the source, values are the
// value lists that are carried over besides.
func Read(source string, judged Statuses, values ...string) ([]File, []Note, error) {
	r := &reader{judged: judged, values: values}
	var walker folder.Walker // as the loader of rules, which follows links
	for _, root := range Roots(source) {
		base := source
		if root == source || filepath.Base(root) == "rules" {
			base = root
		}
		if info, err := os.Stat(root); err == nil && !info.IsDir() {
			if err := r.file(root, filepath.Base(root)); err != nil {
				return nil, nil, fmt.Errorf("import: %w", err)
			}
			continue
		}
		err := walker.Walk(folder.Disk{Dir: root}, ".", func(below string, d fs.DirEntry, err error) error {
			switch hidden := below != "." && strings.HasPrefix(filepath.Base(below), "."); {
			case err != nil:
				return err
			case d.IsDir() && hidden:
				return fs.SkipDir
			case d.IsDir() || hidden || d.Type()&fs.ModeSymlink != 0:
				return nil
			}
			path := filepath.Join(root, filepath.FromSlash(below))
			name, err := filepath.Rel(base, path)
			if err != nil {
				return err //nolint:wrapcheck // it names both
			}
			return r.file(path, filepath.ToSlash(name))
		})
		if err != nil {
			return nil, nil, fmt.Errorf("import: %w", err)
		}
	}
	return r.files, r.notes, nil
}

// besides are the files of Splunk's content that rules need.
var besides = regexp.MustCompile(`^(macros|lookups|data_sources|baselines|deployments|schedules)/.*\.(yml|yaml|csv|json|conf)$`)

// pattern finds a key at the beginning of a line of YAML.
var ofRule = regexp.MustCompile(`(?m)^(detection|correlation|filter|search):`)

func (r *reader) file(path, name string) error {
	ext := filepath.Ext(path)
	if !slices.Contains([]string{".toml", ".yml", ".yaml", ".ndjson", ".json"}, ext) && !besides.MatchString(name) {
		return nil
	}
	data, err := os.ReadFile(path) //nolint:gosec // the user names it
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	content := strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n")
	rules := r.judged[filepath.Clean(path)]
	switch {
	case ext == ".ndjson" || ext == ".json" && !besides.MatchString(name):
		if len(rules) > 0 || looksExported(content) {
			return r.export(path, content, ext == ".ndjson")
		}
		return nil
	case ext == ".toml":
		out, diags, err := form.TOML(diag.NewText(path, content))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if diags.HasErrors() {
			r.notes = append(r.notes, Note{Path: path, Line: diags[0].Line, Lost: true, Reason: diags[0].Message})
			return nil
		}
		if len(rules) == 0 && !strings.HasSuffix(name, ".test.toml") && !strings.HasSuffix(name, ".exceptions.toml") {
			return nil
		}
		content = out
	case len(rules) == 0 && !besides.MatchString(name) && !ofRule.MatchString(content):
		return nil
	}
	f := File{Name: name, Content: content, From: path}
	for _, one := range rules {
		f.RuleIDs = append(f.RuleIDs, one.RuleID)
		r.problem(path, one)
	}
	r.files = append(r.files, f)
	return nil
}

// problem notes that a rule that was carried over does not run.
func (r *reader) problem(path string, one Judged) {
	if one.Problem != "" {
		r.notes = append(r.notes, Note{Path: path, Line: one.Line, RuleID: one.RuleID, Rule: one.Name, Reason: "does not run: " + one.Problem})
	}
}

// looksExported reports whether a file has exceptions without rules.
func looksExported(content string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(content), "\n")
	return strings.Contains(first, `"list_id"`)
}

// export reads documents of Kibana.
func (r *reader) export(path, content string, lines bool) error {
	docs := documents(diag.NewText(path, content), lines)
	set, _ := rule.Load(path)
	loaded := map[int]*rule.Rule{}
	for _, one := range slices.Concat(set.Rules(), set.Broken()) {
		loaded[one.Line] = one
	}
	problems := map[int]Judged{}
	for _, one := range r.judged[filepath.Clean(path)] {
		problems[one.Line] = one
	}
	numbers := make([]int, 0, len(docs))
	for n := range docs {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	var others []*tomltree.Value
	for _, n := range numbers {
		v, one := docs[n], loaded[n]
		if one == nil {
			if text(v, "list_id") != "" {
				others = append(others, v)
			}
			continue
		}
		if text(v, "rule_id") == "" || one.Name == "" {
			r.notes = append(r.notes, Note{Path: path, Line: n, Rule: one.Name, Lost: true, Reason: "it is no rule with an id and a name"})
			continue
		}
		f, notes, err := ruleFile(v, one)
		if err != nil {
			return err
		}
		r.files, r.notes = append(r.files, f), append(r.notes, notes...)
		r.problem(path, problems[n])
	}
	for n := range loaded {
		if docs[n] == nil {
			r.notes = append(r.notes, Note{Path: path, Line: n, Lost: true, Reason: whyLost(problems[n])})
		}
	}
	files, notes, err := exceptionFiles(path, others, r.values)
	r.files, r.notes = append(r.files, files...), append(r.notes, notes...)
	return err
}

// whyLost is why a line is no document.
func whyLost(j Judged) string {
	if j.Problem != "" {
		return j.Problem
	}
	return "the line is not valid JSON"
}
