package sigma

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"tocsin/internal/diag"
	"tocsin/internal/diag/yamltree"
)

// Library is what was read.
type Library struct {
	// Rules are in the order of their files, those with errors among them.
	Rules        []*Rule
	Filters      []*Filter
	Correlations []*Correlation
}

// file is one file while it is read.
type file struct {
	text         diag.Text
	rules        []*Rule
	filters      []*Filter
	correlations []*Correlation
	// diags are about no document.
	diags diag.List
}

// Load reads files of Sigma (see [Is]). Faults are diagnostics: of the documents, or in the list where there is none.
// The error is that the context ended.
func Load(ctx context.Context, options Options, texts ...diag.Text) (*Library, diag.List, error) {
	files := make([]*file, len(texts))
	for i, text := range texts {
		files[i] = &file{text: text}
	}
	if err := readAll(ctx, files, options); err != nil {
		return nil, nil, err
	}
	var diags diag.List
	l := &Library{}
	for _, f := range files {
		l.Rules, l.Filters = append(l.Rules, f.rules...), append(l.Filters, f.filters...)
		l.Correlations = append(l.Correlations, f.correlations...)
		diags = append(diags, f.diags...)
	}
	l.filter()
	l.link(options)
	for _, f := range l.Filters {
		diags = append(diags, f.Diags...)
	}
	return l, diags, nil
}

// readAll reads files side by side.
func readAll(ctx context.Context, files []*file, options Options) error {
	next := make(chan *file)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), max(1, len(files)/16)) {
		wait.Go(func() {
			for f := range next {
				f.documents(options)
			}
		})
	}
	defer wait.Wait()
	defer close(next)
	for _, f := range files {
		select {
		case next <- f:
		case <-ctx.Done():
			return fmt.Errorf("read rules of Sigma: %w", ctx.Err())
		}
	}
	return nil
}

// documents reads the documents of a file.
func (f *file) documents(options Options) {
	text := f.text
	docs, diags := yamltree.Parse(text, CodeSyntax)
	if diags.HasErrors() {
		f.rules = append(f.rules, &Rule{Head: Head{Path: text.File(), Text: text}, Diags: diags})
		return
	}
	several := 0
	for _, doc := range docs {
		if doc != nil {
			several++
		}
	}
	for _, doc := range docs {
		if doc != nil {
			repeated(text, doc, &f.diags)
		}
	}
	merge, more := merged(text, docs)
	f.diags = append(f.diags, more...)
	for i, doc := range merge {
		last := strings.Count(text.Value, "\n") + 1
		if i+1 < len(merge) {
			last = merge[i+1].Line() - 1
		}
		line := 0
		if several > 1 {
			line = doc.Line()
		}
		f.document(text, doc, options, line, last)
	}
	f.number()
	f.assign()
}

// number tells rules of the file apart that have one id between them: of a template, or of title and log
// source.
func (f *file) number() {
	times := map[string]int{}
	for _, r := range f.rules {
		if r.ID == "" {
			continue
		}
		if times[r.ID]++; times[r.ID] > 1 {
			id := r.ID + "-" + strconv.Itoa(times[r.ID])
			r.Diags = append(r.Diags, r.Report(diag.Warning, CodeLint, "title", "another rule of the file has the id %s: this one is %s", r.ID, id))
			r.ID = id
		}
	}
}

func (f *file) document(text diag.Text, doc *yamltree.Node, options Options, line, last int) {
	var diags diag.List
	if doc.Kind != yamltree.Map {
		f.diags = append(f.diags, doc.Report(text, diag.Error, CodeSyntax, "the document is not a map"))
		return
	}
	o := newObject(text, doc, "the rule", &diags)
	o.asked["action"] = true
	place := func(h *Head) { h.Line, h.Last = line, last }
	switch {
	case doc.Get("correlation") != nil:
		c := readCorrelation(o)
		place(&c.Head)
		c.Diags = diags
		f.correlations = append(f.correlations, c)
	case doc.Get("filter") != nil:
		x := readFilter(o, options.detection())
		place(&x.Head)
		x.Diags = diags
		f.filters = append(f.filters, x)
	default:
		r := readRule(o, options.detection())
		place(&r.Head)
		r.Diags = diags
		f.rules = append(f.rules, r)
	}
}

// assign gives what was found in the file as a whole to the rule whose lines it is about.
func (f *file) assign() {
	var left diag.List
	for _, d := range f.diags {
		owner := -1
		for i, r := range f.rules {
			if r.Line == 0 || r.Line <= d.Line && d.Line <= r.Last {
				owner = i
			}
		}
		if owner < 0 {
			left = append(left, d)
			continue
		}
		f.rules[owner].Diags = append(f.rules[owner].Diags, d)
	}
	f.diags = left
}

// filter tells rules the filters that apply to them.
func (l *Library) filter() {
	for _, f := range l.Filters {
		if f.Detection == nil || f.Diags.HasErrors() {
			continue
		}
		for _, r := range l.Rules {
			if f.applies(r) {
				f.meets = true
				r.Filters = append(r.Filters, f)
			}
		}
		if !f.meets {
			f.Diags = append(f.Diags, f.Report(diag.Warning, CodeUnknownName, "filter", "the filter meets no rule"))
		}
	}
}

// Report makes a diagnostic about a key of a document, or about the document.
func (h *Head) Report(sev diag.Severity, code, key, format string, args ...any) diag.Diagnostic {
	if h.placed == nil {
		return h.Text.Report(sev, code, diag.Span{}, format, args...)
	}
	at := h.placed.whole
	for _, k := range h.placed.keys {
		if k.name == key {
			at = k.key
		}
	}
	return h.Text.Report(sev, code, at.Span(h.Text), format, args...)
}
