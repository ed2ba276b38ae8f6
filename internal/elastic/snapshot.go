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

	"tocsin/internal/failure"
	"tocsin/internal/search"
)

// Snapshot returns the client as of one moment. What patterns and fields mean is remembered between
// moments for as long as the cluster says that no index, alias or mapping of theirs has changed;
// where the privileges do not suffice to ask, and on remote clusters, it is found out anew for each moment.
func (c *Client) Snapshot(ctx context.Context) (search.Events, error) {
	if err := c.known.refresh(ctx, c); err != nil {
		return nil, err
	}
	return &moment{Client: c}, nil
}

// moment is a client whose Resolve and Locate draw on what is known.
type moment struct {
	*Client

	mu sync.Mutex
	on footing
	// own is what is known of patterns of which nothing may be remembered for another moment.
	own map[string]*known
}

// of returns what is known of patterns.
func (m *moment) of(patterns []string) *known {
	if k := m.known.of(patterns); k != nil {
		return k
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	id := strings.Join(patterns, ",")
	if m.own == nil {
		m.own = map[string]*known{}
	}
	if m.own[id] == nil {
		m.own[id] = &known{}
	}
	return m.own[id]
}

// rest notes what an answer of the moment rests upon.
func (m *moment) rest(on footing) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on.rights = append(m.on.rights, on.rights...)
	m.on.remotes = append(m.on.remotes, on.remotes...)
}

// Confirm names what could be read when the moment began and cannot be read any more. No answer of a search
// tells of a right that was taken away from some of its indices, nor of a remote cluster that is skipped.
func (m *moment) Confirm(ctx context.Context) ([]search.Unread, error) {
	m.mu.Lock()
	names, remotes := tidy(m.on.rights), tidy(m.on.remotes)
	m.mu.Unlock()
	may, err := m.rights.since(ctx, m.Client, names, time.Now())
	if err != nil {
		return nil, err
	}
	var out []search.Unread
	for _, name := range names {
		if !may(name) {
			out = append(out, search.Unread{Name: name, Why: failure.Forbidden, Reason: "the right to read it was taken away"})
		}
	}
	for _, p := range remotes {
		u, err := m.remoteState(ctx, p, false)
		if err != nil {
			return nil, err
		}
		if u.Why != "" {
			out = append(out, u)
		}
	}
	if len(out) > 0 {
		m.known.forget()
	}
	return out, nil
}

// Resolve asks the cluster when the patterns or one of the fields are not known.
func (m *moment) Resolve(ctx context.Context, patterns, fields []string) (search.Target, error) {
	patterns = tidy(patterns)
	k := m.of(patterns)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.resolved && k.has(fields) && !k.old() {
		m.rest(k.on)
		return k.target, nil
	}
	wanted := maps.Clone(k.fields)
	if wanted == nil {
		wanted = map[string]bool{}
	}
	for _, f := range fields {
		wanted[f] = true
	}
	begun := time.Now()
	target, on, err := m.target(ctx, patterns, slices.Sorted(maps.Keys(wanted)))
	m.rest(on)
	if k.resolved = err == nil; k.resolved {
		k.target, k.fields, k.on, k.found = target, wanted, on, begun
	}
	return target, err
}

// Locate asks the cluster when the patterns are not known.
func (m *moment) Locate(ctx context.Context, patterns []string) (func(string) bool, error) {
	patterns = tidy(patterns)
	k := m.of(patterns)
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
	begun   bool
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
	// on is what the target rests upon, found when that was asked for.
	on    footing
	found time.Time
}

// old reports whether more may be readable by now than was: nothing tells of a right that was given.
func (k *known) old() bool { return k.on.partly && time.Since(k.found) > rightsAge }

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

// begin learns what there is, unless that was done.
func (k *knowledge) begin(ctx context.Context, c *Client) error {
	k.mu.Lock()
	done := k.begun
	k.begun = true
	k.mu.Unlock()
	if done {
		return nil
	}
	return k.refresh(ctx, c)
}

// closed reports whether an index is known to be closed, whoever may see it.
func (k *knowledge) closed(index string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.indices[index].State == "close"
}

// beside are the indices and data streams that a pattern matches, less some.
func (k *knowledge) beside(pattern string, names []string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []string
	for name := range k.indices {
		if of := k.streams[name]; len(of) > 0 {
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

// names are the names, besides its own, by which each backing index can be meant: first that of its data stream.
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
	k.begun = true
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
		k.version, k.patterns, k.indices = "", nil, nil
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
