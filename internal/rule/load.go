package rule

import (
	"errors"
	"fmt"
	"io"
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
	// exceptionsExtension ends the files with exceptions of rules.
	exceptionsExtension = ".exceptions.toml"
)

// maxExport bounds a file from Kibana. All of Elastic's rules have 16 MB.
const maxExport = 256 << 20

// Load reads rule files and directories, in the given order. Of a directory it takes, sorted by
// path, every *.toml file at any depth, and every *.ndjson and *.json file that begins as what
// Kibana exports, but nothing hidden. A *.test.toml is left out even when it is named, for the sake
// of patterns that the shell expands. A file that is reached twice is read once. What cannot be read
// is a diagnostic and stops nothing.
func Load(paths ...string) (Set, diag.List) {
	l := loader{seen: make(map[string]bool)}
	for _, p := range paths {
		l.path(p)
	}
	return l.result()
}

// LoadFS is [Load] for files of another file system, such as the rules built into the program.
func LoadFS(fsys fs.FS, paths ...string) (Set, diag.List) {
	l := loader{seen: make(map[string]bool)}
	for _, p := range paths {
		l.tree(fsys, path.Clean(p), path.Clean)
	}
	return l.result()
}

type loader struct {
	set  Set
	list diag.List
	seen map[string]bool
}

// result links what was read.
func (l *loader) result() (Set, diag.List) {
	l.list = append(l.list, l.set.resolve()...)
	return l.set, l.list
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
		case entry.IsDir() && p != root && entry.Name() == valueFolder:
			l.set.exceptions.folders = append(l.set.exceptions.folders, located{fsys, p, name})
			return fs.SkipDir
		case entry.IsDir(), strings.HasSuffix(p, testExtension), p != root && !isRule(fsys, p):
			return nil
		}
		l.file(fsys, p, name)
		return nil
	})
	if err != nil {
		l.unreadable(name(root), err)
	}
}

// isRule tells by its name, and where that is not enough by its beginning, whether a file of a
// directory is for rules.
func isRule(fsys fs.FS, p string) bool {
	switch path.Ext(p) {
	case extension:
		return !strings.HasPrefix(path.Base(p), ".")
	case exportExtension:
		beginning, all := head(fsys, p)
		return !strings.HasPrefix(path.Base(p), ".") && isExport(beginning, all)
	case objectExtension:
		beginning, all := head(fsys, p)
		return !strings.HasPrefix(path.Base(p), ".") && all && isObject(beginning)
	}
	return false
}

// maxHead is how much of a file is looked at to learn what it is.
const maxHead = 1 << 20

// head returns the beginning of a file, and whether that is all of it. One that cannot be read is
// reported where somebody wants it.
func head(fsys fs.FS, p string) (text string, all bool) {
	f, err := fsys.Open(p)
	if err != nil {
		return "", false
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxHead+1))
	if err != nil {
		return "", false
	}
	if len(data) > maxHead {
		return string(data[:maxHead]), false
	}
	return string(data), true
}

// file loads what one file holds.
func (l *loader) file(fsys fs.FS, p string, name func(string) string) {
	id := name(p)
	if abs, err := filepath.Abs(id); err == nil {
		id = abs
	}
	if l.seen[id] {
		return
	}
	l.seen[id] = true
	content, err := read(fsys, p)
	if err != nil {
		l.unreadable(name(p), err)
		return
	}
	l.list = append(l.list, l.set.addFile(name(p), content, located{fsys, path.Dir(p), name})...)
}

// addFile takes what a file holds, by its name.
func (s *Set) addFile(name, content string, where located) diag.List {
	switch {
	case strings.HasSuffix(name, exceptionsExtension):
		return s.exceptions.addFile(name, content, where)
	case strings.HasSuffix(name, exportExtension):
		return s.addExport(name, content, where)
	case strings.HasSuffix(name, objectExtension):
		file := newFile(name, content)
		return s.addObject(file, diag.Span{End: len(file.Value)}, 0, where)
	}
	return s.Add(Parse(name, content))
}

// read returns the content of a file that is not too large.
func read(fsys fs.FS, p string) (string, error) {
	info, err := fs.Stat(fsys, p)
	if err != nil {
		return "", err
	}
	if info.Size() > maxExport {
		return "", fmt.Errorf("file has more than %d bytes", maxExport)
	}
	content, err := fs.ReadFile(fsys, p)
	return string(content), err
}

// unreadable reports a path that cannot be read.
func (l *loader) unreadable(name string, err error) {
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	l.list = append(l.list, diag.Diagnostic{Severity: diag.Error, Code: area + "/unreadable", Message: err.Error(), File: name})
}
