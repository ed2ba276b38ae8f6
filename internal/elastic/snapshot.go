package elastic

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/search"
)

// Snapshot returns the client as of one moment. What patterns and fields mean is remembered between
// moments for as long as the cluster says that no index, alias or mapping of theirs has changed;
// where the privileges do not suffice to ask, it is found out anew each time.
func (c *Client) Snapshot(ctx context.Context) (search.Events, error) {
	if err := c.known.refresh(ctx, c); err != nil {
		return nil, err
	}
	changed, err := c.rights.changed(ctx, c)
	if err != nil {
		return nil, err
	}
	if changed {
		c.known.forget()
	}
	return &moment{Client: c}, nil
}

// moment is a client whose Resolve and Locate draw on what is known.
type moment struct{ *Client }

// Resolve asks the cluster when the patterns or one of the fields are not known.
func (m *moment) Resolve(ctx context.Context, patterns, fields []string) (search.Target, error) {
	patterns = tidy(patterns)
	k := m.known.of(patterns)
	if k == nil {
		return m.Client.Resolve(ctx, patterns, fields)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.resolved && k.has(fields) {
		return k.target, nil
	}
	wanted := maps.Clone(k.fields)
	if wanted == nil {
		wanted = map[string]bool{}
	}
	for _, f := range fields {
		wanted[f] = true
	}
	target, err := m.Client.Resolve(ctx, patterns, slices.Sorted(maps.Keys(wanted)))
	if err == nil {
		k.target, k.fields, k.resolved = target, wanted, true
	}
	return target, err
}

// Locate asks the cluster when the patterns are not known.
func (m *moment) Locate(ctx context.Context, patterns []string) (func(string) bool, error) {
	patterns = tidy(patterns)
	k := m.known.of(patterns)
	if k == nil {
		return m.Client.Locate(ctx, patterns)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.located != nil {
		return k.located, nil
	}
	located, err := m.Client.Locate(ctx, patterns)
	if err == nil {
		k.located = located
	}
	return located, err
}

// knowledge is what the cluster has said of index patterns. The zero value knows nothing.
type knowledge struct {
	mu sync.Mutex
	// version is the state of the cluster that indices are of; "" when it may not be asked.
	version string
	indices map[string]indexState
	// streams are the names of the data stream of each backing index: its own and its aliases.
	streams  map[string][]string
	patterns map[string]*known
}

// known is what is known of one list of patterns.
type known struct {
	mu sync.Mutex
	// version is the state of the cluster that print was made of. The print changes when anything
	// changes that the rest depends on.
	version, print string
	target         search.Target
	fields         map[string]bool
	resolved       bool
	located        func(string) bool
}

func (k *known) has(fields []string) bool {
	for _, f := range fields {
		if !k.fields[f] {
			return false
		}
	}
	return true
}

// of returns what is known of patterns, nil when nothing may be remembered of them: of a remote cluster
// nobody tells us.
func (k *knowledge) of(patterns []string) *known {
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
		have = &known{print: now}
		k.patterns[id] = have
	}
	have.version = k.version
	return have
}

// print sums up the indices that patterns may mean, rather too many of them than too few.
func (k *knowledge) print(patterns []string) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(k.indices)) {
		state := k.indices[name]
		names := slices.Concat([]string{name}, state.Aliases, k.streams[name])
		meant := slices.ContainsFunc(names, func(n string) bool {
			return slices.ContainsFunc(patterns, func(p string) bool { return glob(strings.TrimPrefix(p, "-"), n) })
		})
		if meant {
			_, _ = fmt.Fprintf(h, "%q %+v\n", name, state)
		}
	}
	return string(h.Sum(nil))
}

// forget makes everything be found out anew: other rights show other indices.
func (k *knowledge) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.patterns)
}

// indexState is what of an index a change shows in.
type indexState struct {
	State    string   `json:"state"`
	Mapping  int64    `json:"mapping_version"`
	Settings int64    `json:"settings_version"`
	Aliases  []string `json:"aliases"`
}

// dataStreams are those of a cluster, as its state tells of them.
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

// names are the names, besides its own, by which each backing index can be meant.
func (d dataStreams) names() map[string][]string {
	of := map[string][]string{}
	for alias, a := range d.Aliases {
		for _, stream := range a.Streams {
			of[stream] = append(of[stream], alias)
		}
	}
	out := map[string][]string{}
	for stream, s := range d.Streams {
		for _, index := range s.Indices {
			out[index.Name] = append(append(out[index.Name], stream), of[stream]...)
		}
	}
	return out
}

// at is the state of the cluster that is known, "" when it may not be asked.
func (k *knowledge) at() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.version
}

// refresh learns what has changed since the last moment.
func (k *knowledge) refresh(ctx context.Context, c *Client) error {
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
	a, err := state([]string{"version"})
	if err == nil && a.UUID == k.version && a.UUID != "" {
		return nil
	}
	if err == nil {
		const each, stream = "metadata.indices.*.", "metadata.data_stream."
		a, err = state([]string{"version", "metadata"}, each+"mapping_version", each+"settings_version", each+"aliases", each+"state",
			stream+"data_stream.*.indices.index_name", stream+"data_stream_aliases.*.data_streams")
	}
	switch {
	case notAllowed(err):
		k.version, k.patterns = "", nil
		return nil
	case err != nil:
		return err
	}
	// What nobody has asked for since the last change, such as the index of a day that is past, is forgotten.
	maps.DeleteFunc(k.patterns, func(_ string, have *known) bool { return have.version != k.version })
	k.version, k.indices, k.streams = a.UUID, a.Metadata.Indices, a.Metadata.Streams.names()
	if k.patterns == nil {
		k.patterns = map[string]*known{}
	}
	return nil
}
