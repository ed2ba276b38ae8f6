package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tocsin/internal/diag/failure"
)

const wayOut = ": move the file away and put a backup in its place, or begin a new one, which runner backfill fills again"

var (
	// errDamaged is for a database whose beginning is valid and whose rest is not.
	errDamaged = errors.New("the database is damaged" + wayOut)
	// errForeign is for a file that does not begin like a database.
	errForeign = errors.New("the file is not a database of Tocsin" + wayOut)
)

// database is a file of the library. On a damaged file the library panics, and reading past the end
// of a mapped file is a fault of the whole process: both become errors. After that the file is not
// used any more: the library's state may be wrong, and its locks may be held for ever.
type database struct {
	bolt *bolt.DB
	// damage is the error that was found.
	damage atomic.Pointer[error]
}

// openDatabase opens a file, either read-only or creating it when it is missing.
func openDatabase(path string, readOnly bool) (*database, error) {
	var d database
	if info, err := os.Stat(path); readOnly && err == nil && info.Mode().IsRegular() && info.Size() == 0 {
		return nil, fmt.Errorf("%w (it is empty)", errForeign) // the library would write its beginning
	}
	err := d.guard(func() (err error) {
		d.bolt, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockTimeout, FreelistType: bolt.FreelistMapType, ReadOnly: readOnly})
		return foreign(err)
	})
	if err == nil && !readOnly {
		err = checkPages(path, int64(d.bolt.Info().PageSize))
	}
	if err != nil {
		if d.bolt != nil {
			err = errors.Join(err, d.Close())
		}
		return nil, err
	}
	return &d, nil
}

// foreign turns the library's error about a file that it cannot use into [errForeign], except errors of the
// operating system and the error for a file in use.
func foreign(err error) error {
	var ofSystem syscall.Errno
	if err == nil || errors.Is(err, bolterrors.ErrTimeout) || errors.As(err, new(*fs.PathError)) || errors.As(err, &ofSystem) {
		return err
	}
	return fmt.Errorf("%w (%w)", errForeign, err)
}

// The fields of a page head: its number, its kind, its number of elements and its number of further
// pages.
const (
	headSize   = 16
	headFlags  = 8
	headMore   = 12
	pageKinds  = 0x01 | 0x02 | 0x10 // branch, leaf, free list
	firstPages = 2                  // they identify the file, and have a checksum that is verified
)

// checkPages checks the heads of all pages: one that claims to extend beyond the end of the file
// would make the library free up to four thousand million pages. The overflow of alert texts cannot
// be mistaken for a head, which has zero bytes.
func checkPages(path string, size int64) (err error) {
	f, err := os.Open(path) //nolint:gosec // the user names the store
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var head [headSize]byte
	pages := info.Size() / size
	for i := int64(firstPages); i < pages; i++ {
		if _, err := f.ReadAt(head[:], i*size); err != nil {
			return err
		}
		flags, more := binary.NativeEndian.Uint16(head[headFlags:]), binary.NativeEndian.Uint32(head[headMore:])
		if binary.NativeEndian.Uint64(head[:]) == uint64(i) && flags != 0 && flags&^pageKinds == 0 && int64(more) >= pages-i {
			return fmt.Errorf("%w (page %d has %d further pages of %d in all)", errDamaged, i, more, pages)
		}
	}
	return nil
}

// View reads in one transaction.
func (d *database) View(read func(*bolt.Tx) error) error {
	return d.guard(func() error { return d.bolt.View(read) })
}

// Update changes in one transaction.
func (d *database) Update(change func(*bolt.Tx) error) error {
	return d.guard(func() error { return d.bolt.Update(change) })
}

// guard runs a func that reads the file.
func (d *database) guard(do func() error) (err error) {
	if known := d.damage.Load(); known != nil {
		return *known
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w (%v)", errDamaged, cause)
			d.damage.CompareAndSwap(nil, &err)
		}
	}()
	return do()
}

// closeTimeout is how long the library may take to close a damaged file.
const closeTimeout = time.Second

// Close closes the file. A damaged file that cannot be closed is released when the process ends.
func (d *database) Close() error {
	if d.damage.Load() == nil {
		return d.bolt.Close() //nolint:wrapcheck // the caller names the operation
	}
	if d.bolt == nil {
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // the damage has been reported
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		_ = d.bolt.Close()
	}()
	select {
	case <-done:
	case <-time.After(closeTimeout):
	}
	return nil
}

// databaseError is a failure of the disk, which may pass, or of a damaged file, which does not.
func databaseError(op string, err error) error {
	if errors.Is(err, errDamaged) || errors.Is(err, errForeign) {
		return &failure.Error{Kind: failure.Refused, Op: op, Err: err}
	}
	return unavailable(op, err)
}
