package folder

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Disk is the file system of the machine below a directory; "" stands for paths as users write them. [fs.FS]
// requires names without ".." within one directory.
type Disk struct{ Dir string }

// Path returns the path of a name.
func (d Disk) Path(name string) string {
	if d.Dir == "" {
		return filepath.FromSlash(name)
	}
	return filepath.Join(d.Dir, filepath.FromSlash(name))
}

// Open opens a file; it does not wait for the writer of a pipe.
func (d Disk) Open(name string) (fs.File, error) {
	return os.OpenFile(d.Path(name), os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec,wrapcheck // the user names the file; it is named
}

// Stat returns information about the target of a name.
func (d Disk) Stat(name string) (fs.FileInfo, error) {
	return os.Stat(d.Path(name)) //nolint:wrapcheck // the error names the file
}

// ReadDir lists a directory by name.
func (d Disk) ReadDir(name string) ([]fs.DirEntry, error) {
	return os.ReadDir(d.Path(name)) //nolint:wrapcheck // the error names the file
}

// Real returns the absolute path of the target of a name.
func (d Disk) Real(name string) (string, error) {
	p, err := filepath.Abs(d.Path(name))
	if err != nil {
		return "", err //nolint:wrapcheck // the error names the file
	}
	return filepath.EvalSymlinks(p) //nolint:wrapcheck // the error names the file
}
