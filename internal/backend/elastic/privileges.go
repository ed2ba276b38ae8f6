package elastic

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"tocsin/internal/diag/failure"
)

// Lack is a privilege that the user does not have.
type Lack struct {
	// Index is the index or pattern; "" for a privilege on the cluster.
	Index string `json:"index,omitempty"`
	// Privilege is its name in a role.
	Privilege string `json:"privilege"`
}

// String names the privilege and its place.
func (l Lack) String() string {
	if l.Index == "" {
		return "cluster privilege " + l.Privilege
	}
	return l.Privilege + " on " + l.Index
}

// Lacking returns the privileges of a role that the user does not have, those on the cluster first. A cluster without
// security lacks nothing: guarded is false. Privileges on remote clusters cannot be checked.
func (c *Client) Lacking(ctx context.Context, role Role) (lacks []Lack, guarded bool, err error) {
	type answer struct {
		Cluster map[string]bool            `json:"cluster"`
		Index   map[string]map[string]bool `json:"index"`
	}
	asked := false
	for part := range slices.Chunk(chunkedGrants(role.Indices), maxRights) {
		body := map[string]any{"index": part}
		if !asked {
			body["cluster"] = role.Cluster
		}
		a, err := send[answer](ctx, c, Request{Method: http.MethodPost, Path: "/_security/user/_has_privileges", Body: body})
		switch {
		case noEndpoint(err):
			return nil, false, nil
		case err != nil:
			return nil, true, err
		}
		var lost error
		told := func(l Lack, may, known bool) {
			switch {
			case !known:
				lost = &failure.Error{Kind: failure.Unavailable, Op: "check " + l.String(), Reason: "the answer does not say whether the user has it"}
			case !may:
				lacks = append(lacks, l)
			}
		}
		for _, privilege := range role.Cluster {
			if may, known := a.Cluster[privilege]; !asked {
				told(Lack{Privilege: privilege}, may, known)
			}
		}
		asked = true
		for _, g := range part {
			for _, name := range g.Names {
				for _, privilege := range g.Privileges {
					may, known := a.Index[name][privilege]
					told(Lack{name, privilege}, may, known)
				}
			}
		}
		if lost != nil {
			return nil, true, lost
		}
	}
	slices.SortStableFunc(lacks, func(a, b Lack) int { return cmp.Compare(a.Index, b.Index) })
	return slices.Compact(lacks), true, nil
}

// chunkedGrants returns the grants with one name each.
func chunkedGrants(grants []Grant) []Grant {
	var out []Grant
	for _, g := range grants {
		for _, name := range g.Names {
			out = append(out, Grant{[]string{name}, g.Privileges})
		}
	}
	return out
}
