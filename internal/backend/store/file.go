package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"tocsin/internal/diag/failure"
)

// stdinName is the argument and the name of standard input.
const stdinName = "-"

// file is a source of events with random access: a file on disk, or a part of the spool.
type file struct {
	name string
	// spooled files are in the spool at base.
	spooled bool
	base    int64
	// size is how much of the file is read; data appended later is not.
	size int64
	// events is the number of valid lines.
	events int64
}

// spool is one unnamed temporary file for input that cannot be read twice: compressed files, pipes,
// standard input.
type spool struct {
	dir  string
	file *os.File
	size int64
}

// add copies r to the end of the spool and returns its offset. A copy that fails keeps the complete
// lines before the failure. The context can end the wait for a silent pipe; the read itself then
// ends with its pipe.
func (s *spool) add(ctx context.Context, r io.Reader) (base, size int64, err error) {
	if s.file == nil {
		if err := s.create(); err != nil {
			return 0, 0, err
		}
	}
	w := &lineCounter{w: io.NewOffsetWriter(s.file, s.size)}
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(w, r)
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	base, size = s.size, w.n
	if err != nil {
		size = w.lines
	}
	s.size += w.n
	return base, size, err
}

// create creates the file and unlinks it where the system allows that, so that it never remains.
func (s *spool) create() error {
	f, err := os.CreateTemp(s.dir, "tocsin-events-*.ndjson")
	if err != nil {
		return &failure.Error{Kind: failure.Unavailable, Op: "create a temporary file for events", Err: err}
	}
	s.file = f
	_ = os.Remove(f.Name()) // where an open file cannot be removed, close does it
	return nil
}

func (s *spool) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if removeErr := os.Remove(s.file.Name()); !errors.Is(removeErr, os.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	s.file = nil
	return err
}

// lineCounter counts the bytes written, and the bytes of complete lines.
type lineCounter struct {
	w        io.Writer
	n, lines int64
}

func (l *lineCounter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if i := bytes.LastIndexByte(p[:n], '\n'); i >= 0 {
		l.lines = l.n + int64(i) + 1
	}
	l.n += int64(n)
	return n, err
}

// admit finds out how a file can be read, and spools it when it can be read only once. A file that
// could be read in part is returned with an error.
func (s *spool) admit(ctx context.Context, name string, stdin io.Reader, watch Watch) (*file, error) {
	if name == stdinName {
		return s.spooled(ctx, name, stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, pathless(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, pathless(err)
	}
	if info.IsDir() {
		return nil, errors.New("is a directory")
	}
	var head [magicSize]byte
	if info.Mode().IsRegular() && compressionByName(name) == plainText {
		if n, _ := f.ReadAt(head[:], 0); compressionOf(head[:n]) == plainText {
			return &file{name: name, size: info.Size()}, nil
		}
	}
	advance, end := watch.begin("unpack", info.Size())
	defer end()
	return s.spooled(ctx, name, &watched{f, advance})
}

// watched reports how much was read.
type watched struct {
	io.Reader
	advance func(n int64)
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	w.advance(int64(n))
	return n, err //nolint:wrapcheck // the error of the wrapped reader
}

// spooled copies a stream to the spool, decompressed.
func (s *spool) spooled(ctx context.Context, name string, r io.Reader) (*file, error) {
	base, size, err := s.add(ctx, &inflate{name: name, r: r})
	f := &file{name: name, spooled: true, base: base, size: size}
	return f, pathless(err)
}

// inflate decompresses data that begins like gzip or Zstandard, or is named .gz or .zst. The first
// read decides, so that it happens where waiting for a pipe is harmless.
type inflate struct {
	name    string
	r       io.Reader
	decided bool
}

func (i *inflate) Read(p []byte) (int, error) {
	if !i.decided {
		i.decided = true
		var head [magicSize]byte
		n, err := io.ReadFull(i.r, head[:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		i.r = io.MultiReader(bytes.NewReader(head[:n]), i.r)
		found := compressionOf(head[:n])
		if found == plainText {
			found = compressionByName(i.name)
		}
		if err := i.decompress(found); err != nil {
			return 0, fmt.Errorf("decompress: %w", err)
		}
	}
	return i.r.Read(p)
}

func (i *inflate) decompress(c compression) error {
	switch c {
	case plainText:
	case gzipped:
		z, err := gzip.NewReader(i.r)
		if err != nil {
			return err //nolint:wrapcheck // the caller names the operation
		}
		i.r = z
	case zstandard:
		// With a concurrency of one, it has no goroutines, and need not be closed.
		z, err := zstd.NewReader(i.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return err //nolint:wrapcheck // the caller names the operation
		}
		i.r = z
	}
	return nil
}

// maxZstdWindow bounds the memory of decompression: it is the window of zstd --long.
const maxZstdWindow = 128 << 20

// compression is how a file is compressed.
type compression int

const (
	plainText compression = iota
	gzipped
	zstandard
)

// magicSize is how many bytes identify the compression.
const magicSize = 4

// compressionOf identifies the compression from the beginning of a file.
func compressionOf(head []byte) compression {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzipped
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return zstandard
	}
	return plainText
}

func compressionByName(name string) compression {
	switch {
	case strings.HasSuffix(name, ".gz"):
		return gzipped
	case strings.HasSuffix(name, ".zst"):
		return zstandard
	}
	return plainText
}

// pathless drops the operation and the path of a file error: the diagnostic names the file.
func pathless(err error) error {
	var typed *failure.Error
	var path *os.PathError
	if !errors.As(err, &typed) && errors.As(err, &path) {
		return path.Err
	}
	return err
}

// open returns the file's content.
func (e *Events) open(f *file) (io.ReaderAt, io.Closer, error) {
	if f.spooled {
		return e.spool.file, io.NopCloser(nil), nil
	}
	r, err := os.Open(f.name)
	if err != nil {
		return nil, nil, fmt.Errorf("open events: %w", err)
	}
	return r, r, nil
}

// section returns the part of a reader that belongs to the file.
func (f *file) section(r io.ReaderAt) io.Reader { return io.NewSectionReader(r, f.base, f.size) }
