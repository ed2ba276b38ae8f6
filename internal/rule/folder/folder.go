package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
)

// ErrOutside is for a file that lies outside of the folder that names it.
var ErrOutside = errors.New("it lies outside of the folder that names it")

// linked is a file system that knows where a name leads when all links are followed.
type linked interface {
	Real(name string) (string, error)
}

// Read returns the content of a plain file of at most so many bytes. What is no plain file is an
// error at once: to open a pipe would wait for whoever writes to it.
func Read(fsys fs.FS, name string, most int64) ([]byte, error) {
	// The size is known without reading: most would be read in vain.
	if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() && info.Size() > most {
		return nil, tooLarge(most)
	}
	data, all, err := Head(fsys, name, most)
	if err == nil && !all {
		return nil, tooLarge(most)
	}
	return data, err
}

// Head returns the first bytes of a plain file, and whether they are all of it.
func Head(fsys fs.FS, name string, most int64) (data []byte, all bool, err error) {
	info, err := fs.Stat(fsys, name)
	if err == nil {
		err = plain(info)
	}
	if err != nil {
		return nil, false, err
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, false, err //nolint:wrapcheck // it names the file
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err == nil { // it may be another by now
		err = plain(info)
	}
	if err != nil {
		return nil, false, err
	}
	// What a file says of its size need not be true of those that the system makes up.
	data, err = io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, false, fmt.Errorf("read: %w", err)
	}
	if int64(len(data)) > most {
		return data[:most], false, nil
	}
	return data, true, nil
}

// ReadBelow is [Read] for the file that a file of a folder names. It is [ErrOutside] when the name, or
// where it leads, is not below the folder.
func ReadBelow(fsys fs.FS, dir, name string, most int64) ([]byte, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, ErrOutside
	}
	file := path.Join(dir, name)
	if err := Below(fsys, dir, file); err != nil {
		return nil, err
	}
	return Read(fsys, file, most)
}

// Below returns [ErrOutside] when a file of a folder is a link that leads out of it.
func Below(fsys fs.FS, dir, file string) error {
	links, ok := fsys.(linked)
	if !ok {
		return nil
	}
	in, err := links.Real(dir)
	if err != nil {
		return err
	}
	at, err := links.Real(file)
	if err != nil {
		return err
	}
	if !within(in, at) {
		return ErrOutside
	}
	return nil
}

// within reports whether a path is a directory or below it; both are without links.
func within(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// plain returns why something is no plain file.
func plain(info fs.FileInfo) error {
	what := ""
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		what = "a directory"
	case mode&fs.ModeNamedPipe != 0:
		what = "a pipe"
	case mode&fs.ModeSocket != 0:
		what = "a socket"
	case mode&fs.ModeDevice != 0:
		what = "a device"
	default:
		what = "something else"
	}
	return fmt.Errorf("it is %s and no plain file", what)
}

func tooLarge(most int64) error { return fmt.Errorf("the file has more than %d bytes", most) }
