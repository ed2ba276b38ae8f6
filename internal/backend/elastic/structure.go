package elastic

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
)

// structures reads the mappings and settings of indices, without their fields, by index. An index without an
// entry has only defaults, or may not be read, which the definitions show.
func (c *Client) structures(ctx context.Context, patterns []string) (map[string]*mapping.Structure, error) {
	out := map[string]*mapping.Structure{}
	for _, part := range patternChunks(patterns, maxPath) {
		if err := c.addStructures(ctx, out, part); err != nil {
			if failure.KindOf(err) == failure.Refused || notFound(err) {
				continue
			}
			return nil, err
		}
	}
	return out, nil
}

// structureFilters exclude from mappings what is requested by field.
var structureFilters = []string{
	"*.mappings.dynamic", "*.mappings.enabled", "*.mappings._source", "*.mappings.runtime", "**.dynamic", "**.enabled", "**.copy_to",
}

func (c *Client) addStructures(ctx context.Context, out map[string]*mapping.Structure, patterns []string) error {
	yes := true
	type mappings map[string]struct {
		Mappings json.RawMessage `json:"mappings"`
	}
	op := "mapping of [" + shown(patterns) + "]"
	m, err := call[mappings](ctx, c, op, func() esapi.Request {
		return esapi.IndicesGetMappingRequest{
			Index: escape(patterns), IgnoreUnavailable: &yes, AllowNoIndices: &yes, FilterPath: structureFilters,
		}
	})
	if err != nil {
		return err
	}
	for index, one := range m {
		s, err := mapping.ParseStructure(one.Mappings)
		if err != nil {
			return &failure.Error{Kind: failure.Internal, Op: op, Err: fmt.Errorf("index [%s]: %w", index, err)}
		}
		out[index] = s
	}
	type settings map[string]struct {
		Settings map[string]string `json:"settings"`
	}
	s, err := call[settings](ctx, c, "settings of ["+shown(patterns)+"]", func() esapi.Request {
		return esapi.IndicesGetSettingsRequest{
			Index: escape(patterns), Name: []string{"index.mode", "index.mapping.*"}, FlatSettings: &yes,
			IgnoreUnavailable: &yes, AllowNoIndices: &yes,
		}
	})
	for index, one := range s {
		if len(one.Settings) == 0 {
			continue
		}
		if out[index] == nil {
			out[index] = &mapping.Structure{}
		}
		out[index].Settings(one.Settings)
	}
	return err
}
