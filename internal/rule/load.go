package rule

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"tocsin/internal/diag"
)

const (
	extension = ".toml"
	// testExtension ends the files with the tests of a rule, which stand beside it.
	testExtension = ".test.toml"
)

// Load reads rule files and directories, in the given order. Of a directory it takes, sorted by
// path, every *.toml file at any depth, but nothing hidden. A *.test.toml is left out even when it
// is named, for the sake of patterns that the shell expands. A file that is reached twice is read
// once. What cannot be read is a diagnostic and stops nothing.
func Load(paths ...string) (Set, diag.List) {
	l := loader{seen: make(map[string]bool)}
	for _, p := range paths {
		l.path(p)
	}
	return l.set, l.list
}

// LoadFS is [Load] for files of another file system, such as the rules built into the program.
func LoadFS(fsys fs.FS, paths ...string) (Set, diag.List) {
	l := loader{seen: make(map[string]bool)}
	for _, p := range paths {
		l.tree(fsys, path.Clean(p), path.Clean)
	}
	return l.set, l.list
}

type loader struct {
	set  Set
	list diag.List
	seen map[string]bool
}

// path loads one argument.
func (l *loader) path(p string) {
	dir, root := filepath.Split(filepath.Clean(p))
	if info, err := os.Stat(p); err == nil && info.IsDir() {
		dir, root = p, "."
	} else if root == ".." || root == "." || root == "" {
		l.unreadable(p, err)
		return
	}
	name := func(inside string) string { return filepath.Join(dir, filepath.FromSlash(inside)) }
	if dir == "" {
		dir = "."
	}
	l.tree(os.DirFS(dir), root, name)
}

// tree loads a file or a directory. name turns a path of the file system into one for people.
func (l *loader) tree(fsys fs.FS, root string, name func(string) string) {
	err := fs.WalkDir(fsys, root, func(p string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			l.unreadable(name(p), err)
			return nil
		case entry.IsDir() && p != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir(), strings.HasSuffix(p, testExtension), p != root && !isRule(entry.Name()):
			return nil
		}
		l.file(fsys, p, name(p))
		return nil
	})
	if err != nil {
		l.unreadable(name(root), err)
	}
}

// isRule tells by its name whether a file of a directory is a rule.
func isRule(name string) bool {
	return strings.HasSuffix(name, extension) && !strings.HasPrefix(name, ".")
}

// file loads one rule.
func (l *loader) file(fsys fs.FS, p, name string) {
	id := name
	if abs, err := filepath.Abs(name); err == nil {
		id = abs
	}
	if l.seen[id] {
		return
	}
	l.seen[id] = true
	content, err := fs.ReadFile(fsys, p)
	if err != nil {
		l.unreadable(name, err)
		return
	}
	r, list := Parse(name, string(content))
	l.list = append(l.list, l.set.Add(r, list)...)
}

// unreadable reports a path that cannot be read.
func (l *loader) unreadable(name string, err error) {
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	l.list = append(l.list, diag.Diagnostic{Severity: diag.Error, Code: area + "/unreadable", Message: err.Error(), File: name})
}
