package ruletest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/rule/folder"
	"tocsin/internal/sigma"
)

// Published are the tests that a rule of Sigma names by regression_tests_path, in the layout of SigmaHQ.
type Published struct {
	// Rule is the path of the rule, ID its id and Info the path of the file that lists the tests.
	Rule, ID, Info string
	Samples        []Sample

	text diag.Text
}

// Sample is one test: a file of events, and how many of them the rule finds.
type Sample struct {
	Name string
	// Path is the file with the events in JSON.
	Path string
	// Matches is how many events must alert at least; 0: one.
	Matches int

	node *yamltree.Node
}

// The words of the layout.
const (
	keyTests  = "regression_tests_path"
	codeFound = "ruletest/regression"
)

// LoadPublished finds the rules of Sigma below paths that name published tests, or have some in the folder
// regression_data beside them or above, and reads the lists of these. Tests that cannot be run, because they are kept as
// EVTX only or are not there at all, are warnings.
func LoadPublished(paths ...string) ([]Published, diag.List) {
	var out []Published
	var list diag.List
	folders := dataFolders{}
	var walk folder.Walker
	for _, path := range paths {
		err := walk.Walk(folder.Disk{}, path, func(p string, entry fs.DirEntry, err error) error {
			if ext := filepath.Ext(p); err != nil || entry.IsDir() || ext != ".yml" && ext != ".yaml" {
				return nil //nolint:nilerr // [Load] walks the same paths and reports it
			}
			content, err := folder.Read(folder.Disk{}, p, maxFile)
			if err != nil {
				list = append(list, unreadable(p, err))
				return nil
			}
			found, more := folders.publishedBy(p, string(content))
			out, list = append(out, found...), append(list, more...)
			return nil
		})
		_ = err // as above
	}
	return out, list
}

// namesPublished reports whether a file is of Sigma and has published tests.
func namesPublished(path string) bool {
	content, err := folder.Read(folder.Disk{}, path, maxFile)
	text := folder.FromUTF16(string(content))
	return err == nil && (strings.Contains(text, keyTests) || dataFolders{}.of(path) != "") && sigma.Is(text)
}

// publishedBy reads the tests that the rules of a file name, or that are kept for it.
func (d dataFolders) publishedBy(path, content string) ([]Published, diag.List) {
	content = folder.FromUTF16(content)
	kept := ""
	if !strings.Contains(content, keyTests) {
		kept = d.of(path)
	}
	if kept == "" && !strings.Contains(content, keyTests) || !sigma.Is(content) {
		return nil, nil
	}
	text := diag.NewText(path, content)
	docs, diags := yamltree.Parse(text, "sigma/syntax")
	if diags.HasErrors() {
		return nil, diags
	}
	var out []Published
	var list diag.List
	for _, doc := range docs {
		p := Published{Rule: path}
		if id := doc.Get("id"); id != nil {
			p.ID = id.Value
		}
		if kept != "" {
			if doc.Get("detection") != nil {
				more := p.keptIn(kept, text, doc)
				if list = append(list, more...); !more.HasErrors() && len(p.Samples) > 0 {
					out = append(out, p)
				}
				break
			}
			continue
		}
		named := doc.Get(keyTests)
		if named == nil || named.Kind == yamltree.Null {
			continue
		}
		if p.Info = seek(path, named.Value); p.Info == "" {
			sev := diag.Error
			if !begun(path, named.Value) {
				sev = diag.Warning // the rules were copied without their tests
			}
			list = append(list, named.Report(text, sev, codeFound, "the tests of the rule, %s, are not there", named.Value))
			continue
		}
		more := p.read()
		if list = append(list, more...); !more.HasErrors() && len(p.Samples) > 0 {
			out = append(out, p)
		}
	}
	return out, list
}

// keptIn reads the tests in a folder: those of its list, or else each of its files of events.
func (p *Published) keptIn(kept string, text diag.Text, doc *yamltree.Node) diag.List {
	p.Info = filepath.Join(kept, "info.yml")
	if _, err := os.Stat(p.Info); err == nil {
		return p.read()
	}
	p.Info, p.text = p.Rule, text
	entries, err := os.ReadDir(kept)
	if err != nil {
		return diag.List{unreadable(kept, err)}
	}
	evtx := ""
	for _, e := range entries {
		switch ext := strings.ToLower(filepath.Ext(e.Name())); {
		case slices.Contains(formats, ext):
			p.Samples = append(p.Samples, Sample{Name: e.Name(), Path: filepath.Join(kept, e.Name()), node: doc})
		case ext == ".evtx":
			evtx = e.Name()
		}
	}
	if evtx != "" && len(p.Samples) == 0 {
		return diag.List{doc.Report(text, diag.Warning, codeFound, "EVTX is unsupported: the tests in %s are not run, unless their events are in JSON beside them", kept)}
	}
	return nil
}

// read reads the list of tests.
func (p *Published) read() diag.List {
	content, err := folder.Read(folder.Disk{}, p.Info, maxFile)
	if err != nil {
		return diag.List{unreadable(p.Info, err)}
	}
	p.text = diag.NewText(p.Info, folder.FromUTF16(string(content)))
	docs, list := yamltree.Parse(p.text, codeFound)
	if list.HasErrors() || len(docs) == 0 || docs[0] == nil {
		return list
	}
	root := docs[0]
	if about := root.Get("rule_metadata"); about != nil && len(about.Items) > 0 {
		if id := about.Items[0].Get("id"); id != nil && p.ID != "" && !strings.EqualFold(id.Value, p.ID) {
			return append(list, id.Report(p.text, diag.Error, codeFound, "the tests are of the rule %s, and %s has the id %s", id.Value, p.Rule, p.ID))
		}
	}
	tests := root.Get("regression_tests_info")
	if tests == nil || tests.Kind != yamltree.List || len(tests.Items) == 0 {
		return append(list, root.Report(p.text, diag.Warning, codeFound, "the file lists no tests below regression_tests_info"))
	}
	evtx := false
	for _, item := range tests.Items {
		more := p.sample(item, &evtx)
		list = append(list, more...)
	}
	return list
}

// formats are the extensions of files with events in JSON.
var formats = []string{".json", ".ndjson", ".jsonl"}

// sample reads one test. Of a test over EVTX the same events are read that stand beside it in JSON; without them, the
// first of the rule's is a warning.
func (p *Published) sample(item *yamltree.Node, evtx *bool) diag.List {
	value := func(key string) string {
		if n := item.Get(key); n != nil && n.IsScalar() {
			return n.Value
		}
		return ""
	}
	s := Sample{Name: value("name"), node: item}
	named := item.Get("path")
	if named == nil || value("path") == "" {
		return diag.List{item.Report(p.text, diag.Error, codeFound, "the test names no file of events: path")}
	}
	if s.Name == "" {
		s.Name = filepath.Base(value("path"))
	}
	if n := item.Get("match_count"); n != nil && n.Kind != yamltree.Null {
		count, err := strconv.Atoi(n.Value)
		if err != nil || count < 0 {
			return diag.List{n.Report(p.text, diag.Error, codeFound, "match_count must be a number of events")}
		}
		s.Matches = count
	}
	switch kind := strings.ToLower(value("type")); kind {
	case "json", "ndjson", "jsonl":
		s.Path = p.seek(value("path"))
		if s.Path == "" {
			return diag.List{named.Report(p.text, diag.Error, codeFound, "the file of events %s is not there", value("path"))}
		}
	case "evtx":
		plain := strings.TrimSuffix(value("path"), filepath.Ext(value("path")))
		for _, ext := range formats {
			if s.Path == "" {
				s.Path = p.seek(plain + ext)
			}
		}
		if s.Path == "" {
			if *evtx {
				return nil
			}
			*evtx = true
			return diag.List{named.Report(p.text, diag.Warning, codeFound, "EVTX is unsupported: the test is not run, unless its events are in JSON beside it, in %s", filepath.Base(plain)+formats[0])}
		}
	default:
		return diag.List{item.Report(p.text, diag.Warning, codeFound, "events of the type %q are unsupported: the test is not run", kind)}
	}
	p.Samples = append(p.Samples, s)
	return nil
}

// seek finds a file that the list names, or one of its name beside the list.
func (p *Published) seek(name string) string {
	if at := seek(p.Info, name); at != "" {
		return at
	}
	return seek(p.Info, filepath.Base(filepath.FromSlash(name)))
}

func (p *Published) report(s Sample, sev diag.Severity, key, format string, args ...any) diag.Diagnostic {
	at := s.node
	if n := s.node.Get(key); n != nil {
		at = n
	}
	return at.Report(p.text, sev, codeFound, format, args...)
}
