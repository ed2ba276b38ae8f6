package ruletest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// dataFolders remembers which folders have a folder of published tests.
type dataFolders map[string]bool

// of is the folder of the tests of a rule that names none: regression_data has the folders that the rules have, and one for
// each rule. "" is none.
func (d dataFolders) of(path string) string {
	for dir := range above(path) {
		data := filepath.Join(dir, "regression_data")
		has, known := d[data]
		if !known {
			has = isFolder(data)
			d[data] = has
		}
		if !has {
			continue
		}
		if rel, err := filepath.Rel(dir, path); err == nil {
			if at := filepath.Join(data, strings.TrimSuffix(rel, filepath.Ext(rel))); isFolder(at) {
				return at
			}
		}
	}
	return ""
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// seek finds a file that another names: from the folder of that one, or from one above. "" is none.
func seek(from, name string) string {
	name = filepath.FromSlash(name)
	for dir := range above(from) {
		at := filepath.Join(dir, name)
		if filepath.IsAbs(name) {
			at = name
		}
		if info, err := os.Stat(at); err == nil && info.Mode().IsRegular() {
			return at
		}
	}
	return ""
}

// begun reports whether the first folder of a name is there.
func begun(from, name string) bool {
	first := slices.DeleteFunc(strings.Split(filepath.ToSlash(name), "/"), func(part string) bool { return part == "" || part == "." || part == ".." })
	for dir := range above(from) {
		if info, err := os.Stat(filepath.Join(dir, first[0])); len(first) > 1 && err == nil && info.IsDir() {
			return true
		}
	}
	return false
}

// above yields the folder of a file and those above it.
func above(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		dir := filepath.Dir(path)
		top, err := filepath.Abs(dir)
		if err != nil {
			yield(dir)
			return
		}
		for yield(dir) && filepath.Dir(top) != top {
			dir, top = filepath.Join(dir, ".."), filepath.Dir(top)
		}
	}
}
