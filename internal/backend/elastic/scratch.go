package elastic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/match/event"
)

// Scratch is a set of indices that stand for others of the same names without a prefix. They have the mappings of those, or
// those that new indices of the names would have. Delete them with [Scratch.Close].
type Scratch struct {
	client *Client
	prefix string
	made   []string
}

// NewScratch returns an empty set. No index must begin with the prefix.
func (c *Client) NewScratch(prefix string) *Scratch { return &Scratch{client: c, prefix: prefix} }

// Fill creates the indices of events, and writes the events, visible at once. refused says of events by id why the cluster
// takes them not.
func (s *Scratch) Fill(ctx context.Context, events []event.Event) (refused map[string]string, err error) {
	var body bytes.Buffer
	for _, e := range events {
		if !slices.Contains(s.made, e.Index) {
			s.made = append(s.made, e.Index) // also if the outcome is unknown
			if err := s.create(ctx, e.Index); err != nil {
				return nil, err
			}
		}
		action, err := json.Marshal(map[string]any{"index": map[string]any{"_index": s.prefix + e.Index, "_id": e.ID}})
		if err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		body.Write(append(action, '\n'))
		if err := json.Compact(&body, e.Source); err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		body.WriteByte('\n')
	}
	if body.Len() == 0 {
		return nil, nil
	}
	type item struct {
		ID     string `json:"_id"`
		Status int    `json:"status"`
		Error  cause  `json:"error"`
	}
	type answer struct {
		Items []map[string]item `json:"items"`
	}
	a, err := call[answer](ctx, s.client, fmt.Sprintf("write %d events of a test", len(events)), func() esapi.Request {
		return esapi.BulkRequest{Body: bytes.NewReader(body.Bytes()), Refresh: "true"}
	})
	if err != nil {
		return nil, err
	}
	refused = map[string]string{}
	for _, one := range a.Items {
		for _, r := range one {
			if r.Status >= http.StatusMultipleChoices {
				refused[r.ID] = r.Error.text()
			}
		}
	}
	return refused, nil
}

// indexDefinition is what an index is created with.
type indexDefinition struct {
	Mappings map[string]any `json:"mappings"`
	Settings struct {
		Index map[string]any `json:"index"`
	} `json:"settings"`
}

// create creates the index that stands for another.
func (s *Scratch) create(ctx context.Context, name string) error {
	d, err := s.definition(ctx, name)
	if err != nil {
		return err
	}
	settings := map[string]any{"number_of_replicas": 0}
	for _, key := range []string{"analysis", "mapping"} { // what bears on how values are read
		if v, ok := d.Settings.Index[key]; ok {
			settings[key] = v
		}
	}
	definition := map[string]any{"settings": map[string]any{"index": settings}}
	if d.Mappings != nil {
		definition["mappings"] = d.Mappings
	}
	return s.client.createIndex(ctx, s.prefix+name, definition)
}

// definition returns the mappings and settings of an index, of the last one of an alias or data stream, or of a new one.
func (s *Scratch) definition(ctx context.Context, name string) (indexDefinition, error) {
	yes := true
	known, err := call[map[string]indexDefinition](ctx, s.client, "get index ["+name+"]", func() esapi.Request {
		return esapi.IndicesGetRequest{Index: []string{name}, IgnoreUnavailable: &yes, AllowNoIndices: &yes, Features: "mappings,settings"}
	})
	if err != nil {
		return indexDefinition{}, err
	}
	if names := slices.Sorted(maps.Keys(known)); len(names) > 0 {
		return known[names[len(names)-1]], nil
	}
	type answer struct {
		Template indexDefinition `json:"template"`
	}
	a, err := call[answer](ctx, s.client, "simulate index ["+name+"]", func() esapi.Request {
		return esapi.IndicesSimulateIndexTemplateRequest{Name: name}
	})
	return a.Template, err
}

// Patterns returns the patterns that match the scratch indices of those that patterns match.
func (s *Scratch) Patterns(patterns []string) []string {
	var out []string
	for _, list := range patterns {
		for p := range strings.SplitSeq(list, ",") {
			p = strings.TrimSpace(p)
			minus := ""
			if rest, ok := strings.CutPrefix(p, "-"); ok {
				minus, p = "-", rest
			}
			if _, local, ok := strings.Cut(p, ":"); ok { // of another cluster: its events are here, too
				p = local
			}
			out = append(out, minus+s.prefix+cmp.Or(p, "*"))
		}
	}
	return out
}

// Close deletes the indices.
func (s *Scratch) Close(ctx context.Context) error {
	if len(s.made) == 0 {
		return nil
	}
	yes := true
	var names []string
	for _, name := range s.made {
		names = append(names, s.prefix+name)
	}
	_, err := call[struct{}](ctx, s.client, "delete the indices of a test", func() esapi.Request {
		return esapi.IndicesDeleteRequest{Index: names, IgnoreUnavailable: &yes}
	})
	return err
}
