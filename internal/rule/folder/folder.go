package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
)

// ErrOutside is the error for a file outside of the folder that names it.
var ErrOutside = errors.New("it lies outside of the folder that names it")

// linked is a file system that can resolve links.
type linked interface {
	Real(name string) (string, error)
}

// Read returns the content of a regular file of at most most bytes. Anything else is an error at once:
// opening a pipe would wait for its writer.
func Read(fsys fs.FS, name string, most int64) ([]byte, error) {
	// The size is known without reading.
	if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() && info.Size() > most {
		return nil, tooLarge(most)
	}
	data, all, err := Head(fsys, name, most)
	if err == nil && !all {
		return nil, tooLarge(most)
	}
	return data, err
}

// Head returns the first bytes of a regular file, and whether they are the whole file.
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
		return nil, false, err //nolint:wrapcheck // the error names the file
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err == nil { // it may be another file by now
		err = plain(info)
	}
	if err != nil {
		return nil, false, err
	}
	// The size that the file system reports is wrong for some files of the kernel.
	data, err = io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, false, fmt.Errorf("read: %w", err)
	}
	if int64(len(data)) > most {
		return data[:most], false, nil
	}
	return data, true, nil
}

// ReadBelow is [Read] for a file that a file of a folder names. The error is [ErrOutside] if the name, or the
// target of a link, is not below the folder.
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

// Below returns [ErrOutside] if a file of a folder is a link to a target outside of it.
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

// within reports whether a path is a directory or below it; neither may contain links.
func within(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && filepath.IsLocal(rel)
}

// plain returns why something is not a regular file.
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
	return fmt.Errorf("it is %s, not a regular file", what)
}

func tooLarge(most int64) error { return fmt.Errorf("the file has more than %d bytes", most) }
