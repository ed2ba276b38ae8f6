package elastic

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/failure"
	"tocsin/internal/search"
	"tocsin/internal/window"
)

// ClosedPolicy says what becomes of windows beside a closed index.
type ClosedPolicy string

// The policies. By default an index that a rule names is missed by every window, and one that a wildcard
// meets by those of which it may hold events.
const (
	ClosedDefault ClosedPolicy = ""
	ClosedIgnore  ClosedPolicy = "ignore"
	ClosedUnread  ClosedPolicy = "unread"
)

// unread finds what patterns mean and what cannot be read of it. What Elasticsearch does not show to who
// may not read it is told from what is not there by asking for the rights.
func (c *Client) unread(ctx context.Context, patterns []string, found *places, missing []string) ([]search.Unread, error) {
	out, err := c.closedPlaces(ctx, patterns, found.names(false))
	if err != nil {
		return nil, err
	}
	forbidden, err := c.forbiddenPlaces(ctx, patterns, found, missing)
	if err != nil {
		return nil, err
	}
	remote, err := c.remotePlaces(ctx, missing)
	return slices.Concat(out, forbidden, remote), err
}

// withoutUnread takes the patterns away that are known not to be missing.
func withoutUnread(missing []string, unread []search.Unread) []string {
	return slices.DeleteFunc(missing, func(pattern string) bool {
		return slices.ContainsFunc(unread, func(u search.Unread) bool { return u.Name == pattern })
	})
}

// closedPlaces are the closed indices that some window may miss.
func (c *Client) closedPlaces(ctx context.Context, patterns, closed []string) ([]search.Unread, error) {
	if len(closed) == 0 || c.closedPolicy == ClosedIgnore {
		return nil, nil
	}
	var out []search.Unread
	var met []string
	for _, name := range closed {
		if c.closedPolicy == ClosedUnread || slices.Contains(patterns, name) {
			out = append(out, search.Unread{Name: name, Why: failure.Closed, Reason: "the index is closed"})
		} else {
			met = append(met, name)
		}
	}
	created, err := c.created(ctx, met)
	for _, name := range met {
		out = append(out, search.Unread{
			Name: name, Why: failure.Closed, Reason: "the index is closed, and may hold events of the window",
			Holds: window.Window{From: created[name], To: c.seen.closedSince(name)},
		})
	}
	return out, err
}

// created is when indices were made. One that is gone by now is the zero time: it counts from ever on.
func (c *Client) created(ctx context.Context, names []string) (map[string]time.Time, error) {
	type answer map[string]struct {
		Settings struct {
			Created string `json:"index.creation_date"`
		} `json:"settings"`
	}
	out := map[string]time.Time{}
	yes := true
	for _, part := range chunks(names, maxPath) {
		a, err := call[answer](ctx, c, "settings ["+shown(part)+"]", func() esapi.Request {
			return esapi.IndicesGetSettingsRequest{
				Index: escape(part), Name: []string{"index.creation_date"}, FlatSettings: &yes, IgnoreUnavailable: &yes, ExpandWildcards: "all",
			}
		})
		if err != nil && !notAllowed(err) {
			return nil, err
		}
		for name, one := range a {
			if ms, err := strconv.ParseInt(one.Settings.Created, 10, 64); err == nil {
				out[name] = time.UnixMilli(ms).UTC()
			}
		}
	}
	return out, nil
}

// forbiddenPlaces are patterns that find nothing because the user may not read what they mean, and indices
// that were found before and that the user may not read any more.
func (c *Client) forbiddenPlaces(ctx context.Context, patterns []string, found *places, missing []string) ([]search.Unread, error) {
	var suspects []string
	for _, p := range missing {
		if !remote(p) {
			suspects = append(suspects, p)
		}
	}
	open := slices.DeleteFunc(found.names(true), remote)
	suspects = append(suspects, c.seen.vanished(patterns, open, found.names(false))...)
	asked := slices.DeleteFunc(slices.Clone(patterns), func(p string) bool { return remote(p) || isExclusion(p) || strings.Contains(p, "<") })
	may, err := c.rights.of(ctx, c, slices.Concat(suspects, open, asked))
	if err != nil {
		return nil, err
	}
	var out []search.Unread
	for _, p := range asked {
		switch {
		case may(p) || slices.Contains(suspects, p):
		case c.wholePatterns:
			out = append(out, search.Unread{Name: p, Why: failure.Forbidden, Reason: "the user may read a part of it only"})
		case c.seen.firstPart(p):
			c.log.WarnContext(ctx, "the user may read a part of an index pattern only: rules are run over that part", "pattern", p)
		}
	}
	for _, name := range suspects {
		if !may(name) {
			out = append(out, search.Unread{Name: name, Why: failure.Forbidden, Reason: "the user has no right to read it"})
		} else {
			c.seen.gone(patterns, name)
		}
	}
	return out, nil
}

func remote(name string) bool { return strings.Contains(name, ":") }

// remotePlaces are patterns of remote clusters that find nothing because the cluster is not there.
func (c *Client) remotePlaces(ctx context.Context, missing []string) ([]search.Unread, error) {
	var out []search.Unread
	for _, p := range missing {
		if !remote(p) {
			continue
		}
		reason, err := c.remoteReason(ctx, p)
		if err != nil {
			return nil, err
		}
		if reason != "" {
			out = append(out, search.Unread{Name: p, Why: failure.Remote, Reason: reason})
		}
	}
	return out, nil
}

// remoteReason says why a pattern of a remote cluster finds nothing; "" when the cluster says that there is
// nothing.
func (c *Client) remoteReason(ctx context.Context, pattern string) (string, error) {
	type answer map[string]struct {
		Connected bool   `json:"connected"`
		Error     string `json:"error"`
	}
	a, err := call[answer](ctx, c, "resolve the clusters of ["+pattern+"]", func() esapi.Request {
		return esapi.IndicesResolveClusterRequest{Name: escape([]string{pattern})}
	})
	cluster, _, _ := strings.Cut(pattern, ":")
	switch {
	case notFound(err), failure.KindOf(err) == failure.Rejected && err != nil:
		return "no remote cluster " + cluster + " is known", nil //nolint:nilerr // that is what the error says
	case err != nil:
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		switch one := a[name]; {
		case one.Error != "" && !strings.Contains(one.Error, "index_not_found") && !strings.Contains(one.Error, "no such index"):
			return "remote cluster " + name + ": " + bounded(one.Error), nil
		case !one.Connected && one.Error == "":
			return "remote cluster " + name + " is not connected", nil
		}
	}
	if len(a) == 0 {
		return "no remote cluster " + cluster + " is known", nil
	}
	return "", nil
}

// rightsAnswer is the answer of _security/user/_has_privileges.
type rightsAnswer struct {
	Index map[string]map[string]bool `json:"index"`
}

// askRights asks which of names and patterns the user may read. all: there is no security.
func (c *Client) askRights(ctx context.Context, names []string) (read map[string]bool, all bool, err error) {
	read = map[string]bool{}
	for part := range slices.Chunk(names, maxRights) {
		body, err := json.Marshal(map[string]any{"index": []any{map[string]any{"names": part, "privileges": []string{"read"}}}})
		if err != nil {
			return nil, false, err //nolint:wrapcheck // strings are marshalled
		}
		a, err := call[rightsAnswer](ctx, c, "rights to read ["+shown(part)+"]", func() esapi.Request {
			return esapi.SecurityHasPrivilegesRequest{Body: strings.NewReader(string(body))}
		})
		switch {
		case failure.KindOf(err) == failure.Rejected && err != nil: // no such endpoint
			return nil, true, nil
		case err != nil:
			return nil, false, err
		}
		for _, name := range part {
			may, told := a.Index[name]["read"]
			if !told {
				return nil, false, &failure.Error{Kind: failure.Unavailable, Op: "rights to read [" + name + "]", Reason: "the answer does not tell of them"}
			}
			read[name] = may
		}
	}
	return read, false, nil
}

// maxRights is the number of names in one question for rights.
const maxRights = 500
