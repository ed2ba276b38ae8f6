package conformance

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"tocsin/internal/match/mapping"
)

// Dataset holds the events of some cases with their mapping.
type Dataset struct {
	Timestamp  string `json:"timestamp_field"`
	Category   string `json:"event_category_field"`
	Tiebreaker string `json:"tiebreaker_field"`
	// Indices are the mappings by index or index pattern.
	Indices map[string]json.RawMessage `json:"indices"`
	Events  []Event                    `json:"-"`
	names   map[string]any
}

// Event is a document of a dataset.
type Event struct {
	Dataset string          `json:"dataset"`
	Index   string          `json:"index"`
	ID      string          `json:"_id"`
	Name    any             `json:"id"` // the name in expectations
	Source  json.RawMessage `json:"_source"`
}

// add adds an event to the dataset.
func (d *Dataset) add(e Event) {
	if d.names == nil {
		d.names = map[string]any{}
	}
	d.names[eventName(e.Index, e.ID)] = e.Name
	d.Events = append(d.Events, e)
}

// eventName returns the name of an event; index names are lower case in Elasticsearch.
func eventName(index, id string) string { return strings.ToLower(index) + "/" + id }

// NDJSON returns the dataset as an event file.
func (d *Dataset) NDJSON() string {
	var b strings.Builder
	for _, e := range d.Events {
		fmt.Fprintf(&b, `{"_index":%q,"_id":%q,"_source":%s}`+"\n", e.Index, e.ID, e.Source)
	}
	return b.String()
}

// Fields returns the fields of the dataset's indices.
func (d *Dataset) Fields() (*mapping.Indices, error) {
	data, err := json.Marshal(d.Indices)
	if err != nil {
		return nil, fmt.Errorf("encode mappings: %w", err)
	}
	fields, err := mapping.ParseIndices(data)
	if err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	return fields, nil
}

// WrittenDataset reads a dataset of the repository. A line of its events is an index, a slash, an id that cases
// use as the name of the event, and the event.
func WrittenDataset(name string) (*Dataset, error) {
	data, err := testdata.ReadFile(path.Join("testdata/datasets", name+".json"))
	if err != nil {
		return nil, fmt.Errorf("read dataset: %w", err)
	}
	set := &Dataset{}
	if err := json.Unmarshal(data, set); err != nil {
		return nil, fmt.Errorf("dataset %s: %w", name, err)
	}
	if data, err = testdata.ReadFile(path.Join("testdata/datasets", name+".events")); err != nil {
		return nil, fmt.Errorf("read dataset: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		id, source, _ := strings.Cut(strings.TrimSpace(line), " ")
		index, id, found := strings.Cut(id, "/")
		if !found || !json.Valid([]byte(source)) || set.Indices[index] == nil {
			return nil, fmt.Errorf("dataset %s: not an event: %s", name, line)
		}
		set.add(Event{Dataset: name, Index: index, ID: id, Name: id, Source: json.RawMessage(source)})
	}
	return set, nil
}
