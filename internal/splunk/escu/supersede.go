package escu

import (
	"slices"

	"tocsin/internal/diag"
)

// CodeSuperseded marks a file whose detection also exists in a later format.
const CodeSuperseded = "escu/superseded"

// supersede keeps one file for each detection that exists in several formats: content was converted file by file,
// and loading both would count everything twice. The higher version wins; of equal versions, the later format.
// Files with the same format and id conflict, and both stay.
func (l *loader) supersede() {
	byID := map[string][]*Detection{}
	for _, d := range l.library.Detections {
		if d.ID != "" {
			byID[d.ID] = append(byID[d.ID], d)
		}
	}
	gone := map[*Detection]bool{}
	for _, list := range byID {
		best := list[0]
		for _, d := range list[1:] {
			if d.later(best) {
				best = d
			}
		}
		for _, d := range list {
			if d.Generation == best.Generation {
				continue
			}
			gone[d] = true
			l.diags = append(l.diags, d.File.Report(diag.Note, CodeSuperseded, diag.Span{},
				"%s has the same detection as version %d in format %d: this one, version %d in format %d, is not run",
				best.Path, best.Version, best.Generation.format(), d.Version, d.Generation.format()))
		}
	}
	l.library.Detections = slices.DeleteFunc(l.library.Detections, func(d *Detection) bool { return gone[d] })
}

// later reports whether a detection takes precedence over another with the same id.
func (d *Detection) later(than *Detection) bool {
	if d.Version != than.Version {
		return d.Version > than.Version
	}
	return d.Generation > than.Generation
}

// format returns the usual number of a generation: contentctl's, or ESCU's for the last.
func (g Generation) format() int { return int(g) + 3 }
