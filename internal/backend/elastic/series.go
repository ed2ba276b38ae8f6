package elastic

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert/series"
	"tocsin/internal/diag/failure"
)

// seriesFacts caches facts since the last change of the cluster state. Facts about remote clusters, whose
// changes are not visible, are kept. The zero value is empty.
type seriesFacts struct {
	mu      sync.Mutex
	version string
	facts   map[string]series.Facts
	remote  map[string]series.Facts
}

// of returns the cached facts about indices at a version of the cluster state, and the indices without any.
func (k *seriesFacts) of(version string, indices []string) (known map[string]series.Facts, unknown []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.facts == nil || k.version != version || version == "" {
		k.version, k.facts = version, map[string]series.Facts{}
	}
	if k.remote == nil {
		k.remote = map[string]series.Facts{}
	}
	known = map[string]series.Facts{}
	for _, index := range indices {
		f, ok := k.facts[index]
		if remote(index) {
			f, ok = k.remote[index]
		}
		if ok {
			known[index] = f
		} else {
			unknown = append(unknown, index)
		}
	}
	return known, unknown
}

func (k *seriesFacts) add(version string, facts map[string]series.Facts) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for index, f := range facts {
		switch {
		case remote(index):
			k.remote[index] = f
		case k.version == version:
			k.facts[index] = f
		}
	}
}

// SeriesFacts implements [series.Source]. It needs the privilege view_index_metadata, and monitor on the
// cluster to see rollovers that the settings do not show. It returns no facts about indices that it may not
// see.
func (c *Client) SeriesFacts(ctx context.Context, indices []string) (map[string]series.Facts, error) {
	version := c.known.at()
	out, unknown := c.seriesFacts.of(version, indices)
	if len(unknown) == 0 {
		return out, nil
	}
	var local []string
	fresh := map[string]series.Facts{}
	for _, index := range unknown {
		if !remote(index) {
			local = append(local, index)
			continue
		}
		f, err := c.remoteFacts(ctx, index)
		if err != nil {
			return nil, err
		}
		fresh[index] = f
	}
	for _, part := range patternChunks(local, maxPath) {
		if err := c.localFacts(ctx, part, fresh); err != nil {
			return nil, err
		}
	}
	c.seriesFacts.add(version, fresh)
	maps.Copy(out, fresh)
	return out, nil
}

// indexSettings is the part of an index's settings that shows its series.
type indexSettings struct {
	Aliases    map[string]struct{} `json:"aliases"`
	DataStream string              `json:"data_stream"`
	Settings   struct {
		Index struct {
			UUID      string `json:"uuid"`
			Lifecycle struct {
				RolloverAlias string `json:"rollover_alias"`
			} `json:"lifecycle"`
			Resize struct {
				Source namedIndex `json:"source"`
			} `json:"resize"`
			Store struct {
				Snapshot struct {
					IndexName string `json:"index_name"`
				} `json:"snapshot"`
			} `json:"store"`
		} `json:"index"`
	} `json:"settings"`
}

type namedIndex struct {
	Name string `json:"name"`
	UUID string `json:"uuid"`
}

func (c *Client) localFacts(ctx context.Context, indices []string, out map[string]series.Facts) error {
	yes := true
	answer, err := call[map[string]indexSettings](ctx, c, "series of ["+shown(indices)+"]", func() esapi.Request {
		const settings = "*.settings.index."
		return esapi.IndicesGetRequest{
			Index: escape(indices), Features: "aliases,settings", ExpandWildcards: "all", IgnoreUnavailable: &yes, AllowNoIndices: &yes,
			FilterPath: []string{
				"*.data_stream", "*.aliases", settings + "uuid", settings + "lifecycle.rollover_alias",
				settings + "resize.source", settings + "store.snapshot.index_name",
			},
		}
	})
	switch {
	case notFound(err) || notAllowed(err): // nothing about them is visible
		return nil
	case err != nil:
		return err
	}
	var aliased []string
	for index, is := range answer {
		s := is.Settings.Index
		f := series.Facts{
			UUID: s.UUID, DataStream: is.DataStream, RolloverAlias: s.Lifecycle.RolloverAlias, Aliases: slices.Sorted(maps.Keys(is.Aliases)),
			SourceUUID: s.Resize.Source.UUID, SourceName: s.Resize.Source.Name,
		}
		if name := s.Store.Snapshot.IndexName; name != "" {
			f.SourceName = name
		}
		if f.DataStream == "" && len(f.Aliases) > 0 {
			aliased = append(aliased, index)
		}
		out[index] = f
	}
	return c.rollovers(ctx, aliased, out)
}

// remoteFacts reads the facts about an index of a remote cluster, which reports data streams only.
func (c *Client) remoteFacts(ctx context.Context, index string) (series.Facts, error) {
	type answer struct {
		Indices []struct {
			Name       string `json:"name"`
			DataStream string `json:"data_stream"`
		} `json:"indices"`
	}
	op := "series of [" + index + "]"
	a, err := call[answer](ctx, c, op, func() esapi.Request {
		return esapi.IndicesResolveIndexRequest{Name: escape([]string{index}), ExpandWildcards: "all"}
	})
	if err != nil && !notFound(err) && !notAllowed(err) {
		return series.Facts{}, err
	}
	cluster, _, _ := strings.Cut(index, ":")
	f := series.Facts{UUID: index}
	there := err != nil
	for _, is := range a.Indices {
		if is.Name != index {
			continue
		}
		there = true
		if is.DataStream != "" {
			f.DataStream = cluster + ":" + strings.TrimPrefix(is.DataStream, cluster+":")
		}
	}
	if !there { // a skipped cluster has the same answer
		return f, &failure.Error{Kind: failure.Unavailable, Op: op, Reason: "the cluster does not tell of the index, whose events it gave"}
	}
	if f.DataStream == "" && err != nil {
		f.DataStream = series.OfName(index)
	}
	return f, nil
}
