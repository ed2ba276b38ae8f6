package tocsintest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// An Event is an event with its id.
type Event struct {
	ID string
	// Source is JSON text (string, []byte, json.RawMessage), or a value that becomes JSON.
	Source any
}

// document is an event as it is written.
type document struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source json.RawMessage `json:"_source"`
}

// Index makes an index with a mapping. Load makes indices as they are needed, with Options.Mapping.
func (s *Suite) Index(name, mapping string) {
	s.t.Helper()
	if !json.Valid([]byte(mapping)) {
		s.t.Fatalf("the mapping of %s is not JSON", name)
	}
	if s.node == nil {
		s.mappings[name] = json.RawMessage(mapping)
		return
	}
	if err := s.makeIndex(s.t.Context(), name, mapping); err != nil {
		s.t.Fatal(err)
	}
}

// Load writes events to an index, which is made where it is needed; rules see them at once. An event is an [Event], JSON text or a value that
// becomes JSON; without an id, it is the number of the event in the suite, from "1".
func (s *Suite) Load(index string, events ...any) {
	s.t.Helper()
	var all []document
	for i, e := range events {
		id, source := "", e
		if with, ok := e.(Event); ok {
			id, source = with.ID, with.Source
		}
		text, err := sourceOf(source)
		if err != nil {
			s.t.Fatalf("event %d for %s: %v", i+1, index, err)
		}
		all = append(all, document{index, id, text})
	}
	s.write(all)
}

// LoadFile writes the events of a file (NDJSON). A line is an event for the index, or has its own index and id: {"_index": …, "_id": …, "_source": {…}}.
func (s *Suite) LoadFile(index, path string) {
	s.t.Helper()
	data, err := os.ReadFile(path) //nolint:gosec // the test names the file
	if err != nil {
		s.t.Fatal(err)
	}
	var all []document
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for number := 1; lines.Scan(); number++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		d := document{}
		if err := json.Unmarshal(line, &d); err != nil {
			s.t.Fatalf("%s:%d: %v", path, number, err)
		}
		if isAction(line) {
			s.t.Fatalf("%s:%d: this is an action of a bulk request and no event: want a line for each event", path, number)
		}
		if d.Source == nil {
			d = document{Source: slices.Clone(line)}
		}
		if d.Index == "" {
			d.Index = index
		}
		all = append(all, d)
	}
	s.write(all)
}

// isAction reports whether a line is an action of a bulk request.
func isAction(line []byte) bool {
	var action map[string]struct {
		Index *string `json:"_index"`
		ID    *string `json:"_id"`
	}
	if json.Unmarshal(line, &action) != nil || len(action) != 1 {
		return false
	}
	for name, of := range action {
		return (name == "index" || name == "create") && (of.Index != nil || of.ID != nil || bytes.HasSuffix(bytes.ReplaceAll(line, []byte(" "), nil), []byte(":{}}")))
	}
	return false
}

// sourceOf returns an event as one line of JSON.
func sourceOf(source any) (json.RawMessage, error) {
	var text []byte
	switch source := source.(type) {
	case string:
		text = []byte(source)
	case []byte:
		text = source
	default:
		var err error
		if text, err = json.Marshal(source); err != nil {
			return nil, fmt.Errorf("it is no JSON: %w", err)
		}
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	if line.Bytes()[0] != '{' {
		return nil, errors.New("it is no object of JSON")
	}
	return line.Bytes(), nil
}

func (s *Suite) write(all []document) {
	s.t.Helper()
	for i := range all {
		if all[i].ID == "" {
			all[i].ID = s.nextID()
		}
	}
	if len(all) == 0 {
		return
	}
	if s.node == nil {
		var lines bytes.Buffer
		for _, d := range all {
			if err := json.NewEncoder(&lines).Encode(d); err != nil {
				s.t.Fatal(err)
			}
		}
		s.append("events.ndjson", lines.Bytes())
		return
	}
	if err := s.bulk(s.t.Context(), all); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Suite) bulk(ctx context.Context, all []document) error {
	var lines bytes.Buffer
	for _, d := range all {
		if !s.made[d.Index] {
			if err := s.makeIndex(ctx, d.Index, s.mapping()); err != nil {
				return err
			}
		}
		action, err := json.Marshal(map[string]any{"create": map[string]string{"_index": d.Index, "_id": d.ID}})
		if err != nil {
			return fmt.Errorf("load events: %w", err)
		}
		fmt.Fprintf(&lines, "%s\n%s\n", action, d.Source)
	}
	reply, err := s.node.ask(ctx, http.MethodPost, "/_bulk?refresh=true", "application/x-ndjson", lines.Bytes())
	if err != nil {
		return fmt.Errorf("load events: %w", err)
	}
	for _, item := range reply.Items {
		for _, one := range item {
			if one.Error != nil {
				return fmt.Errorf("load event %s: %v", one.ID, one.Error)
			}
		}
	}
	return nil
}

// makeIndex makes an index, or a data stream where a template of the node wants one. What is there already is not touched, as events
// of others would be lost with the suite's.
func (s *Suite) makeIndex(ctx context.Context, name, mapping string) error {
	if strings.ContainsAny(name, "*,/ ") || name == "" {
		return fmt.Errorf("%q is no name of an index", name)
	}
	body := `{"settings": {"number_of_replicas": 0}, "mappings": ` + mapping + `}`
	_, err := s.node.ask(ctx, http.MethodPut, "/"+url.PathEscape(name), "", []byte(body))
	if err != nil && strings.Contains(err.Error(), "create data stream") {
		_, err = s.node.ask(ctx, http.MethodPut, "/_data_stream/"+url.PathEscape(name), "", nil)
	}
	if err != nil {
		return fmt.Errorf("make the index %s, in which no one else may have events: %w", name, err)
	}
	s.madeMu.Lock()
	s.made[name] = true
	s.madeMu.Unlock()
	return nil
}

// clear removes what the suite made: its indices, and all that has its namespace in the name.
func (s *Suite) clear(ctx context.Context) {
	s.t.Helper()
	s.madeMu.Lock() // the tests may have been interrupted
	patterns := append([]string{"*" + s.namespace + "*"}, sortedKeys(s.made)...)
	s.madeMu.Unlock()
	for _, pattern := range patterns {
		found, err := s.node.ask(ctx, http.MethodGet, "/_resolve/index/"+url.PathEscape(pattern)+"?expand_wildcards=all", "", nil)
		if err != nil {
			s.forget(err)
			continue
		}
		for _, stream := range found.DataStreams {
			_, err := s.node.ask(ctx, http.MethodDelete, "/_data_stream/"+url.PathEscape(stream.Name), "", nil)
			s.forget(err)
		}
		for _, index := range found.Indices {
			if index.DataStream == "" {
				_, err := s.node.ask(ctx, http.MethodDelete, "/"+url.PathEscape(index.Name), "", nil)
				s.forget(err)
			}
		}
	}
	for _, kind := range []string{"_index_template", "_component_template"} {
		_, err := s.node.ask(ctx, http.MethodDelete, "/"+kind+"/*"+s.namespace+"*", "", nil)
		s.forget(err)
	}
}

// forget logs what could not be removed.
func (s *Suite) forget(err error) {
	s.t.Helper()
	if err != nil && !errors.Is(err, errAbsent) {
		s.t.Logf("clear up: %v", err)
	}
}
