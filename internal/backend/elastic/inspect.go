package elastic

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tocsin/internal/diag/failure"
)

// Identity is who the cluster takes the client for.
type Identity struct {
	User string
	// Key is the name of an API key; "" for a user. Expires is zero if it does not, or if that is not known.
	Key     string
	Expires time.Time
}

// Identify returns who the client is; guarded is false in a cluster without security.
func (c *Client) Identify(ctx context.Context) (who Identity, guarded bool, err error) {
	type answer struct {
		User string `json:"username"`
		Key  struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"api_key"`
	}
	a, err := send[answer](ctx, c, Request{Method: http.MethodGet, Path: "/_security/_authenticate"})
	switch {
	case noEndpoint(err):
		return who, false, nil
	case err != nil:
		return who, true, err
	}
	who = Identity{User: a.User, Key: a.Key.Name}
	if a.Key.ID == "" {
		return who, true, nil
	}
	type keys struct {
		Keys []struct {
			Expiration int64 `json:"expiration"`
		} `json:"api_keys"`
	}
	k, err := send[keys](ctx, c, Request{Method: http.MethodGet, Path: "/_security/api_key?id=" + url.QueryEscape(a.Key.ID)})
	if err == nil && len(k.Keys) == 1 && k.Keys[0].Expiration > 0 {
		who.Expires = time.UnixMilli(k.Keys[0].Expiration).UTC()
	}
	if notAllowed(err) || notFound(err) { // a key may see itself in newer versions only
		err = nil
	}
	return who, true, err
}

// TemplateState is what is there of a template of Tocsin.
type TemplateState struct {
	Name string
	// Missing: there is none; Foreign: it is not Tocsin's; Version is that of a template of Tocsin.
	Missing, Foreign bool
	Version          int
}

// Current reports whether Install leaves the template as it is.
func (t TemplateState) Current() bool { return !t.Missing && t.Version >= templateVersion }

// TemplateStates returns the states of the alias's templates.
func (a *Alerts) TemplateStates(ctx context.Context) ([]TemplateState, error) {
	if a.ofKibana { // they are Kibana's
		return nil, nil
	}
	var out []TemplateState
	for _, t := range a.templates() {
		have, err := a.client.template(ctx, t)
		s := TemplateState{Name: t.op}
		switch {
		case notFound(err):
			s.Missing = true
		case err != nil:
			return out, err
		default:
			s.Version = have.version()
			s.Foreign = s.Version == 0
		}
		out = append(out, s)
	}
	return out, nil
}

// Installed reports whether the alias has its write index. About that of a Kibana, an error says what is wrong with it.
func (a *Alerts) Installed(ctx context.Context) (bool, error) {
	if a.ofKibana {
		err := a.checkKibana(ctx)
		return err == nil, err
	}
	return a.aliasExists(ctx)
}

// Installed reports whether the index exists.
func (l *Ledger) Installed(ctx context.Context) (bool, error) { return l.client.exists(ctx, l.index) }

// Installed reports whether the index exists.
func (l *Leases) Installed(ctx context.Context) (bool, error) { return l.client.exists(ctx, l.index) }

// Installed reports whether the index exists.
func (o *Outbox) Installed(ctx context.Context) (bool, error) { return o.client.exists(ctx, o.index) }

// Installed reports whether the index exists.
func (t *Tables) Installed(ctx context.Context) (bool, error) { return t.client.exists(ctx, t.index) }

// exists reports whether an index exists. A user who may only read it is told, too.
func (c *Client) exists(ctx context.Context, index string) (bool, error) {
	found, err := c.describe(ctx, index)
	if notAllowed(err) && c.canRead(ctx, index) {
		return true, nil
	}
	return len(found) > 0, err
}

// Block is why a cluster, or an index, does not take requests.
type Block struct {
	// Index is "" for a block of the whole cluster.
	Index string
	// Why is the cluster's description. Writes and Reads: such requests are refused.
	Why           string
	Writes, Reads bool
}

// Blocks returns the blocks of the cluster, and of indices by name. It needs the privilege monitor.
func (c *Client) Blocks(ctx context.Context) ([]Block, error) {
	type block struct {
		Description string   `json:"description"`
		Levels      []string `json:"levels"`
	}
	type answer struct {
		Blocks struct {
			Global  map[string]block            `json:"global"`
			Indices map[string]map[string]block `json:"indices"`
		} `json:"blocks"`
	}
	a, err := send[answer](ctx, c, Request{Method: http.MethodGet, Path: "/_cluster/state/blocks"})
	if err != nil {
		return nil, err
	}
	var out []Block
	add := func(index string, of map[string]block) {
		for _, id := range slices.Sorted(maps.Keys(of)) {
			b := of[id]
			out = append(out, Block{index, bounded(b.Description), slices.Contains(b.Levels, "write"), slices.Contains(b.Levels, "read")})
		}
	}
	add("", a.Blocks.Global)
	for _, index := range slices.Sorted(maps.Keys(a.Blocks.Indices)) {
		add(index, a.Blocks.Indices[index])
	}
	return out, nil
}

// Disk is the room on a node.
type Disk struct {
	Node        string
	Total, Free int64
}

// Used returns the share of the disk that is used.
func (d Disk) Used() float64 {
	if d.Total <= 0 {
		return 0
	}
	return 1 - float64(d.Free)/float64(d.Total)
}

// Disks returns the room on the nodes that keep data. It needs the privilege monitor.
func (c *Client) Disks(ctx context.Context) ([]Disk, error) {
	type answer struct {
		Nodes map[string]struct {
			Name  string   `json:"name"`
			Roles []string `json:"roles"`
			FS    struct {
				Total struct {
					Total     int64 `json:"total_in_bytes"`
					Available int64 `json:"available_in_bytes"`
				} `json:"total"`
			} `json:"fs"`
		} `json:"nodes"`
	}
	a, err := send[answer](ctx, c, Request{Method: http.MethodGet, Path: "/_nodes/stats/fs?filter_path=nodes.*.name,nodes.*.roles,nodes.*.fs.total"})
	var out []Disk
	for _, id := range slices.Sorted(maps.Keys(a.Nodes)) {
		n := a.Nodes[id]
		if slices.ContainsFunc(n.Roles, func(role string) bool { return role == "data" || role == "data_content" || role == "data_hot" }) {
			out = append(out, Disk{n.Name, n.FS.Total.Total, n.FS.Total.Available})
		}
	}
	return out, err
}

// DiskWatched reports whether the cluster makes indices read-only when a disk is full. It needs the privilege monitor.
func (c *Client) DiskWatched(ctx context.Context) (bool, error) {
	const name = "cluster.routing.allocation.disk.threshold_enabled"
	a, err := send[map[string]map[string]string](ctx, c, Request{Method: http.MethodGet, Path: "/_cluster/settings?include_defaults=true&flat_settings=true&filter_path=*." + name})
	for _, group := range []string{"transient", "persistent", "defaults"} {
		if value, set := a[group][name]; set {
			return value != "false", err
		}
	}
	return true, err
}

// Health returns the cluster's status, and what it is busy with; "" if it is not.
func (c *Client) Health(ctx context.Context) (status, busy string, err error) {
	type answer struct {
		Status string `json:"status"`
	}
	a, err := send[answer](ctx, c, Request{Method: http.MethodGet, Path: "/_cluster/health"})
	if err != nil {
		return "", "", err
	}
	busy, err = c.busy(ctx)
	return a.Status, busy, err
}

// RemoteState says why the clusters of a pattern such as eu:logs-* cannot be searched; "" if they can.
func (c *Client) RemoteState(ctx context.Context, pattern string) (string, error) {
	u, err := c.remoteState(ctx, pattern, true)
	return u.Reason, err
}

// Forbids reports whether an error is a missing privilege, or another refusal of who asks.
func Forbids(err error) bool {
	e, ok := errors.AsType[*failure.Error](err)
	return ok && (e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized)
}
