package ruletest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tocsin/internal/rule"
	"tocsin/internal/rule/folder"
)

// Exceptions returns the files of exceptions that belong to the tests of paths: those in the directories, and beside the files.
// What cannot be read is told by [Load].
func Exceptions(paths ...string) []string {
	var out []string
	var walk folder.Walker
	add := func(path string, entry fs.DirEntry) {
		if !entry.IsDir() && strings.HasSuffix(path, rule.ExceptionsExtension) {
			out = append(out, path)
		}
	}
	for _, path := range paths {
		_ = walk.Walk(folder.Disk{}, path, func(p string, entry fs.DirEntry, err error) error {
			if err != nil {
				return nil //nolint:nilerr // Load tells it
			}
			if p != path || entry.IsDir() {
				add(p, entry)
				return nil
			}
			beside, err := os.ReadDir(filepath.Dir(p))
			for _, e := range beside {
				add(filepath.Join(filepath.Dir(p), e.Name()), e)
			}
			return err
		})
	}
	return out
}
