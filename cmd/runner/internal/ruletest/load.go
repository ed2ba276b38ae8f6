package ruletest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/rule/folder"
)

// extension ends the names of test files.
const extension = ".test.toml"

// File is one test file.
type File struct {
	Path string
	// Rule is the path of the rule file. RuleID names the tested rule if the file holds several.
	Rule   string
	RuleID string
	// With lists paths of files and directories that the rule refers to, such as its exceptions.
	With  []string
	Tests []Test

	text diag.Text
	root *tomltree.Value
}

// Test is one case.
type Test struct {
	Name string
	// Events are NDJSON, as in an event file.
	Events diag.Text
	// At is the slot of the run; the zero time means just after the latest event.
	At time.Time
	// Alerts lists exactly the alerts that must exist: by the _id of the event, of the last event
	// of a sequence, or by the alert's reason for a row of SPL.
	Alerts []string
	// Fields are values that every alert must have, by flat name.
	Fields map[string]any
	// Risk lists exactly the risk events that must exist.
	Risk []Risk

	at string
}

// Risk is the expectation of one risk event. Keys that it omits are not compared.
type Risk struct {
	Object, Type, Message string
	Score                 *int
	// Threats are the values of the threat objects.
	Threats []string
	// Row holds fields that the row behind the event must have.
	Row map[string]any
}

// riskFields are the keys of a [[test.risk]].
var riskFields = tomltree.Fields[Risk]{
	"object":  tomltree.Scalar(func(r *Risk) *string { return &r.Object }),
	"type":    tomltree.Scalar(func(r *Risk) *string { return &r.Type }),
	"message": tomltree.Scalar(func(r *Risk) *string { return &r.Message }),
	"score": func(d *tomltree.Decoder, v *tomltree.Value, r *Risk) {
		r.Score = new(int)
		tomltree.Number(func(r *Risk) *int { return r.Score })(d, v, r)
	},
	"threats": tomltree.List(func(r *Risk) *[]string { return &r.Threats }),
	"row":     tomltree.Free(func(r *Risk) *map[string]any { return &r.Row }),
}

// fileFields are the keys of a test file.
var fileFields = tomltree.Fields[File]{
	"rule":    tomltree.Scalar(func(f *File) *string { return &f.Rule }),
	"rule_id": tomltree.Scalar(func(f *File) *string { return &f.RuleID }),
	"with":    tomltree.List(func(f *File) *[]string { return &f.With }),
	"test":    tomltree.Each(testFields, func(f *File) *[]Test { return &f.Tests }),
}

// testFields are the keys of a [[test]].
var testFields = tomltree.Fields[Test]{
	"name":   tomltree.Scalar(func(t *Test) *string { return &t.Name }),
	"events": tomltree.Source(func(t *Test) *diag.Text { return &t.Events }),
	"at":     tomltree.Scalar(func(t *Test) *string { return &t.at }),
	"alerts": tomltree.List(func(t *Test) *[]string { return &t.Alerts }),
	"fields": tomltree.Free(func(t *Test) *map[string]any { return &t.Fields }),
	"risk":   tomltree.Each(riskFields, func(t *Test) *[]Risk { return &t.Risk }),
}

// Load finds and reads the test files that paths name: files, directories, and rule files with a
// test beside them. Files with errors are left out.
func Load(paths ...string) ([]File, diag.List) {
	var files []File
	var list diag.List
	var walk folder.Walker
	for _, path := range paths {
		err := walk.Walk(folder.Disk{}, path, func(p string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				list = append(list, unreadable(p, err))
				return nil
			case entry.IsDir():
				return nil
			}
			if p == path && !strings.HasSuffix(p, extension) {
				p = strings.TrimSuffix(p, filepath.Ext(p)) + extension
				if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) && namesPublished(path) {
					return nil
				}
			}
			if !strings.HasSuffix(p, extension) {
				return nil
			}
			file, more := read(p)
			list = append(list, more...)
			if !more.HasErrors() {
				files = append(files, file)
			}
			return nil
		})
		if err != nil {
			list = append(list, unreadable(path, err))
		}
	}
	return files, list
}

func unreadable(path string, err error) diag.Diagnostic {
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	return diag.Diagnostic{Severity: diag.Error, Code: "ruletest/unreadable", Message: err.Error(), File: path}
}

// maxFile is how large a test file may be.
const maxFile = 64 << 20

func read(path string) (File, diag.List) {
	content, err := folder.Read(folder.Disk{}, path, maxFile)
	if err != nil {
		return File{}, diag.List{unreadable(path, err)}
	}
	return Parse(path, string(content))
}

// Parse reads the content of a test file.
func Parse(path, content string) (File, diag.List) {
	f := File{Path: path, text: diag.NewText(path, content)}
	root, list := tomltree.Parse(f.text, "ruletest")
	if list.HasErrors() {
		return f, list
	}
	f.root = root
	d := tomltree.Decoder{File: f.text, Area: "ruletest", List: list}
	tomltree.Into(&d, root, fileFields, &f)
	for i, remark := range d.List {
		if remark.Code == d.Area+"/unknown-key" { // a misspelt key must not make a test pass
			d.List[i].Severity = diag.Error
		}
	}
	f.checkTests(&d)
	if f.Rule == "" {
		f.Rule = beside(strings.TrimSuffix(path, extension))
	} else if !filepath.IsAbs(f.Rule) {
		f.Rule = filepath.Join(filepath.Dir(path), f.Rule)
	}
	for i, with := range f.With {
		if !filepath.IsAbs(with) {
			f.With[i] = filepath.Join(filepath.Dir(path), with)
		}
	}
	d.List.Sort()
	return f, d.List
}

// beside returns the rule file of a name: Elastic's format, or Splunk's if only that exists.
func beside(name string) string {
	for _, ext := range []string{".toml", ".yml", ".yaml"} {
		if info, err := os.Stat(name + ext); err == nil && !info.IsDir() {
			return name + ext
		}
	}
	return name + ".toml"
}

// checkTests requires a name and a list of alerts of every test, so that no test passes by
// omission.
func (f *File) checkTests(d *tomltree.Decoder) {
	if len(f.Tests) == 0 {
		d.Report(diag.Error, "no-test", diag.Span{}, "the file has no [[test]]")
		return
	}
	for i, item := range f.root.Get("test").Items {
		test := &f.Tests[i]
		for _, key := range []string{"name", "events", "alerts"} {
			if item.Get(key) == nil {
				d.Report(diag.Error, "missing-field", item.Span, "a [[test]] needs %s", key)
			}
		}
		if test.at == "" {
			continue
		}
		var err error
		if test.At, err = time.Parse(time.RFC3339, test.at); err != nil {
			d.Report(diag.Error, "bad-time", item.Get("at").Span, "at must be a time such as 2026-01-15T14:05:00Z")
		}
	}
}

// report makes a diagnostic about a key of the i-th test.
func (f File) report(i int, key, code, format string, args ...any) diag.Diagnostic {
	item := f.root.Get("test").Items[i]
	span := item.Span
	if v := item.Get(key); v != nil {
		span = v.Span
	}
	return f.text.Report(diag.Error, code, span, format, args...)
}
