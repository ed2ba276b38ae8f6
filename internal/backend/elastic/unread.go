package elastic

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"tocsin/internal/diag/failure"
	"tocsin/internal/scheduler/window"
	"tocsin/internal/search"
)

// ClosedPolicy says whether a closed index makes windows incomplete.
type ClosedPolicy string

// The policies. By default a closed index that a rule names makes every window incomplete, and a closed index
// that a wildcard matches only the windows of which it may hold events.
const (
	ClosedDefault ClosedPolicy = ""
	ClosedIgnore  ClosedPolicy = "ignore"
	ClosedUnread  ClosedPolicy = "unread"
)

// basis holds what the resolution of patterns depends on and the cluster state does not show.
type basis struct {
	// rights are the names that were readable, remotes the patterns of remote clusters that answered.
	rights, remotes []string
	// partly: something could not be read, which may change at any time.
	partly bool
}

// unread returns the parts of the patterns that cannot be read. It checks privileges to distinguish missing
// indices from indices that the user may not see.
func (c *Client) unread(ctx context.Context, patterns []string, found *places, missing []string) (unread, partly []search.Unread, on basis, err error) {
	closed, err := c.closedPlaces(ctx, patterns, found.names(false))
	if err != nil {
		return nil, nil, on, err
	}
	look := visibility{client: c, patterns: patterns, found: found, missing: missing}
	forbidden, err := look.forbidden(ctx)
	if err != nil {
		return nil, nil, on, err
	}
	remote, err := look.remote(ctx)
	if err != nil {
		return nil, nil, on, err
	}
	before, err := look.before(ctx, slices.Concat(closed, forbidden, remote))
	return slices.Concat(closed, forbidden, remote, before), look.partly, look.basis, err
}

// withoutUnread removes patterns that are known to be unreadable rather than missing.
func withoutUnread(missing []string, unread []search.Unread) []string {
	return slices.DeleteFunc(missing, func(pattern string) bool {
		return slices.ContainsFunc(unread, func(u search.Unread) bool { return u.Name == pattern })
	})
}

// closedPlaces returns the closed indices that may make some window incomplete.
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

// created returns when indices were created. An index that is gone has the zero time: it counts for all
// times.
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

// rightsAnswer is the answer of _security/user/_has_privileges.
type rightsAnswer struct {
	Index map[string]map[string]bool `json:"index"`
}

// askRights returns which of names and patterns the user may read. all: the cluster has no security.
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
		case noEndpoint(err):
			return nil, true, nil
		case err != nil:
			return nil, false, err
		}
		for _, name := range part {
			may, told := a.Index[name]["read"]
			if !told {
				return nil, false, &failure.Error{Kind: failure.Unavailable, Op: "rights to read [" + name + "]", Reason: "the answer does not list all of them"}
			}
			read[name] = may
		}
	}
	return read, false, nil
}

// noEndpoint reports whether the cluster does not know the endpoint: it has no security. Where a path with a placeholder fits, as
// _security/{...} of other methods, it names the methods that it knows.
func noEndpoint(err error) bool {
	return failure.KindOf(err) == failure.Rejected && err != nil && (strings.Contains(err.Error(), "no handler found") || strings.Contains(err.Error(), "Incorrect HTTP method"))
}

// maxRights is the number of names in one check of privileges.
const maxRights = 500
