package rule

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/rule/folder"
)

const (
	extension = ".toml"
	// testExtension is the extension of files with the tests of a rule.
	testExtension = ".test.toml"
	// ExceptionsExtension is the extension of files with exceptions.
	ExceptionsExtension = ".exceptions.toml"
)

// maxExport bounds a file from Kibana. All of Elastic's rules are 16 MB.
const maxExport = 256 << 20

// Load reads rule files and directories, in the given order. From a directory it takes, sorted by
// path, every *.toml file at any depth, and every *.ndjson and *.json file that begins like a
// Kibana export, complete or damaged, but no hidden files. Links are followed. A *.test.toml is
// skipped even when it is named, because of patterns that the shell expands. A file that is reached
// twice is read once. What cannot be read is a diagnostic and does not stop the load.
func Load(paths ...string) (Set, diag.List) {
	set, list := Read(paths...)
	return set, append(list, set.Settle(nil)...)
}

// Read is [Load] without [Set.Settle], which the caller must call.
func Read(paths ...string) (Set, diag.List) {
	l := loader{seen: make(map[string]bool)}
	for _, p := range paths {
		l.path(p)
	}
	return l.result()
}

// LoadFS is [Load] for another file system, such as the rules built into the program.
func LoadFS(fsys fs.FS, paths ...string) (Set, diag.List) {
	set, list := ReadFS(fsys, paths...)
	return set, append(list, set.Settle(nil)...)
}

// ReadFS is [LoadFS] without [Set.Settle], which the caller must call.
func ReadFS(fsys fs.FS, paths ...string) (Set, diag.List) {
	l := loader{seen: make(map[string]bool)}
	for _, p := range paths {
		l.tree(fsys, path.Clean(p), path.Clean)
	}
	return l.result()
}

type loader struct {
	set  Set
	walk folder.Walker
	list diag.List
	seen map[string]bool
}

// result resolves references between the files.
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
	l.tree(folder.Disk{Dir: dir}, root, name)
}

// tree loads a file or a directory. name turns a path of the file system into the path to show.
func (l *loader) tree(fsys fs.FS, root string, name func(string) string) {
	err := l.walk.Walk(fsys, root, func(p string, entry fs.DirEntry, err error) error {
		hidden := p != root && strings.HasPrefix(path.Base(p), ".")
		switch {
		case err != nil:
			l.unreadable(name(p), err)
			return nil
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() && p != root && entry.Name() == valueFolder:
			l.set.exceptions.folders = append(l.set.exceptions.folders, located{fsys, p, name})
			return fs.SkipDir
		case entry.IsDir(), hidden, strings.HasSuffix(p, testExtension):
			return nil
		case p != root && !isRule(fsys, p):
			if entry.Type()&fs.ModeSymlink != 0 {
				l.list = append(l.list, diag.Diagnostic{
					Severity: diag.Warning, Code: area + "/unreadable", File: name(p),
					Message: "the link is broken: rules behind it are not read",
				})
			}
			return nil
		case p != root && strings.HasSuffix(p, ExceptionsExtension):
			if err := folder.Below(fsys, path.Dir(p), p); err != nil {
				l.unreadable(name(p), err)
				return nil
			}
		}
		l.file(fsys, p, name)
		return nil
	})
	if err != nil {
		l.unreadable(name(root), err)
	}
}

// isRule decides by its name, or else by its beginning, whether a file of a directory contains
// rules. A file that cannot be read counts, so that it is reported.
func isRule(fsys fs.FS, p string) bool {
	switch path.Ext(p) {
	case extension:
		return true
	case exportExtension, objectExtension:
		beginning, all, err := folder.Head(fsys, p, maxHead)
		return err != nil || isKibana(string(beginning), all, path.Ext(p) == exportExtension)
	}
	return false
}

// maxHead is how much of a file is read to find out its kind.
const maxHead = 1 << 20

// file loads one file.
func (l *loader) file(fsys fs.FS, p string, name func(string) string) {
	id := name(p)
	if abs, err := filepath.Abs(id); err == nil {
		id = abs
	}
	if at, err := filepath.EvalSymlinks(id); err == nil {
		id = at
	}
	if l.seen[id] {
		return
	}
	l.seen[id] = true
	content, err := folder.Read(fsys, p, maxExport)
	if err != nil {
		l.unreadable(name(p), err)
		return
	}
	l.list = append(l.list, l.set.addFile(name(p), string(content), located{fsys, path.Dir(p), name})...)
}

// addFile adds the content of a file, depending on its name.
func (s *Set) addFile(name, content string, where located) diag.List {
	if reason := folder.NotText(content); reason != "" {
		return diag.List{{Severity: diag.Error, Code: area + "/syntax", File: name, Message: reason}}
	}
	switch {
	case strings.HasSuffix(name, ExceptionsExtension):
		return s.exceptions.addFile(name, content, where)
	case strings.HasSuffix(name, exportExtension):
		return s.addExport(name, content, where)
	case strings.HasSuffix(name, objectExtension):
		file := newFile(name, content)
		list, _ := s.addObject(file, diag.Span{End: len(file.Value)}, 0, where)
		return list
	}
	return s.Add(Parse(name, content))
}

// unreadable reports a path that cannot be read.
func (l *loader) unreadable(name string, err error) {
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	l.list = append(l.list, diag.Diagnostic{Severity: diag.Error, Code: area + "/unreadable", Message: err.Error(), File: name})
}
