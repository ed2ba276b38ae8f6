package elastic

import (
	"context"
	"net/http"

	"tocsin/internal/diag/failure"
)

// readable fails if the user may not read the alias. It is asked when nothing was found: to a user without the privilege,
// Elasticsearch answers a search of the alias as one of no indices, and an alert that is there would be made again.
func (a *Alerts) readable(ctx context.Context) error {
	may, err := a.client.rights.of(ctx, a.client, []string{a.alias})
	if err != nil {
		return err
	}
	if !may(a.alias) {
		return &failure.Error{Kind: failure.Refused, Op: "read [" + a.alias + "]", Status: http.StatusForbidden, Reason: "the user has no right to read it"}
	}
	return nil
}
