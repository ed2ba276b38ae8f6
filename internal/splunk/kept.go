package splunk

import "strings"

// Events that searches write by collect are kept beside risk events: what they say stands below keptPrefix, and
// CollectedDataset is their event.dataset.
const (
	CollectedDataset = "splunk.collected"
	datasetField     = "event.dataset"
	keptPrefix       = "result."
)

// CollectedName is where the document of a collected event has a field of the event.
func CollectedName(name string) string { return keptPrefix + name }

// Lift returns the event that the document of a collected one stands for; any other row is returned as it is.
func Lift(row Row) (Row, bool) {
	if row[datasetField].String() != CollectedDataset {
		return row, false
	}
	out := Row{}
	for name, v := range row {
		if own, is := strings.CutPrefix(name, keptPrefix); is {
			out[own] = v
		}
	}
	return out, true
}

// IsCollected reports whether a document among those of risk events is a collected event.
func IsCollected(source map[string]any) bool {
	of, _ := source["event"].(map[string]any)
	return of["dataset"] == CollectedDataset
}

// CollectedDocument is the document of a collected event, whose time is written as documents have it.
func CollectedDocument(event Row, at string) map[string]any {
	said := event.Native()
	delete(said, "_time")
	return map[string]any{
		"@timestamp": at, "event": map[string]any{"kind": "event", "dataset": CollectedDataset},
		strings.TrimSuffix(keptPrefix, "."): said,
	}
}
