package main

import (
	"os"
	"path/filepath"
	"slices"
)

// matching returns the files that names mean: a name that is not a file can be a pattern such as logs/*.ndjson.gz, which
// shells expand only without quotes. A pattern that matches nothing, or is none, stays as it is. No file is twice among
// the matches of patterns.
func matching(names []string) []string {
	var out []string
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil || name == "-" {
			out = append(out, name)
			continue
		}
		found, err := filepath.Glob(name)
		if err != nil || len(found) == 0 {
			out = append(out, name)
			continue
		}
		for _, f := range found {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}
