package fieldmap

import (
	"slices"
	"strings"
)

// Bare returns a name as it is in an index: without the {} that Splunk appends to the names of arrays.
func Bare(name string) string { return strings.ReplaceAll(name, "{}", "") }

// Covers reports whether the source has events of a dataset of a data model, because it is for that dataset or for the
// dataset above it. A source without a dataset is for the whole model; the dataset "" stands for all.
func (s Source) Covers(model, dataset string) bool {
	top, _, _ := strings.Cut(dataset, ".")
	return s.Model == model && (s.Dataset == "" || dataset == "" || s.Dataset == dataset || s.Dataset == top)
}

// Places returns the fields in which events of the source may have the value of a name, in order of precedence. The name
// itself is not included.
func (s Source) Places(name string) []Field {
	var out []Field
	f, ok := s.Fields[name]
	if ok {
		out = append(out, f)
	}
	if ok && s.Shape == ECS {
		return out
	}
	for _, p := range s.Prefixes {
		out = append(out, Field{Names: []string{p + Bare(name)}})
	}
	return out
}

// Patterns returns the index patterns of sources. It begins with own, where sources have further events, unless all
// sources have events only in their own indices.
func Patterns(own []string, sources ...Source) []string {
	out := slices.Clone(own)
	if len(sources) > 0 && !slices.ContainsFunc(sources, func(s Source) bool { return !s.Only }) {
		out = nil
	}
	for _, s := range sources {
		for _, i := range s.Index {
			if !slices.Contains(out, i) {
				out = append(out, i)
			}
		}
	}
	return out
}
