package folder

import (
	"errors"
	"io/fs"
	"path"
	"slices"
)

// Walker visits folders, each once, whatever links lead to it. The zero value has visited none.
type Walker struct{ seen map[string]bool }

// Walk visits what is at root and below it, by name, as [fs.WalkDir] does; links to directories are
// followed, but for those that lead to where the walk is, or to what that is in. An entry that is
// still of type [fs.ModeSymlink] when it is visited leads nowhere.
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

// at visits the last of a path of names that lead to each other.
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

// named is what a link leads to, by the link's name.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }

// identity tells directories apart: by where their names lead, or by their names.
func identity(fsys fs.FS, name string) string {
	if links, ok := fsys.(linked); ok {
		if at, err := links.Real(name); err == nil {
			return at
		}
	}
	return path.Clean(name)
}

// holds reports whether a directory is one of a way, or has one of them in it: to follow a link to it
// would be to go round, or through the whole machine.
func holds(fsys fs.FS, dir string, way []string) bool {
	at := identity(fsys, dir)
	for _, name := range way {
		if within(at, identity(fsys, name)) {
			return true
		}
	}
	return false
}
