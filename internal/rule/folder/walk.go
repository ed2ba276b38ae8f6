package folder

import (
	"errors"
	"io/fs"
	"path"
	"slices"
)

// Walker visits folders, each once, however many links lead to it. The zero value has visited none.
type Walker struct{ seen map[string]bool }

// Walk visits root and everything below it, by name, like [fs.WalkDir]; it follows links to directories,
// except links to the current directory or its parents. An entry that still has the type [fs.ModeSymlink]
// when it is visited has no target.
func (w *Walker) Walk(fsys fs.FS, root string, visit fs.WalkDirFunc) error {
	info, err := fs.Stat(fsys, root)
	if err != nil {
		err = visit(root, nil, err)
	} else {
		err = w.at(fsys, []string{root}, fs.FileInfoToDirEntry(info), visit)
	}
	if errors.Is(err, fs.SkipDir) || errors.Is(err, fs.SkipAll) {
		return nil
	}
	return err
}

// at visits the last entry of a path.
func (w *Walker) at(fsys fs.FS, way []string, entry fs.DirEntry, visit fs.WalkDirFunc) error {
	name := way[len(way)-1]
	if !entry.IsDir() {
		return visit(name, entry, nil)
	}
	id := identity(fsys, name)
	if w.seen[id] {
		return nil
	}
	if err := visit(name, entry, nil); err != nil {
		return err
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	w.seen[id] = true
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		if err := visit(name, entry, err); err != nil {
			return err
		}
	}
	for _, e := range entries {
		below := path.Join(name, e.Name())
		if e.Type()&fs.ModeSymlink != 0 {
			if info, err := fs.Stat(fsys, below); err == nil {
				e = fs.FileInfoToDirEntry(named{info, e.Name()})
			}
			if e.IsDir() && holds(fsys, below, way) {
				continue
			}
		}
		err := w.at(fsys, append(slices.Clip(way), below), e, visit)
		switch {
		case errors.Is(err, fs.SkipDir) && e.IsDir():
		case errors.Is(err, fs.SkipDir):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// named is the target of a link under the link's name.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }

// identity identifies directories: by their real path, or by their names.
func identity(fsys fs.FS, name string) string {
	if links, ok := fsys.(linked); ok {
		if at, err := links.Real(name); err == nil {
			return at
		}
	}
	return path.Clean(name)
}

// holds reports whether a directory is on the path, or contains a directory of the path: following a link to
// it would loop, or walk the whole machine.
func holds(fsys fs.FS, dir string, way []string) bool {
	at := identity(fsys, dir)
	for _, name := range way {
		if within(at, identity(fsys, name)) {
			return true
		}
	}
	return false
}
