package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"

	"tocsin/internal/rule/folder"
)

const (
	// quiet is how long files must not change before they are read: editors and checkouts write several.
	quiet = 500 * time.Millisecond
	// lookEvery is how often files are compared although no change was notified: network file systems notify of none.
	lookEvery = time.Minute
)

// content is what files contain, as a digest.
type content [sha256.Size]byte

// contentBefore returns what files contain before they are read for the first time. What cannot be read is told by who reads it.
func contentBefore(ctx context.Context, paths []string) content {
	digest, _ := contentOf(ctx, paths)
	return digest
}

// watch calls changed when the content of files has changed since before, until the context ends. Paths are files and directories; what
// symbolic links in them lead to counts, as in a mounted ConfigMap. What changes between [contentBefore] and the begin of watching is met, too.
func watch(ctx context.Context, paths []string, before content, changed func(), failed func(error)) {
	w := watcher{paths: paths, failed: failed, digest: before}
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		failed(fmt.Errorf("watch the rules: %w: they are compared every %s", err, lookEvery))
		notify = &fsnotify.Watcher{}
	} else {
		defer func() { _ = notify.Close() }()
		w.follow(notify)
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	settled := time.NewTimer(quiet)
	defer settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-notify.Events:
			settled.Reset(quiet)
			continue
		case err := <-notify.Errors:
			failed(fmt.Errorf("watch the rules: %w", err))
			continue
		case <-look.C:
		case <-settled.C:
		}
		if notify.Events != nil {
			w.follow(notify)
		}
		if w.differs(ctx) {
			changed()
		}
	}
}

// watcher knows the content of files as of the last look.
type watcher struct {
	paths  []string
	digest content
	failed func(error)
	told   string
}

// differs reports whether the content has changed since the last look. What cannot be read is told once, and looked at again.
func (w *watcher) differs(ctx context.Context) bool {
	now, err := contentOf(ctx, w.paths)
	if err != nil {
		if w.told != err.Error() {
			w.told = err.Error()
			w.failed(err)
		}
		return false
	}
	w.told = ""
	before := w.digest
	w.digest = now
	return before != now
}

// follow watches the directories of all files, new ones among them.
func (w *watcher) follow(notify *fsnotify.Watcher) {
	for _, p := range w.paths {
		add := func(dir string) {
			if !slices.Contains(notify.WatchList(), dir) {
				_ = notify.Add(dir) // without it, the files are compared now and then
			}
		}
		add(filepath.Dir(p))
		var walk folder.Walker
		_ = walk.Walk(folder.Disk{}, filepath.ToSlash(p), func(name string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				add(filepath.FromSlash(name))
			}
			return nil
		})
	}
}

// contentOf returns a digest of the names and the content of all files.
func contentOf(ctx context.Context, paths []string) (digest content, err error) {
	sum := sha256.New()
	for _, p := range paths {
		var walk folder.Walker
		more := walk.Walk(folder.Disk{}, filepath.ToSlash(p), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			_, _ = fmt.Fprintf(sum, "%d:%s\n", len(name), name)
			return add(sum, filepath.FromSlash(name))
		})
		err = errors.Join(err, more)
	}
	return content(sum.Sum(nil)), err
}

// add writes the content of a file into a sum. Only regular files have content.
func add(sum io.Writer, name string) error {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return err //nolint:wrapcheck // it names the file
	}
	f, err := os.Open(name)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	defer func() { _ = f.Close() }()
	_, err = io.Copy(sum, f)
	return err //nolint:wrapcheck // it names the file
}
