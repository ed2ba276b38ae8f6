package elastic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/match/mapping"
	"tocsin/internal/search"
	"tocsin/internal/search/indexname"
)

// Resolve returns the indices that patterns match now, and how the fields are mapped there. It follows
// Elasticsearch's multi-target syntax: wildcards match hidden indices only if pattern and name begin with a
// dot, "-name" excludes from the wildcards before it, cluster:name is remote. Date math in names must be
// resolved before: Elasticsearch would use its own clock.
//
// If the mapping of some index cannot be read, the Target has the rest and the error is of kind Partial.
func (c *Client) Resolve(ctx context.Context, patterns, fields []string) (search.Target, error) {
	target, _, err := c.target(ctx, tidy(patterns), fields)
	return target, err
}

// target is [Client.Resolve] that also returns the basis of its answer.
func (c *Client) target(ctx context.Context, patterns, fields []string) (target search.Target, on basis, err error) {
	target.Fields = mapping.Table{}
	if len(patterns) == 0 {
		return target, on, nil // without patterns, Elasticsearch returns every index
	}
	if indexname.HasDateMath(patterns) {
		return target, on, dated(patterns)
	}
	found, err := c.resolve(ctx, patterns)
	if err != nil {
		return target, on, err
	}
	target.Indices = found.names(true)
	target.Closed = found.names(false)
	missing := found.missing(patterns)
	if target.Unread, target.Partly, on, err = c.unread(ctx, patterns, found, missing); err != nil {
		return target, on, err
	}
	target.Missing = withoutUnread(missing, target.Unread)
	if len(target.Indices) == 0 || len(fields) == 0 {
		return target, on, nil
	}
	target.Fields, err = c.fields(ctx, patterns, fields)
	return target, on, err
}

// place is an index, alias or data stream.
type place struct {
	open, closed, hidden bool
	// member is set on an index that was looked up only as a member of an alias.
	member bool
	// stream is the data stream of an index, behind are the indices of an alias or a data stream.
	stream string
	behind []string
}

// dated returns an error for names with date math.
func dated(patterns []string) error {
	return &failure.Error{Kind: failure.Rejected, Op: "resolve [" + shown(patterns) + "]", Reason: "the date math in the names is not resolved"}
}

// places holds the places that patterns were resolved to.
type places struct{ byName map[string]place }

// resolveAnswer is the answer of _resolve/index.
type resolveAnswer struct {
	Indices []struct {
		Name       string   `json:"name"`
		Attributes []string `json:"attributes"`
		DataStream string   `json:"data_stream"`
	} `json:"indices"`
	Aliases []struct {
		Name    string   `json:"name"`
		Indices []string `json:"indices"`
	} `json:"aliases"`
	DataStreams []struct {
		Name    string    `json:"name"`
		Backing oneOrMany `json:"backing_indices"`
	} `json:"data_streams"`
}

// oneOrMany is a list of names, or a single one.
type oneOrMany []string

// UnmarshalJSON accepts either form.
func (o *oneOrMany) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*o = make(oneOrMany, 1)
		return json.Unmarshal(data, &(*o)[0]) //nolint:wrapcheck // the caller is encoding/json
	}
	return json.Unmarshal(data, (*[]string)(o)) //nolint:wrapcheck // the caller is encoding/json
}

func (c *Client) resolve(ctx context.Context, patterns []string) (*places, error) {
	found := &places{byName: map[string]place{}}
	aliases := map[string][]string{}
	for _, part := range patternChunks(patterns, maxPath) {
		answers, err := c.resolvePart(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			found.take(a, aliases)
		}
	}
	return found, c.resolveAliases(ctx, found, aliases)
}

// resolvePart resolves the patterns of one request. If Elasticsearch rejects one of them (an unknown remote
// cluster), each is resolved separately, so that the others are not lost. An exclusion that is rejected would take all others with it, here
// and in searches: that is an error.
func (c *Client) resolvePart(ctx context.Context, patterns []string) ([]resolveAnswer, error) {
	one, err := c.resolveIndex(ctx, patterns)
	if err == nil {
		return []resolveAnswer{one}, nil
	}
	if !absent(err) {
		return nil, err
	}
	var answers []resolveAnswer
	for i, p := range patterns {
		if len(patterns) == 1 || isExclusion(p) {
			continue
		}
		alone := append([]string{p}, slices.DeleteFunc(slices.Clone(patterns[i+1:]), func(p string) bool {
			return !isExclusion(p)
		})...)
		one, err := c.resolveIndex(ctx, alone)
		if err != nil && !absent(err) {
			return nil, err
		}
		if err != nil && len(alone) > 1 {
			if err := c.wrongExclusion(ctx, alone); err != nil {
				return nil, err
			}
		}
		answers = append(answers, one)
	}
	return answers, nil
}

// errExclusion is wrapped by the error about an exclusion that Elasticsearch rejects.
var errExclusion = errors.New("the exclusion")

// wrongExclusion returns the error about the first exclusion without which the patterns before it are accepted.
func (c *Client) wrongExclusion(ctx context.Context, patterns []string) error {
	for i := 1; i < len(patterns); i++ {
		_, before := c.resolveIndex(ctx, patterns[:i])
		if before != nil {
			return nil //nolint:nilerr // it is not an exclusion that is rejected
		}
		if _, err := c.resolveIndex(ctx, patterns[:i+1]); err != nil {
			return fmt.Errorf("%w %s: %w", errExclusion, patterns[i], err)
		}
	}
	return nil
}

// absent reports whether an error means that an index or a remote cluster does not exist. About a cluster, the holder of an
// API key is answered with 403.
func absent(err error) bool { return notFound(err) || hasType(err, noSuchCluster) }

func (c *Client) resolveIndex(ctx context.Context, names []string) (resolveAnswer, error) {
	yes := true
	return call[resolveAnswer](ctx, c, "resolve ["+shown(names)+"]", func() esapi.Request {
		return esapi.IndicesResolveIndexRequest{
			Name: escape(names), ExpandWildcards: "open,closed", IgnoreUnavailable: &yes, AllowNoIndices: &yes,
		}
	})
}

// take adds an answer. An alias is open if one of its indices is open, which is not known yet.
func (f *places) take(a resolveAnswer, aliases map[string][]string) {
	for _, index := range a.Indices {
		closed := slices.Contains(index.Attributes, "closed")
		f.byName[index.Name] = place{
			open: !closed, closed: closed, hidden: slices.Contains(index.Attributes, "hidden"), stream: index.DataStream,
		}
	}
	for _, stream := range a.DataStreams {
		f.byName[stream.Name] = place{open: true, behind: stream.Backing}
	}
	for _, alias := range a.Aliases {
		aliases[alias.Name] = alias.Indices
	}
}

// resolveAliases finds the aliases with an open index. An index that is not listed may be open: a user who
// may read an alias need not be allowed to see its indices.
func (c *Client) resolveAliases(ctx context.Context, found *places, aliases map[string][]string) error {
	var unknown []string
	for _, members := range aliases {
		for _, m := range members {
			if _, ok := found.byName[m]; !ok && !slices.Contains(unknown, m) {
				unknown = append(unknown, m)
			}
		}
	}
	slices.Sort(unknown)
	for _, part := range chunks(unknown, maxPath) {
		a, err := c.resolveIndex(ctx, part)
		if err != nil {
			return err
		}
		members := &places{byName: map[string]place{}}
		members.take(a, map[string][]string{})
		for name, p := range members.byName {
			p.member = true
			found.byName[name] = p
		}
	}
	for alias, members := range aliases {
		open := slices.ContainsFunc(members, func(m string) bool {
			one, shown := found.byName[m]
			return one.open || !shown && !c.known.closed(m)
		})
		found.byName[alias] = place{open: open, behind: members}
	}
	return nil
}

// names returns the open places that patterns match, or the closed indices.
func (f *places) names(open bool) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(f.byName)) {
		if p := f.byName[name]; open && p.open && !p.member || !open && p.closed {
			out = append(out, name)
		}
	}
	return out
}

// missing returns the patterns that match no open place.
func (f *places) missing(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		if !isExclusion(p) && len(f.of(p)) == 0 {
			out = append(out, p)
		}
	}
	return out
}

// of returns the open places that a pattern matches.
func (f *places) of(pattern string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(f.byName)) {
		p := f.byName[name]
		reachable := !p.hidden || pattern == name || pattern[0] == '.' && name[0] == '.'
		if p.open && !p.member && reachable && glob(pattern, name) {
			out = append(out, name)
		}
	}
	return out
}

// behind returns the places and the indices behind them.
func (f *places) behind(names []string) []string {
	out := slices.Clone(names)
	for _, name := range names {
		out = append(out, f.byName[name].behind...)
	}
	return out
}

// partial joins the reasons why a part could not be read into a failure of kind Partial; nil without reasons.
func partial(op string, reasons []string) error {
	if len(reasons) == 0 {
		return nil
	}
	return &failure.Error{Kind: failure.Partial, Op: op, Reason: bounded(strings.Join(reasons, "; "))}
}
