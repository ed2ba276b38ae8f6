package fieldmap

import (
	"slices"
	"strings"
)

// Bare is a name as indices have it: without the {} that Splunk puts behind the names of arrays.
func Bare(name string) string { return strings.ReplaceAll(name, "{}", "") }

// Covers reports whether the source has events of a dataset of a data model: its own, or that of the dataset above it.
// A source without a dataset has those of the whole model, and "" asks for all datasets.
func (s Source) Covers(model, dataset string) bool {
	top, _, _ := strings.Cut(dataset, ".")
	return s.Model == model && (s.Dataset == "" || dataset == "" || s.Dataset == dataset || s.Dataset == top)
}

// Places are where events of the source may have the value of a name, in the order in which they are asked; the name
// itself is not among them.
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

// Patterns are the index patterns that events of sources are in. Other events of theirs are in own, unless every source
// says that there are none.
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
