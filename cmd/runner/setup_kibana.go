package main

import (
	"cmp"
	"fmt"
	"os"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	saved "tocsin/internal/kibana"
)

type setupKibanaCmd struct {
	Output string `help:"File to write. Default: standard output." placeholder:"FILE.ndjson" line:"only"`
	Title  string `help:"Title of the data view and the dashboard." placeholder:"TEXT" line:"only"`
}

// Run is the subcommand.
func (c *setupKibanaCmd) Run(a *app) error {
	o := saved.Options{Index: alert.IndexPrefix + a.global.Namespace, ID: alert.IndexPrefix + a.global.Namespace, Title: cmp.Or(c.Title, "Tocsin: alerts of "+a.global.Namespace)}
	if space, ok := a.global.AlertsTo.space(); ok {
		o = saved.Options{Index: elastic.KibanaIndex(space), Hidden: true, ID: "tocsin-kibana-alerts-" + space, Title: cmp.Or(c.Title, "Tocsin: alerts of space "+space)}
	} else if _, err := elastic.NewAlerts(nil, a.global.Namespace); err != nil {
		return usageError{err}
	}
	data, err := saved.Objects(o)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	if c.Output != "" {
		if err := os.WriteFile(c.Output, data, 0o600); err != nil {
			return usagef("output: %w", err)
		}
		return nil
	}
	_, err = fmt.Fprintf(a.out, "%s", data)
	return wrapWrite(err)
}
