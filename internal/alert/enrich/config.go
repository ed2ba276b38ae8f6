package enrich

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
	"tocsin/internal/match/mapping"
)

// Config is what alerts are enriched with.
type Config struct {
	// Wait is how long the first alerts may be kept waiting for the first loading.
	Wait time.Duration
	// Refresh is how often files are looked at, and indices read again.
	Refresh time.Duration

	sources []*settings
}

// The defaults, and the bounds of what is configured.
const (
	defaultWait, maxWait       = 5 * time.Second, time.Minute
	defaultRefresh, minRefresh = time.Minute, time.Second
)

// settings are those of one source: a [[database]] or a [[table]].
type settings struct {
	name string
	// database is a file of addresses, file one of a table, index the name of an index with one.
	database, file, index string
	// fields are the fields of an alert whose values are looked up.
	fields []string
	// key is the column with those values; fold ignores the case of letters.
	key  string
	fold bool
	// add are columns by the field that gets them.
	add map[string]string
	// rules and tags choose rules: by name or id, and by tag, each with * for any text; none: all rules.
	rules, tags []string

	table *tomltree.Value
}

// addressFields are the fields whose addresses are looked up unless a database says others.
var addressFields = []string{"source.ip", "destination.ip", "client.ip", "server.ip"}

var configFields = tomltree.Fields[Config]{
	"wait":    duration(func(c *Config) *time.Duration { return &c.Wait }, 0, maxWait),
	"refresh": duration(func(c *Config) *time.Duration { return &c.Refresh }, minRefresh, 24*time.Hour),
	"database": each(tomltree.Fields[settings]{
		"name": nameField, "fields": addressesField, "rules": rulesField, "tags": tagsField,
		"file": tomltree.Scalar(func(s *settings) *string { return &s.database }),
	}),
	"table": each(tomltree.Fields[settings]{
		"name": nameField, "fields": matchField, "rules": rulesField, "tags": tagsField,
		"file":        tomltree.Scalar(func(s *settings) *string { return &s.file }),
		"index":       tomltree.Scalar(func(s *settings) *string { return &s.index }),
		"key":         tomltree.Scalar(func(s *settings) *string { return &s.key }),
		"ignore-case": tomltree.Flag(func(s *settings) *bool { return &s.fold }),
		"add":         addField,
	}),
}

var (
	nameField  = tomltree.Scalar(func(s *settings) *string { return &s.name })
	rulesField = tomltree.OneOrList(func(s *settings) *[]string { return &s.rules })
	tagsField  = tomltree.OneOrList(func(s *settings) *[]string { return &s.tags })
	matchField = tomltree.OneOrList(func(s *settings) *[]string { return &s.fields })
)

// addressesField reads the fields of addresses, which name what the place is of.
func addressesField(d *tomltree.Decoder, v *tomltree.Value, s *settings) {
	matchField(d, v, s)
	at := []*tomltree.Value{v}
	if v.Kind == tomltree.Array {
		at = v.Items
	}
	for _, item := range at {
		if item.Kind != tomltree.String {
			continue
		}
		owner := ownerOf(item.Text)
		if owner == "" || alert.Enrichable(owner+".geo.city_name") != nil {
			d.Report(diag.Error, "value", item.Span, "%s has no place in ECS: fields are those of client, destination, host, observer, server and source, such as source.ip", item.Text)
		}
	}
}

// ownerOf returns the field that an address is of: source of source.ip; "" if it is of none.
func ownerOf(field string) string {
	i := strings.LastIndexByte(field, '.')
	return field[:max(i, 0)]
}

// addField reads the columns by field.
func addField(d *tomltree.Decoder, v *tomltree.Value, s *settings) {
	if v.Kind != tomltree.Table {
		d.Report(diag.Error, "wrong-type", v.Span, "%s must be a table of fields with their columns, not %s", v.Path(), v.Kind)
		return
	}
	s.add = map[string]string{}
	var walk func(prefix string, v *tomltree.Value)
	walk = func(prefix string, v *tomltree.Value) {
		for _, item := range v.Items {
			name := prefix + item.Key
			switch item.Kind {
			case tomltree.Table: // host.name = "column" without quotes
				walk(name+".", item)
			case tomltree.String:
				if err := alert.Enrichable(name); err != nil {
					d.Report(diag.Error, "field", item.KeySpan, "%v", err)
				}
				if item.Text == "" {
					d.Report(diag.Error, "value", item.Span, "the column of %s is missing", name)
				}
				s.add[name] = item.Text
			default:
				d.Report(diag.Error, "wrong-type", item.Span, "%s must be the name of a column, not %s", name, item.Kind)
			}
		}
	}
	walk("", v)
}

// duration reads a length of time within bounds.
func duration(at func(*Config) *time.Duration, least, most time.Duration) tomltree.Field[Config] {
	return func(d *tomltree.Decoder, v *tomltree.Value, c *Config) {
		var text string
		tomltree.Scalar(func(*Config) *string { return &text })(d, v, c)
		if v.Kind != tomltree.String {
			return
		}
		length, err := time.ParseDuration(text)
		if err != nil || length < least || length > most {
			d.Report(diag.Error, "value", v.Span, "%q is no length of time from %v to %v, such as 30s", text, least, most)
			return
		}
		*at(c) = length
	}
}

// each reads a list of tables of sources.
func each(fields tomltree.Fields[settings]) tomltree.Field[Config] {
	return func(d *tomltree.Decoder, v *tomltree.Value, c *Config) {
		var list []settings
		tomltree.Each(fields, func(*Config) *[]settings { return &list })(d, v, c)
		for i := range list {
			one := &list[i]
			one.table = v.Items[i]
			one.check(d, v.Key == "database", c.sources)
			c.sources = append(c.sources, one)
		}
	}
}

// check reports what a source lacks.
func (s *settings) check(d *tomltree.Decoder, database bool, before []*settings) {
	fail := func(format string, args ...any) { d.Report(diag.Error, "source", s.table.Span, format, args...) }
	if s.name == "" {
		fail("%s has no name", s.table.Path())
	}
	if slices.ContainsFunc(before, func(other *settings) bool { return other.name == s.name }) {
		fail("two sources are named %s", s.name)
	}
	if database {
		if s.fields == nil {
			s.fields = addressFields
		}
		if s.database == "" {
			fail("%s has no file", s.table.Path())
		}
		return
	}
	switch {
	case (s.file == "") == (s.index == ""):
		fail("%s has either a file or an index", s.table.Path())
	case s.key == "":
		fail("%s has no key: the column with the values of its fields", s.table.Path())
	case len(s.fields) == 0:
		fail("%s has no fields: those of an alert that are looked up in its key", s.table.Path())
	case len(s.add) == 0:
		fail("%s adds nothing: add = { \"labels.owner\" = \"owner\" }", s.table.Path())
	}
}

// Load reads a configuration (TOML). With an error among the diagnostics it is nil.
func Load(file diag.Text) (*Config, diag.List) {
	root, diags := tomltree.Parse(file, "enrichment")
	if root == nil || diags.HasErrors() {
		return nil, diags
	}
	c := &Config{Wait: defaultWait, Refresh: defaultRefresh}
	d := &tomltree.Decoder{File: file, Area: "enrichment"}
	tomltree.Into(d, root, configFields, c)
	if diags = append(diags, d.List...); diags.HasErrors() {
		return nil, diags
	}
	return c, diags
}

// columns returns the columns that a table needs.
func (s *settings) columns() []string {
	all := append(slices.Sorted(maps.Values(s.add)), s.key)
	slices.Sort(all)
	return slices.Compact(all)
}

// of reports whether the source is for a rule.
func (s *settings) of(id, name string, tags []string) bool {
	if len(s.rules)+len(s.tags) == 0 {
		return true
	}
	for _, pattern := range s.rules {
		if mapping.Glob(strings.ToLower(pattern), strings.ToLower(name)) || mapping.Glob(pattern, id) {
			return true
		}
	}
	for _, pattern := range s.tags {
		if slices.ContainsFunc(tags, func(tag string) bool { return mapping.Glob(pattern, tag) }) {
			return true
		}
	}
	return false
}

// Under makes the names of files that are not absolute those of files below a directory.
func (c *Config) Under(dir string) {
	for _, s := range c.sources {
		for _, name := range []*string{&s.file, &s.database} {
			if *name != "" && !filepath.IsAbs(*name) {
				*name = filepath.Join(dir, *name)
			}
		}
	}
}

// Indices returns the indices that tables are read from.
func (c *Config) Indices() []string {
	var out []string
	for _, s := range c.sources {
		if s.index != "" {
			out = append(out, s.index)
		}
	}
	return out
}
