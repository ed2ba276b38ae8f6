package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/fieldmap"
)

// writeMap writes a field map by which the runner tells log sources as rsigma does: by the fields product, category and
// service of the events. The log sources that are shipped say nothing then.
func (p *programs) writeMap(rules []rule) error {
	var out strings.Builder
	source := func(name string, l fieldmap.LogSource) {
		fmt.Fprintf(&out, "[[logsource]]\nname = %q\nshape = \"sigma\"\n", name)
		for key, names := range map[string][]string{"product": l.Product, "category": l.Category, "service": l.Service} {
			if len(names) > 0 {
				fmt.Fprintf(&out, "%s = [\"%s\"]\n", key, strings.Join(names, `", "`))
			}
		}
	}
	for _, l := range fieldmap.Default().LogSources {
		source(l.Name, l)
	}
	logs := map[fieldmap.Log]bool{}
	for _, r := range rules {
		text, err := os.ReadFile(r.Path)
		if err != nil {
			return err
		}
		logs[logOf(string(text))] = true
	}
	for _, l := range slices.SortedFunc(maps.Keys(logs), func(a, b fieldmap.Log) int { return strings.Compare(a.String(), b.String()) }) {
		var own fieldmap.LogSource
		var where []string
		add := func(key, name string, to *[]string) {
			if name != "" {
				*to = []string{name}
				where = append(where, fmt.Sprintf("%s:%q", key, name))
			}
		}
		add("product", l.Product, &own.Product)
		add("category", l.Category, &own.Category)
		add("service", l.Service, &own.Service)
		if len(where) == 0 {
			continue
		}
		source("bench "+l.String(), own)
		fmt.Fprintf(&out, "index = [\"events-*\"]\nwhere = '%s'\n", strings.Join(where, " and "))
	}
	p.sources = filepath.Join(p.work, "sources.toml")
	return os.WriteFile(p.sources, []byte(out.String()), 0o600)
}

var (
	logSource = regexp.MustCompile(`(?m)^logsource:[ \t]*\r?\n((?:[ \t]+.*\r?\n)+)`)
	logKey    = regexp.MustCompile(`(?m)^[ \t]+(product|category|service):[ \t]*["']?([^"'#\r\n]*?)["']?[ \t]*(?:#.*)?\r?$`)
)

// logOf reads the log source of a rule of SigmaHQ, whose rules write it in one way.
func logOf(text string) fieldmap.Log {
	var out fieldmap.Log
	block := logSource.FindStringSubmatch(text)
	if block == nil {
		return out
	}
	for _, m := range logKey.FindAllStringSubmatch(block[1], -1) {
		switch m[1] {
		case "product":
			out.Product = m[2]
		case "category":
			out.Category = m[2]
		default:
			out.Service = m[2]
		}
	}
	return out
}
