package elastic

import (
	"encoding/json"
	"errors"
	"fmt"
)

// completeness is of an answer that knows what it must have. One that lacks it comes of a proxy, of a node that
// is shut down, or of what is no Elasticsearch: it says nothing, and is as if there were none.
type completeness interface {
	// lacks names the first part that is missing, "" where none is.
	lacks() string
}

var errIncomplete = errors.New("the answer is incomplete")

// complete returns an error for an answer that lacks something.
func complete(answer any) error {
	if c, ok := answer.(completeness); ok {
		if part := c.lacks(); part != "" {
			return fmt.Errorf("%w: it has no %s", errIncomplete, part)
		}
	}
	return nil
}

// UnmarshalJSON notes that there is such a part.
func (s *shards) UnmarshalJSON(data []byte) error {
	type plain shards
	if err := json.Unmarshal(data, (*plain)(s)); err != nil {
		return err //nolint:wrapcheck // the caller is encoding/json
	}
	s.there = string(data) != "null"
	return nil
}

func (p *page) lacks() string {
	switch {
	case !p.hitsThere:
		return "hits"
	case !p.Shards.there:
		return "_shards"
	}
	return ""
}

// lacks says so of an item that is an answer, not an error.
func (m *multiItem) lacks() string {
	if m.Status >= 300 {
		return ""
	}
	return m.page.lacks()
}

func (m *multiAnswer) lacks() string {
	if m.Responses == nil {
		return "responses"
	}
	for i := range m.Responses {
		if part := m.Responses[i].lacks(); part != "" {
			return part
		}
	}
	return ""
}

// lacks asks for groups only where shards were searched: over none Elasticsearch leaves them out.
func (g *groupPage) lacks() string {
	switch {
	case !g.Shards.there:
		return "_shards"
	case g.Aggregations.Groups.Buckets == nil && g.Shards.Total > 0 && g.Shards.Failed < g.Shards.Total:
		return "aggregations"
	}
	return ""
}

func (a *capsAnswer) lacks() string {
	switch {
	case a.Fields == nil:
		return "fields"
	case a.Indices == nil:
		return "indices"
	}
	return ""
}

func (a *resolveAnswer) lacks() string {
	switch {
	case a.Indices == nil:
		return "indices"
	case a.Aliases == nil:
		return "aliases"
	case a.DataStreams == nil:
		return "data_streams"
	}
	return ""
}

// lacks asks for columns once the query has ended.
func (a *esqlAnswer) lacks() string {
	if !a.Running && a.Columns == nil {
		return "columns"
	}
	return ""
}

func (a *bulkAnswer) lacks() string {
	if a.Items == nil {
		return "items"
	}
	return ""
}
