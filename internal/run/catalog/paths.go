package catalog

import (
	"os"
	"path/filepath"
	"slices"
)

// split separates paths by their reader. Directories go to both readers; a missing path goes to the reader
// that reports it.
func split(paths []string) (ours, content []string) {
	for _, p := range paths {
		info, err := os.Stat(p)
		switch {
		case err == nil && info.IsDir():
			ours, content = append(ours, p), append(content, filepath.ToSlash(filepath.Clean(p)))
		case err == nil && isYAML(p):
			content = append(content, filepath.ToSlash(filepath.Clean(p)))
		default:
			ours = append(ours, p)
		}
	}
	return ours, content
}

func isYAML(p string) bool { return filepath.Ext(p) == ".yml" || filepath.Ext(p) == ".yaml" }

// libraryFolders are the folders of a library beside its detections.
var libraryFolders = []string{"macros", "lookups", "data_sources"}

// libraryFiles are the files with macros that a library may have instead.
var libraryFiles = []string{"macros.conf", "macros.json"}

// maxLevels is how many levels above a file its library may be: detections/endpoint/name.yml is the deepest.
const maxLevels = 4

// libraries returns the folders of the libraries of paths, unless they are below the paths.
func libraries(paths []string) []string {
	var out []string
	for _, p := range paths {
		abs, err := filepath.Abs(filepath.FromSlash(p))
		if err != nil || !isYAML(p) && len(foldersOf(abs)) > 0 {
			continue
		}
		at := filepath.FromSlash(p)
		for range maxLevels {
			parent := filepath.Join(at, "..")
			if up, err := filepath.Abs(parent); err != nil || up == abs {
				break
			}
			at = parent
			if found := foldersOf(at); len(found) > 0 {
				out = append(out, found...)
				break
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// foldersOf returns the folders and files of a library in a directory.
func foldersOf(dir string) []string {
	var out []string
	for _, name := range slices.Concat(libraryFolders, libraryFiles) {
		p := filepath.Join(dir, name)
		if info, err := os.Stat(p); err == nil && info.IsDir() == slices.Contains(libraryFolders, name) {
			out = append(out, filepath.ToSlash(p))
		}
	}
	return out
}
