package elastic

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/search"
)

// resolutionCache caches the resolution of index patterns. The zero value is empty.
type resolutionCache struct {
	mu sync.Mutex
	// version is the version of the cluster state that indices come from; "" if the user may not read the
	// state.
	version  string
	begun    bool
	indices  map[string]indexState
	patterns map[string]*cachedPatterns
}

// cachedPatterns is the cached resolution of one list of patterns.
type cachedPatterns struct {
	mu sync.Mutex
	// version is the version of the cluster state that print was made from. print changes whenever the
	// cluster state changes in a way that may affect the rest.
	version, print string
	target         search.Target
	fields         map[string]bool
	resolved       bool
	located        func(string) bool
	// on is the basis of the target when it was resolved.
	on    basis
	found time.Time
}

// old reports whether unread places may have become readable: a new privilege does not show in the cluster
// state.
func (k *cachedPatterns) old() bool { return k.on.partly && time.Since(k.found) > rightsAge }

func (k *cachedPatterns) has(fields []string) bool {
	for _, f := range fields {
		if !k.fields[f] {
			return false
		}
	}
	return true
}

// of returns the cache entry of patterns; nil if they cannot be cached, as patterns of remote clusters, whose
// changes are not visible.
func (k *resolutionCache) of(patterns []string) *cachedPatterns {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.version == "" || len(patterns) == 0 || slices.ContainsFunc(patterns, remote) {
		return nil
	}
	id := strings.Join(patterns, ",")
	have := k.patterns[id]
	if have != nil && have.version == k.version {
		return have
	}
	now := k.print(patterns)
	if have == nil || have.print != now {
		have = &cachedPatterns{print: now}
		k.patterns[id] = have
	}
	have.version = k.version
	return have
}

// print returns a fingerprint of the indices that patterns may match. It may include further indices, but
// never misses one.
func (k *resolutionCache) print(patterns []string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(k.indices)) {
		if state := k.indices[name]; len(state.meant(name, patterns)) > 0 {
			_, _ = fmt.Fprintf(h, "%q %+v\n", name, state)
		}
	}
	return string(h.Sum(nil))
}

// forget clears the cache: with other privileges, other indices are visible.
func (k *resolutionCache) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.patterns)
}

// at returns the version of the known cluster state; "" if the user may not read it.
func (k *resolutionCache) at() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.version
}

// now returns the indices of the cluster state; nil if they are unknown. The map must not be changed.
func (k *resolutionCache) now() map[string]indexState {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.version == "" {
		return nil
	}
	return k.indices
}

// begin reads the cluster state, unless that was done.
func (k *resolutionCache) begin(ctx context.Context, c *Client) error {
	k.mu.Lock()
	done := k.begun
	k.begun = true
	k.mu.Unlock()
	if done {
		return nil
	}
	return k.refresh(ctx, c)
}

// closed reports whether an index is closed according to the cluster state, regardless of privileges.
func (k *resolutionCache) closed(index string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.indices[index].State == closedState
}

// beside returns the indices and data streams that a pattern matches, without names.
func (k *resolutionCache) beside(pattern string, names []string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for name, state := range k.indices {
		if of := state.streams; len(of) > 0 {
			name = of[0]
		}
		hidden := name[0] == '.' && pattern[0] != '.'
		if glob(pattern, name) && !hidden && !slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// closedState is the state of a closed index.
const closedState = "close"

// indexState is the part of an index's state that affects resolution.
type indexState struct {
	State    string   `json:"state"`
	Mapping  int64    `json:"mapping_version"`
	Settings int64    `json:"settings_version"`
	Aliases  []string `json:"aliases"`
	// Identity has the index's UUID: an index that was deleted and made anew may have the same versions.
	Identity indexIdentity `json:"settings"`
	// streams are the names of the index's data stream and its aliases.
	streams []string
}

// indexIdentity is the part of an index's settings that tells it from another one with its name.
type indexIdentity struct {
	Index struct {
		UUID string `json:"uuid"`
	} `json:"index"`
}

// dataStreams is the part of the cluster state about data streams.
type dataStreams struct {
	Streams map[string]struct {
		Indices []struct {
			Name string `json:"index_name"`
		} `json:"indices"`
	} `json:"data_stream"`
	Aliases map[string]struct {
		Streams []string `json:"data_streams"`
	} `json:"data_stream_aliases"`
}

// name adds to indices the names of their data streams.
func (d dataStreams) name(indices map[string]indexState) {
	aliases := map[string][]string{}
	for _, alias := range slices.Sorted(maps.Keys(d.Aliases)) {
		for _, stream := range d.Aliases[alias].Streams {
			aliases[stream] = append(aliases[stream], alias)
		}
	}
	for stream, s := range d.Streams {
		for _, index := range s.Indices {
			if state, ok := indices[index.Name]; ok {
				state.streams = append([]string{stream}, aliases[stream]...)
				indices[index.Name] = state
			}
		}
	}
}

// meant returns the patterns that may match an index by its name, its data stream or an alias. It may include
// further patterns, but never misses one.
func (s indexState) meant(index string, patterns []string) []string {
	names := slices.Concat([]string{index}, s.streams, s.Aliases)
	var out []string
	for _, p := range patterns {
		if slices.ContainsFunc(names, func(n string) bool { return glob(strings.TrimPrefix(p, "-"), n) }) {
			out = append(out, p)
		}
	}
	return out
}

// refresh reads the changes since the last snapshot.
func (k *resolutionCache) refresh(ctx context.Context, c *Client) error {
	type stateAnswer struct {
		UUID     string `json:"state_uuid"`
		Metadata struct {
			Indices map[string]indexState `json:"indices"`
			Streams dataStreams           `json:"data_stream"`
		} `json:"metadata"`
	}
	state := func(metrics []string, filters ...string) (stateAnswer, error) {
		return call[stateAnswer](ctx, c, "state of the cluster", func() esapi.Request {
			return esapi.ClusterStateRequest{Metric: metrics, FilterPath: append(filters, "state_uuid")}
		})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.begun = true
	a, err := state([]string{"version"})
	if err == nil && a.UUID == k.version && a.UUID != "" {
		return nil
	}
	if err == nil {
		const each, stream = "metadata.indices.*.", "metadata.data_stream."
		a, err = state([]string{"version", "metadata"}, each+"mapping_version", each+"settings_version", each+"aliases", each+"state", each+"settings.index.uuid",
			stream+"data_stream.*.indices.index_name", stream+"data_stream_aliases.*.data_streams")
	}
	switch {
	case notAllowed(err):
		k.version, k.patterns, k.indices = "", nil, nil
		return nil
	case err != nil:
		return err
	}
	// Entries that were not used since the last change are dropped, such as the index of a past day.
	maps.DeleteFunc(k.patterns, func(_ string, have *cachedPatterns) bool { return have.version != k.version })
	a.Metadata.Streams.name(a.Metadata.Indices)
	k.version, k.indices = a.UUID, a.Metadata.Indices
	if k.patterns == nil {
		k.patterns = map[string]*cachedPatterns{}
	}
	return nil
}
