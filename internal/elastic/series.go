package elastic

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/failure"
	"tocsin/internal/series"
)

// seriesFacts are the facts that were asked for since the cluster last changed. Those of remote clusters, which do
// not tell when they change, are kept. The zero value knows none.
type seriesFacts struct {
	mu      sync.Mutex
	version string
	facts   map[string]series.Facts
	remote  map[string]series.Facts
}

// of returns what is known of indices at a state of the cluster, and which nothing is known of.
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

// SeriesFacts implements [series.Source]. It needs the privilege view_index_metadata, and to see rollovers that
// settings do not tell of, the cluster's monitor. Of what it may not see it says nothing.
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

// indexSettings is what of an index tells what it belongs to.
type indexSettings struct {
	Aliases    map[string]struct{} `json:"aliases"`
	DataStream string              `json:"data_stream"`
	Settings   struct {
		Index struct {
			UUID      string `json:"uuid"`
			Created   string `json:"creation_date"`
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
				"*.data_stream", "*.aliases", settings + "uuid", settings + "creation_date", settings + "lifecycle.rollover_alias",
				settings + "resize.source", settings + "store.snapshot.index_name",
			},
		}
	})
	switch {
	case notFound(err) || notAllowed(err): // nothing of them can be seen
		return nil
	case err != nil:
		return err
	}
	var rolled []string
	for index, is := range answer {
		s := is.Settings.Index
		f := series.Facts{
			UUID: s.UUID, DataStream: is.DataStream, RolloverAlias: s.Lifecycle.RolloverAlias, Aliases: slices.Sorted(maps.Keys(is.Aliases)),
			SourceUUID: s.Resize.Source.UUID, SourceName: s.Resize.Source.Name,
		}
		if name := s.Store.Snapshot.IndexName; name != "" {
			f.SourceName = name
		}
		if f.DataStream == "" && f.RolloverAlias == "" && len(f.Aliases) > 0 {
			rolled = append(rolled, index)
		}
		out[index] = f
	}
	return c.rollovers(ctx, rolled, answer, out)
}

// rolloverMoment is how far the time of a rollover may be from the creation of the index that it made, in one change of
// the cluster.
const rolloverMoment = time.Minute

// rollovers finds which indices were made or left behind by the rollover of one of their aliases. Elasticsearch notes
// a rollover, with its time, in the index that it leaves.
func (c *Client) rollovers(ctx context.Context, indices []string, are map[string]indexSettings, out map[string]series.Facts) error {
	type stateAnswer struct {
		Metadata struct {
			Indices map[string]struct {
				Rollovers map[string]struct {
					Time int64 `json:"time"`
				} `json:"rollover_info"`
			} `json:"indices"`
		} `json:"metadata"`
	}
	var aliases []string
	for _, index := range indices {
		aliases = append(aliases, out[index].Aliases...)
	}
	slices.Sort(aliases)
	times := map[string][]time.Time{}
	left := map[string]map[string]bool{}
	for _, part := range patternChunks(slices.Compact(aliases), maxPath) {
		yes := true
		state, err := call[stateAnswer](ctx, c, "rollovers of ["+shown(part)+"]", func() esapi.Request {
			return esapi.ClusterStateRequest{
				Metric: []string{"metadata"}, Index: escape(part), ExpandWildcards: "all", IgnoreUnavailable: &yes, AllowNoIndices: &yes,
				FilterPath: []string{"metadata.indices.*.rollover_info.*.time"},
			}
		})
		switch {
		case notAllowed(err):
			return nil // what the settings tell is all there is
		case err != nil && !notFound(err):
			return err
		}
		for index, is := range state.Metadata.Indices {
			for alias, rollover := range is.Rollovers {
				times[alias] = append(times[alias], time.UnixMilli(rollover.Time))
				if left[index] == nil {
					left[index] = map[string]bool{}
				}
				left[index][alias] = true
			}
		}
	}
	for _, index := range indices {
		f := out[index]
		made := created(are[index].Settings.Index.Created)
		for _, alias := range f.Aliases {
			if left[index][alias] || slices.ContainsFunc(times[alias], func(at time.Time) bool { return at.Sub(made).Abs() <= rolloverMoment }) {
				f.RolledOver = append(f.RolledOver, alias)
			}
		}
		out[index] = f
	}
	return nil
}

// created reads the time of an index's creation, the zero time where there is none.
func created(millis string) time.Time {
	n, err := strconv.ParseInt(millis, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// remoteFacts asks a remote cluster, which tells of data streams only.
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
	if !there { // a cluster that is skipped answers so, too
		return f, &failure.Error{Kind: failure.Unavailable, Op: op, Reason: "the cluster does not tell of the index, whose events it gave"}
	}
	if f.DataStream == "" && err != nil {
		f.DataStream = series.OfName(index)
	}
	return f, nil
}
