package elastic

import (
	"context"
	"slices"
)

// Behind returns a role that has its privileges to read aliases also on the indices behind them, as they are now: Elasticsearch wants them for
// a point in time. What its patterns cover is not repeated.
func (c *Client) Behind(ctx context.Context, role Role) (Role, error) {
	out := role
	out.Indices = slices.Clone(role.Indices)
	covered := func(name string) bool {
		return slices.ContainsFunc(role.Indices, func(g Grant) bool {
			return slices.Contains(g.Privileges, "read") && slices.ContainsFunc(g.Names, func(p string) bool { return glob(p, name) })
		})
	}
	for _, g := range role.Indices {
		if slices.ContainsFunc(g.Privileges, func(p string) bool { return p != "read" && p != "view_index_metadata" }) {
			continue // Tocsin's own
		}
		var members []string
		for _, part := range patternChunks(g.Names, maxPath) {
			answers, err := c.resolvePart(ctx, part)
			if err != nil {
				return role, err
			}
			for _, a := range answers {
				for _, alias := range a.Aliases {
					members = append(members, alias.Indices...)
				}
			}
		}
		members = slices.DeleteFunc(members, covered)
		slices.Sort(members)
		if members = slices.Compact(members); len(members) > 0 {
			out.Indices = append(out.Indices, Grant{Names: members, Privileges: g.Privileges})
		}
	}
	return out, nil
}
