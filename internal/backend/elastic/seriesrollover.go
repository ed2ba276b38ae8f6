package elastic

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/alert/series"
)

// rolloverMoment is the maximum difference between the time of a rollover and the creation of its new index,
// as both are one change of the cluster state.
const rolloverMoment = time.Minute

// rolled is the part of the cluster state about an index with an alias.
type rolled struct {
	Aliases   []string `json:"aliases"`
	Rollovers map[string]struct {
		Time int64 `json:"time"`
	} `json:"rollover_info"`
	Settings struct {
		Index struct {
			UUID    string `json:"uuid"`
			Created string `json:"creation_date"`
		} `json:"index"`
	} `json:"settings"`
}

// rollovers finds the indices that a rollover of one of their aliases created or left behind. Elasticsearch
// records a rollover, with its time, in the index that it leaves behind.
func (c *Client) rollovers(ctx context.Context, indices []string, out map[string]series.Facts) error {
	type stateAnswer struct {
		Metadata struct {
			Indices map[string]rolled `json:"indices"`
		} `json:"metadata"`
	}
	var aliases []string
	for _, index := range indices {
		aliases = append(aliases, out[index].Aliases...)
	}
	slices.Sort(aliases)
	all := map[string]rolled{}
	for _, part := range patternChunks(slices.Compact(aliases), maxPath) {
		yes := true
		state, err := call[stateAnswer](ctx, c, "rollovers of ["+shown(part)+"]", func() esapi.Request {
			const each = "metadata.indices.*."
			return esapi.ClusterStateRequest{
				Metric: []string{"metadata"}, Index: escape(part), ExpandWildcards: "all", IgnoreUnavailable: &yes, AllowNoIndices: &yes,
				FilterPath: []string{each + "aliases", each + "rollover_info.*.time", each + "settings.index.uuid", each + "settings.index.creation_date"},
			}
		})
		switch {
		case notAllowed(err):
			return nil // only the settings are available
		case err != nil && !notFound(err):
			return err
		}
		maps.Copy(all, state.Metadata.Indices)
	}
	for _, index := range indices {
		f := out[index]
		for _, alias := range f.Aliases {
			chain := chainOf(alias, all)
			took := slices.Contains(chain, f.UUID)
			if took {
				f.RolledOver = append(f.RolledOver, alias)
			}
			if took && f.RolloverAlias == "" || f.RolloverAlias == alias {
				f.Chain = append(f.Chain, chain...)
			}
		}
		out[index] = f
	}
	return nil
}

// chainOf returns the UUIDs of the indices that rollovers of an alias left behind or created, oldest first.
func chainOf(alias string, indices map[string]rolled) []string {
	var times []time.Time
	for _, is := range indices {
		if info, ok := is.Rollovers[alias]; ok {
			times = append(times, time.UnixMilli(info.Time))
		}
	}
	type member struct {
		uuid    string
		created time.Time
	}
	var members []member
	for _, is := range indices {
		if !slices.Contains(is.Aliases, alias) {
			continue
		}
		m := member{is.Settings.Index.UUID, created(is.Settings.Index.Created)}
		_, left := is.Rollovers[alias]
		if left || slices.ContainsFunc(times, func(at time.Time) bool { return at.Sub(m.created).Abs() <= rolloverMoment }) {
			members = append(members, m)
		}
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.uuid, b.uuid)) })
	var chain []string
	for _, m := range members {
		chain = append(chain, m.uuid)
	}
	return chain
}

// created parses the creation time of an index; the zero time if there is none.
func created(millis string) time.Time {
	n, err := strconv.ParseInt(millis, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(n)
}
