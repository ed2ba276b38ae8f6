package enrich

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tocsin/internal/diag/failure"
)

// Options are what an enricher needs of the program.
type Options struct {
	// Open reads a database of addresses.
	Open func(file string) (Addresses, error)
	// Rows reads indices; nil: there is no cluster.
	Rows Rows
	// Loaded is told that a source was loaded, and how many entries it has; 0 for databases. Failed is told why one was not. Both
	// may be nil.
	Loaded func(source string, entries int)
	Failed func(source string, err error)
}

func (o Options) report(source string, err error) {
	if o.Failed != nil {
		o.Failed(source, err)
	}
}

// loadTimeout bounds one reading of an index.
const loadTimeout = 2 * time.Minute

// New returns an enricher, of which nothing is loaded before [Enricher.Run].
func New(c *Config, o Options) *Enricher {
	e := &Enricher{config: c, options: o, first: make(chan struct{})}
	for _, s := range c.sources {
		e.sources = append(e.sources, &source{settings: s})
	}
	return e
}

// Run loads the sources, and again when they change, until the context ends. A source that cannot be loaded keeps what was
// loaded of it before, and is tried again each time.
func (e *Enricher) Run(ctx context.Context) {
	for first := true; ; first = false {
		for _, s := range e.sources {
			if ctx.Err() == nil {
				e.load(ctx, s)
			}
		}
		if first {
			close(e.first)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(e.config.Refresh):
		}
	}
}

// Ready waits until each source was tried once, at most as long as the configuration says. It reports whether they were.
func (e *Enricher) Ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, e.config.Wait)
	defer cancel()
	select {
	case <-e.first:
		return true
	case <-ctx.Done():
		return false
	}
}

// load loads a source if it has changed.
func (e *Enricher) load(ctx context.Context, s *source) {
	before, file := s.state()
	if file && before == s.seen && s.have.Load() != nil && !s.failing {
		return
	}
	var have *content
	err := failure.Guard("load "+s.name, func() (err error) {
		have, err = e.read(ctx, s)
		return err
	})
	if ctx.Err() != nil {
		return
	}
	if after, _ := s.state(); after != before {
		before = "" // it has changed meanwhile: the next look reads it again
	}
	s.seen, s.failing = before, err != nil
	if err != nil {
		e.options.report(s.name, err)
		return
	}
	s.have.Store(have)
	if e.options.Loaded != nil {
		n := 0
		if have.entries != nil {
			n = len(have.entries.rows)
		}
		e.options.Loaded(s.name, n)
	}
}

// state returns what tells versions of a file apart; false: the source is no file.
func (s *source) state() (string, bool) {
	name := s.file
	if s.database != "" {
		name = s.database
	}
	if name == "" {
		return "", false
	}
	info, err := os.Stat(name)
	if err != nil {
		return err.Error(), true
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano()), true
}

var errNoDatabase = errors.New("databases of addresses cannot be read here")

func (e *Enricher) read(ctx context.Context, s *source) (*content, error) {
	switch {
	case s.database != "":
		if e.options.Open == nil {
			return nil, errNoDatabase
		}
		in, err := e.options.Open(s.database)
		if err != nil {
			return nil, err
		}
		return &content{addresses: in}, nil
	case s.file != "":
		rows, err := s.readCSV()
		return &content{entries: rows}, err
	}
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	rows, err := s.readIndex(ctx, e.options.Rows)
	return &content{entries: rows}, err
}
