package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// SigmaRow is a rule of Sigma, perhaps with filters, over a few events.
type SigmaRow struct {
	Name   string           `json:"name"`
	Rule   string           `json:"rule"`
	Events []map[string]any `json:"events"`
	// Expected are the numbers of the events that are found, or "error" where the rule is refused.
	Expected any `json:"expected"`
	// Types are the types of fields; Kind is cs where the others are plain keywords, mixed where A is one, and else
	// they have a lowercase normalizer. With neither the row says nothing of its mapping.
	Types        map[string]string   `json:"types"`
	Kind         string              `json:"mapping"`
	Placeholders map[string][]string `json:"placeholders"`
}

// SigmaRows reads the rows of a file.
func SigmaRows(path string) ([]SigmaRow, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("rows of Sigma: %w", err)
	}
	defer func() { _ = f.Close() }()
	var rows []SigmaRow
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var r SigmaRow
		dec := json.NewDecoder(strings.NewReader(lines.Text()))
		dec.UseNumber()
		if err := dec.Decode(&r); err != nil {
			return nil, fmt.Errorf("rows of Sigma: %s: %w", path, err)
		}
		rows = append(rows, r)
	}
	return rows, lines.Err() //nolint:wrapcheck // it names the file
}

// Refused reports whether the rule is to be refused.
func (r SigmaRow) Refused() bool { return r.Expected == "error" }

// Finds are the ids of the events that are to be found, as [SigmaRow.Event] gives them.
func (r SigmaRow) Finds() []string {
	var out []string
	list, _ := r.Expected.([]any)
	for _, n := range list {
		out = append(out, fmt.Sprintf("e%s", n))
	}
	return out
}

// Event returns the source of an event, with a time where it has none.
func (r SigmaRow) Event(i int, at string) map[string]any {
	out := map[string]any{"@timestamp": at}
	for k, v := range r.Events[i] {
		out[k] = v
	}
	return out
}

// SigmaMapping is how fields are mapped of which nothing is said.
type SigmaMapping string

// The mappings.
const (
	// Inferred leaves it to dynamic mapping.
	Inferred SigmaMapping = "inferred"
	// Plain are keywords as they are, Normalized those with a lowercase normalizer, and Caseless plain ones with such
	// a sub-field.
	Plain      SigmaMapping = "plain"
	Normalized SigmaMapping = "normalized"
	Caseless   SigmaMapping = "caseless"
)

// Mapping returns the properties of the row's index; nil where there is nothing to say.
func (r SigmaRow) Mapping(usual SigmaMapping) map[string]any {
	switch {
	case r.Kind == "cs":
		usual = Plain
	case (r.Kind != "" || r.Types != nil) && usual == Inferred:
		usual = Normalized
	}
	if usual == Inferred {
		return nil
	}
	out := map[string]any{"@timestamp": map[string]any{"type": "date"}}
	var add func(name string, value any)
	add = func(name string, value any) {
		switch v := value.(type) {
		case nil:
		case []any:
			for _, x := range v {
				add(name, x)
			}
		case map[string]any:
			for k, x := range v {
				add(name+"."+k, x)
			}
		default:
			if _, known := out[name]; known {
				return
			}
			out[name] = property(v, usual)
			if r.Kind == "mixed" && name == "A" {
				out[name] = property("", Plain)
			}
			if t, ok := r.Types[name]; ok {
				out[name] = map[string]any{"type": t}
			}
		}
	}
	for _, e := range r.Events {
		for k, v := range e {
			add(k, v)
		}
	}
	return out
}

// property is how a value is mapped.
func property(value any, usual SigmaMapping) map[string]any {
	lower := map[string]any{"type": "keyword", "normalizer": "lowercase"}
	switch v := value.(type) {
	case bool:
		return map[string]any{"type": "boolean"}
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return map[string]any{"type": "double"}
		}
		return map[string]any{"type": "long"}
	}
	switch usual {
	case Normalized:
		return lower
	case Caseless:
		return map[string]any{"type": "keyword", "fields": map[string]any{"caseless": lower}}
	}
	return map[string]any{"type": "keyword"}
}
