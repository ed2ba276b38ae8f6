package escu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
	"tocsin/internal/rule/folder"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// Library is what was read: detections and what their searches name.
type Library struct {
	// Detections are in the order of their files.
	Detections []*Detection
	// Broken are those with errors, as far as they could be read: for reports, not to be run.
	Broken  []*Detection
	Macros  Macros
	Lookups map[string]*splunk.Table
	// Sources are data sources by name.
	Sources map[string]*DataSource

	// files are tables without a definition, by the name of their file.
	files map[string]func() *splunk.Table
}

// Table returns a lookup by name, nil when there is none. Splunk also finds those of files by the
// name of the file.
func (l *Library) Table(name string) *splunk.Table {
	if t, ok := l.Lookups[name]; ok {
		return t
	}
	if t, ok := l.Lookups[strings.TrimSuffix(name, ".csv")]; ok {
		return t
	}
	if read, ok := l.files[name]; ok {
		return read()
	}
	return nil
}

// Env returns what the searches of the library find beside events.
func (l *Library) Env() splunk.Env { return splunk.Env{Table: l.Table, Macros: l.Macros} }

// Parse reads the search of a detection and checks that it can be run in an environment, which is
// that of the library with what the caller adds. The search is nil when a diagnostic is an error.
func (l *Library) Parse(d *Detection, env splunk.Env) (*spl.Search, diag.List) {
	s, diags := spl.ParseText(d.Search, l.Macros)
	if s == nil {
		return nil, diags
	}
	diags = append(diags, splunk.Check(s, env)...)
	diags = append(diags, l.unknownSources(d)...)
	d.CountsRisk = slices.ContainsFunc(splunk.Datasets(s), func(x splunk.Dataset) bool { return x.Model == riskModel })
	if diags.HasErrors() {
		return nil, diags
	}
	return s, append(diags, d.unmade(s)...)
}

// riskModel is the data model of risk events.
const riskModel = "Risk"

// unknownSources names the data sources that no file of the library describes. They describe events for
// people: a search does not need them.
func (l *Library) unknownSources(d *Detection) diag.List {
	if len(l.Sources) == 0 {
		return nil
	}
	var diags diag.List
	for _, name := range d.DataSources {
		for part := range strings.SplitSeq(name, " AND ") {
			part = strings.TrimSpace(part)
			if _, ok := l.Sources[part]; ok || slices.ContainsFunc(sortedKeys(l.Sources), func(n string) bool { return sameSource(n, part) }) {
				continue
			}
			diags = append(diags, d.File.Report(diag.Warning, CodeUnknownName, diag.Span{}, "the data source %s is not defined", part))
		}
	}
	return diags
}

// sameSource tells names that differ in blanks and case only: files have both Sysmon EventID 1 and
// Sysmon Event ID 1.
func sameSource(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, " ", ""), strings.ReplaceAll(b, " ", ""))
}

// maxFile is how large a content file may be.
const maxFile = 64 << 20

// Load reads all content below the roots of a file system, each file for what it is: YAML of
// detections, macros, lookups and data sources, the tables of lookups, and macros.conf. YAML of
// other kinds is passed over, and so is what is hidden. A file that is reached twice is read once.
// Links are followed. Faults in files, and what cannot be read,
// are diagnostics; the error is that the context ended.
func Load(ctx context.Context, fsys fs.FS, roots ...string) (*Library, diag.List, error) {
	return LoadBeside(ctx, fsys, func(string, diag.Text) bool { return false }, roots...)
}

// LoadBeside is [Load] in folders that hold files of another format in YAML. Those that foreign claims, each with the root
// below which it was found, are the caller's: they are passed over.
func LoadBeside(ctx context.Context, fsys fs.FS, foreign func(root string, text diag.Text) bool, roots ...string) (*Library, diag.List, error) {
	l := loader{
		fsys: fsys, foreign: foreign, tables: map[string]lookupFile{}, seen: map[string]bool{},
		library: &Library{Macros: Macros{}, Lookups: map[string]*splunk.Table{}, Sources: map[string]*DataSource{}, files: map[string]func() *splunk.Table{}},
	}
	var walk folder.Walker
	for _, root := range roots {
		err := walk.Walk(fsys, root, func(name string, entry fs.DirEntry, err error) error {
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil:
				l.unreadable(name, err)
				return nil
			case name != root && strings.HasPrefix(entry.Name(), "."):
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			case entry.IsDir() || l.seen[path.Clean(name)]:
				return nil
			}
			l.seen[path.Clean(name)] = true
			l.file(name, root)
			return nil
		})
		if err != nil {
			return nil, nil, fmt.Errorf("read content in %s: %w", root, err)
		}
	}
	l.rows()
	l.schedules()
	l.supersede()
	l.written()
	l.diags.Sort()
	return l.library, l.diags, nil
}

type loader struct {
	fsys    fs.FS
	foreign func(root string, text diag.Text) bool
	library *Library
	tables  map[string]lookupFile
	seen    map[string]bool
	diags   diag.List

	timetables []timetable
}

// file reads a file below a root. One that is a root itself, and not found in a folder, is meant to be content.
func (l *loader) file(name, root string) {
	switch ext := path.Ext(name); {
	case ext == ".yml" || ext == ".yaml":
	case path.Base(name) == "macros.conf", isMacrosJSON(name):
	case ext == ".csv" && path.Base(path.Dir(name)) == "lookups":
		l.library.files[path.Base(name)] = sync.OnceValue(func() *splunk.Table { return tableOf(l.fsys, name) })
		return
	default:
		return
	}
	content, err := folder.Read(l.fsys, name, maxFile)
	if err != nil {
		l.unreadable(name, err)
		return
	}
	if reason := folder.NotText(string(content)); reason != "" && !folder.MarkedUTF16(string(content)) { // YAML may be marked UTF-16.
		l.broken(name, diag.Text{}, diag.List{{Severity: diag.Error, Code: CodeSyntax, Message: reason, File: name}})
		return
	}
	text := diag.NewText(name, string(content))
	if path.Base(name) == "macros.conf" {
		for _, m := range readMacrosConf(text, &l.diags) {
			l.library.Macros.Add(m)
		}
		return
	}
	if isMacrosJSON(name) {
		l.macrosJSON(text)
		return
	}
	if !l.foreign(root, text) {
		l.yaml(text, name, name == root)
	}
}

// unreadable reports a file that cannot be read; it stops no other.
func (l *loader) unreadable(name string, err error) {
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	l.diags = append(l.diags, diag.Diagnostic{Severity: diag.Error, Code: CodeUnreadable, Message: err.Error(), File: name})
}

// isMacrosJSON tells files with several macros by their names: macros.json, and name.macros.json
// beside a detection.
func isMacrosJSON(name string) bool {
	base := path.Base(name)
	return base == "macros.json" || strings.HasSuffix(base, ".macros.json")
}

// macrosJSON reads an object of macros by name. A file of that name that is something else is passed
// over.
func (l *loader) macrosJSON(file diag.Text) {
	o, _ := parseObject(file)
	if o == nil {
		return
	}
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		var diags diag.List
		m := newObject(file, o.node.Content[i].Value, o.node.Content[i+1], &diags)
		if m.node == nil || !m.has("definition") {
			continue
		}
		if macro, ok := readMacro(m); ok && !diags.HasErrors() {
			l.library.Macros.Add(macro)
		}
		l.diags = append(l.diags, diags...)
	}
}

// broken keeps a file that cannot be read as a detection with errors.
func (l *loader) broken(name string, file diag.Text, diags diag.List) {
	l.diags = append(l.diags, diags...)
	l.library.Broken = append(l.library.Broken, &Detection{Path: name, File: file})
}

// yaml reads a file for what its keys say that it is.
func (l *loader) yaml(file diag.Text, name string, named bool) {
	o, diags := parseObject(file)
	if o == nil {
		if named || looksLikeContent.MatchString(file.Value) {
			l.broken(name, file, diags)
		}
		return
	}
	switch {
	case isTimetable(o):
		l.timetables = append(l.timetables, readTimetable(o))
	case isDetection(o):
		if d := readDetection(o, name); o.diags.HasErrors() {
			l.library.Broken = append(l.library.Broken, d)
		} else {
			l.library.Detections = append(l.library.Detections, d)
		}
	case o.has("definition"):
		if m, ok := readMacro(o); ok {
			l.library.Macros.Add(m)
		}
	case o.has("filename"), o.has("collection"), o.has("lookup_type"):
		f := readLookup(o, path.Dir(name))
		l.tables[f.table.Name] = f
	case o.has("sourcetype"):
		s := readDataSource(o, name)
		l.library.Sources[s.Name] = s
	}
	l.diags = append(l.diags, *o.diags...)
}

// isDetection tells a detection by its keys. One whose type or search was forgotten or cut off has others
// that tell it from what is called like content and is none.
func isDetection(o *object) bool {
	if !o.has("search") || o.get("search").Kind != yaml.ScalarNode {
		n := o.get("type")
		isType := n != nil && n.Kind == yaml.ScalarNode && slices.Contains(types, Type(n.Value))
		return o.has("search") && o.has("type") || isType && (o.has("id") || o.has("name"))
	}
	return o.has("type") || o.has("name") && slices.ContainsFunc(detectionKeys, o.has)
}

var detectionKeys = []string{
	"id", "rba", "finding", "intermediate_findings", "tags", "data_source", "how_to_implement", "known_false_positives", "analytic_story",
	"security_domain", "custom_schedule", "creation_date",
}

// looksLikeContent tells a file that is no YAML and was meant for a detection from templates and other
// files that only are called like YAML.
var looksLikeContent = regexp.MustCompile(`(?m)^(search:|type: *['"]?(TTP|Anomaly|Hunting|Correlation|Baseline)\b)`)

// ParseDetection reads one detection file. The detection is nil when a diagnostic is an error.
func ParseDetection(file diag.Text) (*Detection, diag.List) {
	o, diags := parseObject(file)
	if o == nil {
		return nil, diags
	}
	d := readDetection(o, file.File())
	o.diags.Sort()
	if o.diags.HasErrors() {
		return nil, *o.diags
	}
	return d, *o.diags
}

// ParseMacro reads one macro file.
func ParseMacro(file diag.Text) (spl.Macro, diag.List) {
	o, diags := parseObject(file)
	if o == nil {
		return spl.Macro{}, diags
	}
	m, _ := readMacro(o)
	return m, *o.diags
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// parseObject reads YAML whose root is a mapping.
func parseObject(file diag.Text) (*object, diag.List) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(file.Value), &root); err != nil {
		line, message := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1])
			message = m[2]
		}
		start := yamltree.Offset(file.Value, line, 1)
		return nil, diag.List{file.Report(diag.Error, CodeSyntax, diag.Span{Start: start, End: start + 1}, "%s", message)}
	}
	var diags diag.List
	if len(root.Content) == 0 {
		return nil, diag.List{file.Report(diag.Error, CodeSyntax, diag.Span{}, "the file is empty")}
	}
	o := newObject(file, "", root.Content[0], &diags)
	if o.node == nil || o.node.Kind != yaml.MappingNode {
		return nil, append(diags, file.Report(diag.Error, CodeSyntax, diag.Span{}, "the file is not a mapping"))[:1]
	}
	return o, nil
}

// rows reads the tables of lookups, when all definitions are known. One whose file cannot be read is as
// if it had none: searches that name it are told why.
func (l *loader) rows() {
	for _, name := range sortedKeys(l.tables) {
		f := l.tables[name]
		l.library.Lookups[name] = f.table
		if f.csv == "" {
			continue
		}
		file := path.Join(f.dir, f.csv)
		content, err := folder.ReadBelow(l.fsys, f.dir, f.csv, maxFile)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if f.table.Empty == "" {
				f.table.Empty = "its file " + path.Base(f.csv) + " is not there"
			}
			continue
		case err != nil:
			f.table.Unread = "its file " + f.csv + " cannot be read: " + err.Error()
			f.object.diags = &l.diags
			f.object.report(diag.Error, CodeUnreadable, f.object.node, "the file %s of the lookup %s cannot be read: %v", f.csv, name, err)
			continue
		}
		if err := readRows(f.table, string(content)); err != nil {
			l.diags = append(l.diags, diag.Diagnostic{Severity: diag.Error, Code: CodeSyntax, Message: err.Error(), File: file})
			f.table.Unread = err.Error()
			continue
		}
		f.table.Prepare()
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
