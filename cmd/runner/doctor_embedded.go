package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
)

// embedded checks event files and the embedded store; nil if the events cannot be read.
func (d *doctor) embedded(ctx context.Context) *backend {
	g := d.global
	if len(g.Events) == 0 && g.Store == "" {
		d.add("configuration", statusFail, "", "the source of events is missing", "give --elasticsearch URL, or --events FILE with or without --store DIR")
		return nil
	}
	if g.Store != "" {
		d.directory(g.Store)
		d.store(g.Store)
	} else {
		d.add("store", statusWarn, "", "alerts are kept in memory only", "give --store DIR")
	}
	if len(g.Events) == 0 {
		return nil
	}
	readable := true
	for _, name := range matching(g.Events) {
		if name == "-" {
			d.add("events", statusSkip, name, "standard input is not read", "")
			readable = false
			continue
		}
		if err := canRead(name); err != nil {
			d.add("events", statusFail, "", err.Error(), "check --events")
			readable = false
			continue
		}
		d.add("events", statusOK, name, "it can be read", "")
	}
	if !readable {
		return nil
	}
	b := newEmbedded()
	if err := d.openEvents(ctx, b); err != nil {
		d.add("events", statusFail, "", oneLine(err.Error()), "")
		return nil
	}
	if b.incomplete != nil {
		d.add("events", statusFail, "", "some lines are not events", "the messages above name them")
	}
	return b
}

// directory checks that files can be made where the store is.
func (d *doctor) directory(dir string) {
	at := dir
	for {
		info, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && filepath.Dir(at) != at {
			at = filepath.Dir(at) // it will be made there
			continue
		}
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is not a directory", at) //nolint:err113 // for people
		}
		if err != nil {
			d.add("store", statusFail, dir, err.Error(), "check --store")
			return
		}
		break
	}
	f, err := os.CreateTemp(at, ".tocsin-doctor-*")
	if err != nil {
		d.add("store", statusFail, dir, err.Error(), "give the user of the service the right to write there")
		return
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	if free, total, ok := diskRoom(at); ok {
		used := 1 - float64(free)/float64(max(total, 1))
		text := fmt.Sprintf("%d MiB are free, %.0f %% is used", free>>20, 100*used)
		switch {
		case free < leastFree:
			d.add("disk", statusFail, dir, text, "make room: nothing can be written to a full disk")
		case used >= blockedDisk:
			d.add("disk", statusWarn, dir, text, "make room, or keep alerts for a shorter time")
		default:
			d.add("disk", statusOK, dir, text, "")
		}
	}
}

// leastFree is the room below which a disk counts as full.
const leastFree = 64 << 20

// store opens the database to read.
func (d *doctor) store(dir string) {
	for _, one := range []struct {
		name string
		open func(string) (*store.DB, error)
	}{{"alerts and ledger", store.OpenToRead}, {"risk events", store.OpenRiskToRead}} {
		db, err := one.open(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			d.add("store", statusSkip, one.name, "nothing is there yet", "")
		case failure.KindOf(err) == failure.Unavailable && err != nil:
			d.add("store", statusWarn, one.name, oneLine(err.Error()), "it is used by a running service, or by another command")
		case err != nil:
			d.add("store", statusFail, one.name, oneLine(err.Error()), "restore it from a copy, or give another --store")
		default:
			d.add("store", statusOK, one.name, "it can be read", "")
			_ = db.Close()
		}
	}
}
