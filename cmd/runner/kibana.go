package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
)

// kibanaFlags say where alerts go and which Kibana shows them.
type kibanaFlags struct {
	AlertsTo      alertsTo      `name:"alerts" help:"Index of the alerts: own (tocsin-alerts-<namespace>), or kibana or kibana:SPACE for the index of Kibana's Security app, which Kibana must have made." placeholder:"own|kibana[:SPACE]" default:"own" group:"Kibana"`
	KibanaURL     kibanaURL     `name:"kibana-url" help:"URL of the Kibana that shows the alerts: alerts have a link to it, and its version. It gets the credentials of Elasticsearch." placeholder:"URL" group:"Kibana"`
	KibanaVersion kibanaVersion `name:"kibana-version" help:"Version of that Kibana, in alerts for it. By default Kibana is asked, or its index." placeholder:"VERSION" group:"Kibana"`
}

// alertsTo is the destination of alerts.
type alertsTo string

// kibanaDestination begins the values of --alerts that name a Kibana's index.
const kibanaDestination = "kibana"

// space returns the id of the space of a Kibana; false: alerts go to Tocsin's own index.
func (t alertsTo) space() (string, bool) {
	name, space, has := strings.Cut(string(t), ":")
	if name != kibanaDestination {
		return "", false
	}
	if !has {
		space = "default"
	}
	return space, true
}

// Validate implements kong's check of a flag.
func (t alertsTo) Validate() error {
	if t == "" || t == "own" {
		return nil
	}
	space, ok := t.space()
	if !ok {
		return fmt.Errorf("%q is not one of own, kibana, kibana:SPACE", string(t)) //nolint:err113 // for people
	}
	_, err := elastic.NewKibanaAlerts(nil, space)
	return err //nolint:wrapcheck // it names the space
}

// kibanaURL is the URL of a Kibana.
type kibanaURL string

// Validate implements kong's check of a flag.
func (u kibanaURL) Validate() error {
	at, err := url.Parse(string(u))
	if err != nil || u != "" && (at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.RawQuery != "" || at.Fragment != "" || at.User != nil) {
		return usagef("%q is not a URL such as https://kibana.example:5601", string(u))
	}
	return nil
}

// kibanaVersion is a version of Kibana.
type kibanaVersion string

// oldestKibana is the first major version that has the index of alerts.
const oldestKibana = 8

// Validate implements kong's check of a flag.
func (v kibanaVersion) Validate() error {
	if v == "" {
		return nil
	}
	parts := strings.SplitN(string(v), ".", 3)
	last, _, _ := strings.Cut(parts[len(parts)-1], "-")
	parts[len(parts)-1] = last
	major := 0
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || len(parts) != 3 {
			return fmt.Errorf("%q is not a version such as 8.19.0", string(v)) //nolint:err113 // for people
		}
		if i == 0 {
			major = n
		}
	}
	if major < oldestKibana {
		return fmt.Errorf("kibana %s is older than %d.0, the first with this index of alerts", string(v), oldestKibana) //nolint:err113 // for people
	}
	return nil
}

// alertIndex returns the index of the alerts.
func (a *app) alertIndex(client *elastic.Client) (*elastic.Alerts, error) {
	if space, ok := a.global.AlertsTo.space(); ok {
		return elastic.NewKibanaAlerts(client, space) //nolint:wrapcheck // it names the space
	}
	return elastic.NewAlerts(client, a.global.Namespace) //nolint:wrapcheck // it names the namespace
}

// errKibanaStore: the index of a Kibana is in Elasticsearch.
var errKibanaStore = errors.New("--alerts kibana needs --elasticsearch: the index of a Kibana is there")

// kibanaWithoutCluster reports whether the flags name the index of a Kibana, and a store.
func (a *app) kibanaWithoutCluster() bool {
	_, ok := a.global.AlertsTo.space()
	return ok && len(a.global.Elasticsearch) == 0
}

// alertOptions returns how alerts are made.
func (a *app) alertOptions(b *backend) alert.Options {
	o := alert.Options{IdentityField: a.global.IdentityField, Kibana: b.kibana}
	if space, ok := a.global.AlertsTo.space(); ok {
		o.Space = space
	}
	return o
}

// meetKibana finds out what alerts say of the Kibana in whose index they are.
func (a *app) meetKibana(ctx context.Context, b *backend, alerts *elastic.Alerts) error {
	space, ok := a.global.AlertsTo.space()
	if !ok || alerts.Alias() != elastic.KibanaIndex(space) {
		return nil
	}
	version := string(a.global.KibanaVersion)
	if version == "" && a.global.KibanaURL != "" {
		asked, err := a.askKibanaVersion(ctx)
		if err != nil {
			a.global.log.Warn("Kibana does not tell its version: that of its index is used", "error", err)
		}
		version = asked
	}
	if version == "" {
		of, err := alerts.KibanaVersion(ctx)
		if err != nil {
			return fmt.Errorf("the version of Kibana: %w", connection(err))
		}
		version = of
	}
	if err := kibanaVersion(version).Validate(); err != nil {
		return usagef("the version of Kibana: %w (set --kibana-version)", err)
	}
	b.kibana = &alert.Kibana{Version: version, URL: string(a.global.KibanaURL)}
	return nil
}

// kibanaPatience is how long a start waits for the version of a Kibana.
const kibanaPatience = 10 * time.Second

// askKibanaVersion asks a Kibana for its version.
func (a *app) askKibanaVersion(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, kibanaPatience)
	defer cancel()
	k, err := a.openKibana(string(a.global.KibanaURL), "")
	if err != nil {
		return "", err
	}
	data, err := k.ask(ctx, http.MethodGet, nil, "api", "status")
	if err != nil {
		return "", err
	}
	return versionOf(data)
}

var errNoVersion = errors.New("its status has no version: the credentials may not be those of a user of Kibana")

// versionOf returns the version in the status of a Kibana.
func versionOf(status []byte) (string, error) {
	var answer struct {
		Version struct {
			Number   string `json:"number"`
			Snapshot bool   `json:"build_snapshot"`
		} `json:"version"`
	}
	if err := json.Unmarshal(status, &answer); err != nil {
		return "", fmt.Errorf("read the status: %w", err)
	}
	number, _, _ := strings.Cut(answer.Version.Number, "-")
	if number == "" {
		return "", errNoVersion
	}
	return number, nil
}
