package alert

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"

	"tocsin/internal/rule"
)

// placeholder matches a reference in a note to the rule's transform; $$ stands for a dollar.
var placeholder = regexp.MustCompile(`\$\$|\$(investigate|osquery)_([0-9]+)\b|\$\{(investigate|osquery)_([0-9]+)\}`)

// note returns the rule's note as Kibana reads it, with the placeholders replaced by the rule's
// transform. A placeholder without a target stays unchanged.
func note(r *rule.Rule) string {
	t := r.Transform
	if len(t.Investigate)+len(t.Osquery) == 0 {
		return r.Note
	}
	return placeholder.ReplaceAllStringFunc(r.Note, func(found string) string {
		if found == "$$" {
			return "$"
		}
		parts := placeholder.FindStringSubmatch(found)
		n, err := strconv.Atoi(parts[2] + parts[4])
		if err != nil {
			return found
		}
		switch kind := parts[1] + parts[3]; {
		case kind == "investigate" && n < len(t.Investigate):
			return plugin(kind, investigation(t.Investigate[n]), found)
		case kind == "osquery" && n < len(t.Osquery):
			return plugin(kind, osquery(t.Osquery[n]), found)
		}
		return found
	})
}

// plugin returns the markdown from which Kibana makes a button.
func plugin(kind string, content map[string]any, otherwise string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(content); err != nil {
		return otherwise
	}
	return "!{" + kind + string(bytes.TrimSpace(b.Bytes())) + "}"
}

func investigation(i rule.Investigate) map[string]any {
	alternatives := make([]any, len(i.Providers))
	for n, all := range i.Providers {
		providers := make([]any, len(all))
		for m, p := range all {
			providers[m] = map[string]any{
				"excluded": p.Excluded, "field": p.Field, "queryType": p.QueryType, "value": p.Value, "valueType": p.ValueType,
			}
		}
		alternatives[n] = providers
	}
	return withTexts(map[string]any{"label": i.Label, "providers": alternatives}, map[string]string{
		"description": i.Description, "relativeFrom": i.RelativeFrom, "relativeTo": i.RelativeTo,
	})
}

func osquery(q rule.Osquery) map[string]any {
	out := map[string]any{"label": q.Label, "query": q.Query}
	if len(q.ECSMapping) > 0 {
		out["ecs_mapping"] = q.ECSMapping
	}
	return out
}

// withTexts adds the texts that are not empty.
func withTexts(out map[string]any, texts map[string]string) map[string]any {
	for name, text := range texts {
		if text != "" {
			out[name] = text
		}
	}
	return out
}
