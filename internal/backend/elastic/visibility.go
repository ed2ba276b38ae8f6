package elastic

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/search"
)

// visibility finds the parts of patterns that cannot be read, for lack of a privilege or because of a remote
// cluster.
type visibility struct {
	client   *Client
	patterns []string
	found    *places
	missing  []string

	// read are the readable places, partly the patterns that can be read in part.
	read   []string
	partly []search.Unread
	basis  basis
}

// streamPrefix is the prefix of the backing indices of data streams.
const streamPrefix = ".ds-"

// local reports whether the privileges on a pattern can be checked.
func local(pattern string) bool {
	return !remote(pattern) && !isExclusion(pattern) && !strings.Contains(pattern, "<")
}

// forbidden returns the patterns of which nothing may be read, even if they match nothing, and, with
// WholePatterns, the patterns of which a part may not be read.
func (o *visibility) forbidden(ctx context.Context) ([]search.Unread, error) {
	asked := slices.DeleteFunc(slices.Clone(o.patterns), func(p string) bool { return !local(p) })
	whole, err := o.grants(ctx, asked, func(p string) string { return strings.TrimPrefix(p, streamPrefix) })
	if err != nil {
		return nil, err
	}
	var parts []string
	for _, p := range asked {
		if whole(p) == "" {
			parts = append(parts, o.found.of(p)...)
		}
	}
	part, err := o.grants(ctx, parts, func(name string) string { return o.found.byName[name].stream })
	if err != nil {
		return nil, err
	}
	var out []search.Unread
	for _, p := range asked {
		if grant := whole(p); grant != "" {
			o.basis.rights = append(o.basis.rights, grant)
			o.read = append(o.read, o.found.of(p)...)
			continue
		}
		if u := o.part(ctx, p, part); u.Why != "" {
			out = append(out, u)
		}
	}
	return out, nil
}

// part returns the unreadable part of a pattern that may not be read as a whole, place by place.
func (o *visibility) part(ctx context.Context, pattern string, grant func(string) string) search.Unread {
	o.basis.partly = true
	var names []string
	for _, name := range o.found.of(pattern) {
		if right := grant(name); right != "" {
			names = append(names, name)
			o.basis.rights = append(o.basis.rights, right)
		}
	}
	o.read = append(o.read, names...)
	if len(names) == 0 {
		return search.Unread{Name: pattern, Why: failure.Forbidden, Reason: "the user has no right to read it"}
	}
	unseen, known := o.unseen(ctx, pattern, names)
	if known && unseen == "" {
		return search.Unread{} // what may not be read is excluded, or is not there now
	}
	part := search.Unread{Name: pattern, Why: failure.Forbidden, Reason: "the user may read only a part of it"}
	if unseen != "" {
		part.Reason += ", not " + unseen
	}
	if o.client.wholePatterns {
		return part
	}
	o.partly = append(o.partly, part)
	if o.client.seen.firstPart(pattern) {
		o.client.log.WarnContext(ctx, "the user may read only a part of an index pattern: rules run over that part", "pattern", pattern, "unread", unseen)
	}
	return search.Unread{}
}

// grants checks the privileges on names. The returned function returns the name that grants the privilege, ""
// if there is none: the privilege on a data stream includes its backing indices, although Elasticsearch does
// not report them.
func (o *visibility) grants(ctx context.Context, names []string, streamOf func(string) string) (func(string) string, error) {
	streams := map[string]string{}
	ask := slices.Clone(names)
	for _, name := range names {
		if stream := streamOf(name); stream != "" && strings.HasPrefix(name, streamPrefix) {
			streams[name] = stream
			ask = append(ask, stream)
		}
	}
	may, err := o.client.rights.of(ctx, o.client, ask)
	return func(name string) string {
		switch stream := streams[name]; {
		case may(name):
			return name
		case stream != "" && may(stream):
			return stream
		}
		return ""
	}, err
}

// unseen names the indices of a pattern that may not be read; false if the cluster state, which has the others, is not known.
func (o *visibility) unseen(ctx context.Context, pattern string, read []string) (names string, known bool) {
	if err := o.client.known.begin(ctx, o.client); err != nil {
		return "", false
	}
	beside := o.client.known.beside(pattern, o.found.behind(read))
	beside = slices.DeleteFunc(beside, func(name string) bool {
		return slices.ContainsFunc(o.patterns, func(p string) bool { return isExclusion(p) && glob(p[1:], name) })
	})
	return some(beside), true
}

// remote returns the patterns of remote clusters that are unavailable, forbidden or unknown.
func (o *visibility) remote(ctx context.Context) ([]search.Unread, error) {
	var out []search.Unread
	for _, p := range o.patterns {
		if !remote(p) || isExclusion(p) {
			continue
		}
		names := o.found.of(p)
		var clusters []string
		for _, name := range names {
			cluster, _, _ := strings.Cut(name, ":")
			clusters = append(clusters, cluster)
		}
		slices.Sort(clusters)
		o.client.seen.reach(p, slices.Compact(clusters))
		o.read = append(o.read, names...)
		cluster, _, _ := strings.Cut(p, ":")
		u := search.Unread{Name: p}
		if len(names) == 0 || strings.Contains(cluster, "*") {
			var err error
			if u, err = o.client.remoteState(ctx, p, len(names) == 0); err != nil {
				return nil, err
			}
		}
		if u.Why == "" {
			o.basis.remotes = append(o.basis.remotes, p)
			continue
		}
		o.basis.partly = true
		out = append(out, u)
	}
	return out, nil
}

// before returns the places that were readable before, still exist, and cannot be read now, unless known has
// them already.
func (o *visibility) before(ctx context.Context, known []search.Unread) ([]search.Unread, error) {
	var out []search.Unread
	var gone, suspects []string
	closed := o.found.names(false)
	for _, name := range o.client.seen.readBefore(o.patterns) {
		told := slices.ContainsFunc(known, func(u search.Unread) bool { return glob(u.Name, name) })
		if !slices.Contains(o.read, name) && !slices.Contains(closed, name) && !told {
			suspects = append(suspects, name)
		}
	}
	may, err := o.client.rights.of(ctx, o.client, slices.DeleteFunc(slices.Clone(suspects), remote))
	if err != nil {
		return nil, err
	}
	for _, name := range suspects {
		u := search.Unread{Name: name}
		switch {
		case remote(name):
			if u, err = o.client.remoteState(ctx, name, false); err != nil {
				return nil, err
			}
		case !may(name):
			u.Why, u.Reason = failure.Forbidden, "the user has no right to read it any more"
		}
		if u.Why == "" {
			gone = append(gone, name)
		} else {
			o.basis.partly = true
			out = append(out, u)
		}
	}
	o.client.seen.saw(o.patterns, o.read, gone)
	return out, nil
}

func remote(name string) bool { return strings.Contains(name, ":") }

// remoteState says why a pattern of remote clusters cannot be read; without a reason, it can. vacant: the
// pattern matches nothing, perhaps for lack of a privilege. Then a name that it would match is tried, as
// privileges on a remote cluster cannot be checked.
func (c *Client) remoteState(ctx context.Context, pattern string, vacant bool) (search.Unread, error) {
	a, err := c.resolveCluster(ctx, pattern)
	u := search.Unread{Name: pattern}
	if u.Why, u.Reason = a.unread(); err != nil || u.Why != "" || !vacant || !strings.Contains(pattern, "*") {
		return u, err
	}
	_, name, _ := strings.Cut(pattern, ":")
	for _, cluster := range slices.Sorted(maps.Keys(a)) {
		one, err := c.resolveCluster(ctx, cluster+":"+strings.ReplaceAll(name, "*", "0"))
		if err != nil {
			return u, err
		}
		if u.Why, u.Reason = one.unread(); u.Why != "" {
			break
		}
	}
	return u, nil
}

// clusterAnswer is the answer of _resolve/cluster, by cluster.
type clusterAnswer map[string]clusterState

type clusterState struct {
	Connected bool   `json:"connected"`
	Error     string `json:"error"`
}

// resolveCluster reads the state of the clusters of a pattern. An unknown cluster has an error.
func (c *Client) resolveCluster(ctx context.Context, pattern string) (clusterAnswer, error) {
	a, err := call[clusterAnswer](ctx, c, "resolve the clusters of ["+pattern+"]", func() esapi.Request {
		return esapi.IndicesResolveClusterRequest{Name: escape([]string{pattern})}
	})
	unknown := absent(err) || failure.KindOf(err) == failure.Rejected && err != nil
	if unknown || err == nil && len(a) == 0 {
		cluster, _, _ := strings.Cut(pattern, ":")
		return clusterAnswer{cluster: {Error: noSuchCluster}}, nil
	}
	return a, err
}

const noSuchCluster = "no_such_remote_cluster_exception"

// unread says why a pattern of remote clusters cannot be read as a whole; "" if it can.
func (a clusterAnswer) unread() (failure.Unread, string) {
	for _, name := range slices.Sorted(maps.Keys(a)) {
		switch one := a[name]; {
		case one.Error == noSuchCluster:
			return failure.Remote, "no remote cluster " + name + " is known"
		case strings.Contains(one.Error, "unauthorized"):
			return failure.Forbidden, "remote cluster " + name + ": " + bounded(one.Error)
		case one.Error != "" && !strings.Contains(one.Error, "index_not_found") && !strings.Contains(one.Error, "no such index"):
			return failure.Remote, "remote cluster " + name + ": " + bounded(one.Error)
		case !one.Connected && one.Error == "":
			return failure.Remote, "remote cluster " + name + " is not connected"
		}
	}
	return "", ""
}
