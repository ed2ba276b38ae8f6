package health

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// File is a [Store] in a file, of one process. The file is replaced as a whole, so that it is never half written.
type File struct {
	// Path is the file. Its directory must exist.
	Path string

	mu sync.Mutex
}

// Update implements [Store].
func (f *File) Update(_ context.Context, change func(old []byte) ([]byte, error)) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, err := os.ReadFile(f.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the states: %w", err)
	}
	data, err := change(old)
	if err != nil || data == nil {
		return err
	}
	if err := f.replace(data); err != nil {
		return fmt.Errorf("write the states: %w", err)
	}
	return nil
}

func (f *File) replace(data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(f.Path), filepath.Base(f.Path)+".*")
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), f.Path)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
	return err
}
