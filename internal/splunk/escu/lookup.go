package escu

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/rule/folder"
	"tocsin/internal/splunk"
)

// lookupFile is a lookup whose rows are in another file, or in none.
type lookupFile struct {
	table *splunk.Table
	// dir is the directory of the definition, csv the file below it; "" for a model.
	dir, csv string
	object   *object
}

var matchType = regexp.MustCompile(`(?i)^(WILDCARD|CIDR|EXACT)\(\s*([^)]*?)\s*\)$`)

// readLookup reads the definition of a lookup.
func readLookup(o *object, dir string) lookupFile {
	o.want("name")
	t := &splunk.Table{Name: o.text("name"), Matching: map[string]splunk.Matching{}, Default: o.text("default_match")}
	t.MinMatches, t.MaxMatches = o.number("min_matches", 0), o.number("max_matches", 0)
	if sensitive := o.flag("case_sensitive_match"); sensitive != nil {
		t.IgnoreCase = !*sensitive
	}
	for _, n := range o.nodes("match_type") {
		for part := range strings.SplitSeq(n.Value, ",") {
			m := matchType.FindStringSubmatch(strings.TrimSpace(part))
			if m == nil {
				o.report(diag.Error, CodeValue, n, "the match type %q is none of WILDCARD(column), CIDR(column) and EXACT(column)", part)
				continue
			}
			t.Matching[m[2]] = map[string]splunk.Matching{"WILDCARD": splunk.Wildcard, "CIDR": splunk.CIDR, "EXACT": splunk.Exact}[strings.ToUpper(m[1])]
		}
	}
	f := lookupFile{table: t, dir: dir, object: o}
	switch name := o.text("filename"); {
	case strings.HasSuffix(name, ".mlmodel") || o.text("lookup_type") == "mlmodel":
		t.Empty = "it is a model of Splunk's machine learning"
	case o.has("collection") || o.text("lookup_type") == "kvstore":
		t.Columns = columns(o)
		f.csv = t.Name + ".csv"
		t.Empty, t.Listed = "no "+t.Name+".csv is beside it, and nothing is in it until a detection writes it with outputlookup", len(t.Columns) > 0
	case name != "":
		f.csv = path.Clean(name)
	default:
		f.csv = strings.TrimSuffix(path.Base(o.file.File()), path.Ext(o.file.File())) + ".csv"
	}
	o.ignore("description", "id", "version", "author", "date", "creation_date", "modification_date", "collection", "lookup_type", "status",
		"reverse_lookup_optional", "type", "fields", "max_offset_secs", "min_offset_secs", "external_cmd", "key_field")
	columns(o)
	o.rest()
	return f
}

// columns returns the names in fields_list, which is a list or separated by commas.
func columns(o *object) []string {
	var out []string
	for _, part := range append(o.texts("fields_list"), o.texts("fields")...) {
		for name := range strings.SplitSeq(part, ",") {
			if name = strings.TrimSpace(name); name != "" && name != "_key" {
				out = append(out, name)
			}
		}
	}
	return out
}

// readRows reads the rows of a table; the first line has the column names.
func readRows(t *splunk.Table, content string) error {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(content, "\ufeff")))
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	records, err := r.ReadAll()
	if err != nil {
		return fmt.Errorf("read the rows of the lookup %s: %w", t.Name, err)
	}
	if len(records) == 0 {
		return fmt.Errorf("read the rows of the lookup %s: there is no line with the names of columns", t.Name)
	}
	t.Columns, t.Empty = records[0], ""
	for i, c := range t.Columns {
		t.Columns[i] = strings.TrimSpace(c)
	}
	t.Rows = records[1:]
	for i, row := range t.Rows {
		if len(row) > len(t.Columns) {
			return fmt.Errorf("read the rows of the lookup %s: row %s has %d cells for %d columns", t.Name, strconv.Itoa(i+1), len(row), len(t.Columns))
		}
	}
	return nil
}

// tableOf reads a table without a definition: searches refer to it by its file name, and its values match exactly.
func tableOf(fsys fs.FS, name string) *splunk.Table {
	t := &splunk.Table{Name: path.Base(name)}
	content, err := folder.ReadBelow(fsys, path.Dir(name), t.Name, maxFile)
	if err == nil {
		err = readRows(t, string(content))
	}
	if err != nil {
		t.Unread = err.Error()
		return t
	}
	t.Prepare()
	return t
}

// outputs returns the tables that a search writes.
var outputs = regexp.MustCompile(`(?i)\|\s*outputlookup\s+([^|\]]+)`)

// written marks the tables that detections write: they need no file.
func (l *loader) written() {
	for _, d := range l.library.Detections {
		for _, m := range outputs.FindAllStringSubmatch(d.Search.Value, -1) {
			for word := range strings.FieldsSeq(m[1]) {
				if strings.Contains(word, "=") {
					continue
				}
				name := strings.TrimSuffix(strings.Trim(word, `"`), ".csv")
				if t := l.library.Table(name); t == nil {
					l.library.Lookups[name] = &splunk.Table{Name: name, Kept: true}
				} else {
					t.Empty, t.Kept = "", true
				}
			}
		}
	}
}
