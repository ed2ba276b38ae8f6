package elastic

import (
	"encoding/json"
	"errors"
	"fmt"
)

// completeness is implemented by answers with required parts. An answer without one comes from a proxy, a
// node during shutdown, or another kind of server: it is treated as no answer.
type completeness interface {
	// lacks returns the name of the first missing part; "" if the answer is complete.
	lacks() string
}

var errIncomplete = errors.New("the answer is incomplete")

// complete returns an error for an answer with a missing part.
func complete(answer any) error {
	if c, ok := answer.(completeness); ok {
		if part := c.lacks(); part != "" {
			return fmt.Errorf("%w: it has no %s", errIncomplete, part)
		}
	}
	return nil
}

// UnmarshalJSON also records that the part exists.
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

// lacks checks an item that is an answer, not an error.
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

func (g *groupPage) lacks() string {
	return g.Shards.lacksGroups(g.Aggregations.Groups.Buckets == nil)
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

// lacks requires columns once the query has ended.
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
