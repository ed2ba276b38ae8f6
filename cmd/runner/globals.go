package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"tocsin/cmd/runner/internal/logs"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/rule"
)

// globals are the flags that several subcommands share.
type globals struct {
	ShowVersion kong.VersionFlag `name:"version" help:"Print the version." line:"only"`

	Config string   `help:"Configuration file (TOML). Its keys are the names of the flags." placeholder:"runner.toml" group:"Global"`
	Rules  []string `help:"Rule files, Kibana exports and directories (default: the shipped rules)." placeholder:"PATH" sep:"none" group:"Global"`

	DataView []string `name:"data-view" help:"Index patterns of a Kibana data view that rules refer to, as ID=PATTERN,PATTERN. Repeat for each data view." placeholder:"ID=PATTERNS" sep:"none" group:"Global"`

	FieldMap    []string   `name:"field-map" help:"Field maps (TOML) for searches in SPL and rules of Sigma. They override the shipped field maps." placeholder:"FILE" sep:"none" group:"Splunk"`
	SplunkIndex string     `name:"splunk-index" help:"Index patterns of events that keep Splunk's field names." placeholder:"PATTERNS" default:"logs-*,splunk-*" group:"Splunk"`
	GeoIP       string     `name:"geoip" help:"GeoIP database in MaxMind format, for the SPL command iplocation." placeholder:"FILE" group:"Splunk"`
	SplunkURL   splunkURL  `name:"splunk-url" help:"URL of a Splunk server, the start of the drilldown links in findings." placeholder:"URL" group:"Splunk"`
	OnlyEnabled bool       `name:"only-enabled" help:"Run only Splunk detections with enabled_by_default: true, as Splunk does." group:"Splunk"`
	Skew        percentage `help:"Spread the start of Splunk detections over this percentage of their period, as allow_skew does." placeholder:"PERCENT" default:"0" group:"Splunk"`

	SigmaIndex        string        `name:"sigma-index" help:"Index patterns of rules of Sigma whose log source no field map names, and of others beside the map's." placeholder:"PATTERNS" default:"logs-*" group:"Sigma"`
	SigmaPlaceholders []string      `name:"sigma-placeholders" help:"Files (TOML) with the values of placeholders in rules of Sigma: name = [\"value\"]." placeholder:"FILE" sep:"none" group:"Sigma"`
	SigmaSchedule     []string      `name:"sigma-schedule" help:"Files (TOML) with [[schedule]] tables: interval, from, to, max_signals and index of rules of Sigma without their own, by product, category, service or path." placeholder:"FILE" sep:"none" group:"Sigma"`
	SigmaUnmapped     string        `name:"sigma-unmapped" help:"Sigma rules whose log source no map names, and that are true of events without any of their fields: refuse or run." default:"refuse" enum:"refuse,run" group:"Sigma"`
	SigmaGrade        []string      `name:"sigma-grade" help:"Severity and risk score of a level of Sigma, as LEVEL=SEVERITY:SCORE. Repeat for each level; none is a rule without a level." placeholder:"LEVEL=SEVERITY:SCORE" sep:"none" group:"Sigma"`
	SigmaStatus       []string      `name:"sigma-status" help:"Statuses of the rules of Sigma that run; by default all but deprecated and unsupported." placeholder:"STATUS" group:"Sigma"`
	SigmaLevel        []string      `name:"sigma-level" help:"Levels of the rules of Sigma that run; by default all." placeholder:"LEVEL" group:"Sigma"`
	CorrelationMax    time.Duration `name:"correlation-max" help:"Longest timespan of a correlation of Sigma: the hits of so much time are kept." default:"168h" group:"Sigma"`

	Elasticsearch []string      `help:"Elasticsearch URLs." placeholder:"URL" group:"Elasticsearch" xor:"place,events,address"`
	CloudID       string        `name:"cloud-id" help:"Cloud id of a deployment in Elastic Cloud, instead of --elasticsearch." placeholder:"ID" group:"Elasticsearch" xor:"place,events,address"`
	Proxy         string        `help:"URL of the proxy to Elasticsearch (http, https or socks5), or none. Default: HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment." placeholder:"URL" group:"Elasticsearch"`
	Username      string        `help:"User for basic authentication; the password comes from TOCSIN_PASSWORD or --password-file." placeholder:"NAME" group:"Elasticsearch"`
	PasswordFile  string        `help:"File with the password." placeholder:"FILE" group:"Elasticsearch"`
	APIKeyFile    string        `name:"api-key-file" help:"File with an API key (encoded). Without it, the key comes from TOCSIN_API_KEY." placeholder:"FILE" group:"Elasticsearch"`
	BearerFile    string        `name:"bearer-token-file" help:"File with a bearer token. Without it, the token comes from TOCSIN_BEARER_TOKEN." placeholder:"FILE" group:"Elasticsearch"`
	ClientCert    string        `name:"client-cert" help:"Client certificate (PEM), with its key in --client-key. Both are read again for each connection." placeholder:"FILE" group:"Elasticsearch"`
	ClientKey     string        `name:"client-key" help:"Key of the client certificate (PEM)." placeholder:"FILE" group:"Elasticsearch"`
	CAFingerprint string        `name:"ca-fingerprint" help:"SHA-256 fingerprint of the certificate authority, instead of --ca-file." placeholder:"HEX" group:"Elasticsearch"`
	CAFile        string        `name:"ca-file" help:"Certificate authority that signed the servers' certificates (PEM)." placeholder:"FILE" group:"Elasticsearch"`
	Timeout       time.Duration `name:"request-timeout" help:"Timeout of one request to Elasticsearch." default:"30s" group:"Elasticsearch"`
	Closed        string        `help:"Whether a closed index leaves a window unread: ignore (never) or unread (always). Default: when the rule names the index, or when a wildcard matches it and it may hold events of the window." default:"" enum:",ignore,unread" group:"Elasticsearch"`
	WholePatterns bool          `name:"require-whole-patterns" help:"Do not run a rule when one of its index patterns can be read only in part; its slots stay open." group:"Elasticsearch"`
	SearchRate    int           `help:"Maximum number of searches per second. 0: limited only by the load of the cluster." default:"0" group:"Elasticsearch"`

	Store   string   `help:"Directory of the embedded store, which keeps the alerts without Elasticsearch." placeholder:"DIR" group:"Embedded" xor:"place"`
	Events  []string `help:"Event files (NDJSON, also .gz and .zst). - is standard input." placeholder:"FILE" sep:"none" group:"Embedded" xor:"events"`
	Mapping string   `help:"Elasticsearch mapping of the event files (JSON)." placeholder:"FILE" group:"Embedded"`

	kibanaFlags

	Namespace     string `help:"Namespace of the alerts: they are in tocsin-alerts-<namespace>." default:"default" group:"Global"`
	Enrichment    string `help:"Configuration (TOML) of what alerts are enriched with: databases of addresses, tables of assets and users." placeholder:"FILE" group:"Global"`
	IdentityField string `help:"Field that identifies events, such as event.id, instead of index and _id." placeholder:"FIELD" group:"Global"`

	Notify string `help:"File (TOML) with the routes of notifications. Without it, nobody is notified." placeholder:"FILE" group:"Global"`

	Format    string `help:"Output format. Some commands have further formats, or fewer." placeholder:"text|json|ndjson" default:"text" group:"Global"`
	LogFormat string `help:"Log format: text or json." enum:"text,json" default:"text" group:"Global"`
	LogLevel  string `help:"Lowest level that is logged: debug, info, warn or error." enum:"debug,info,warn,error" default:"info" group:"Global"`

	log *slog.Logger
	// settings are where values that are not on the command line are from.
	settings *settings
	// names are of the rules that were loaded last, for the log.
	names logs.Names
	// riskNamespace is the namespace of risk events; empty means Namespace.
	riskNamespace string
}

// splunkURL is the URL of a Splunk server.
type splunkURL string

// Validate implements kong's check of a flag.
func (u splunkURL) Validate() error {
	at, err := url.Parse(string(u))
	if err != nil || u != "" && (at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.RawQuery != "" || at.Fragment != "" || at.User != nil) {
		return usagef("%q is not a URL such as https://splunk.example:8000/en-US", string(u))
	}
	return nil
}

// percentage is a number from 0 to 100.
type percentage int

// Validate implements kong's check of a flag.
func (p percentage) Validate() error {
	if p < 0 || p > 100 {
		return fmt.Errorf("%d is not a percentage from 0 to 100", int(p)) //nolint:err113 // for people
	}
	return nil
}

// openLog makes the logger: coloured text on a terminal, plain text elsewhere, JSON with --log-format json.
func (g *globals) openLog(w io.Writer) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(g.LogLevel)); err != nil {
		return usagef("--log-level: %w", err)
	}
	var handler slog.Handler
	switch {
	case g.LogFormat == "json":
		handler = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: inSeconds})
	case isTerminal(w):
		handler = tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !paints(w)})
	default:
		handler = slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})
	}
	g.log = slog.New(logs.Handler(handler, &g.names))
	return nil
}

// inSeconds makes durations numbers for programs that read the log: seconds.
func inSeconds(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.Float64Value(a.Value.Duration().Seconds())
	}
	return a
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // file descriptors are small
}

// formatOneOf returns a usage error unless --format is one of formats, which the command can write.
func (g *globals) formatOneOf(formats ...string) error {
	if !slices.Contains(formats, g.Format) {
		return usagef("--format %s is not supported by this command: want one of %s", g.Format, strings.Join(formats, ", "))
	}
	return nil
}

// dataViews parses --data-view and returns the index patterns of each data view by its id.
func (g *globals) dataViews() (map[string][]string, error) {
	views := map[string][]string{}
	for _, text := range g.DataView {
		id, patterns, ok := strings.Cut(text, "=")
		if views[id] = rule.SplitPatterns(patterns); !ok || id == "" || len(views[id]) == 0 {
			return nil, usagef("--data-view %q is not a data view: want ID=PATTERN,PATTERN", text)
		}
	}
	return views, nil
}

// resolveCloud gives --elasticsearch the address of --cloud-id.
func (g *globals) resolveCloud() error {
	if g.CloudID == "" {
		return nil
	}
	if len(g.Elasticsearch) > 0 || len(g.Events) > 0 || g.Store != "" { // from sources of equal precedence
		return usagef("--cloud-id excludes --elasticsearch, --events and --store")
	}
	address, err := elastic.CloudURL(g.CloudID)
	if err != nil {
		return usageError{err}
	}
	g.Elasticsearch = []string{address}
	return nil
}

// connectionConfig returns how to connect to a cluster: its addresses, credentials and trust.
func (g *globals) connectionConfig() (elastic.Config, error) {
	cfg := elastic.Config{
		URLs: g.Elasticsearch, Username: g.Username, CAFile: g.CAFile, CAFingerprint: g.CAFingerprint, ClientCert: g.ClientCert,
		ClientKey: g.ClientKey, Proxy: g.Proxy, RequestTimeout: g.Timeout, SearchRate: g.SearchRate, Closed: elastic.ClosedPolicy(g.Closed),
		WholePatterns: g.WholePatterns, UserAgent: "tocsin/" + version(), Logger: g.log,
	}
	err := g.readSecrets(&cfg)
	if g.PasswordFile != "" || g.APIKeyFile != "" || g.BearerFile != "" {
		cfg.Renewed = func() (elastic.Config, error) {
			again := elastic.Config{Username: g.Username}
			err := g.readSecrets(&again)
			return again, err
		}
	}
	return cfg, err
}

// readSecrets sets the credentials of a connection, from files or the environment.
func (g *globals) readSecrets(cfg *elastic.Config) error {
	for _, s := range []struct {
		to             *string
		file, variable string
	}{
		{&cfg.Password, g.PasswordFile, "PASSWORD"}, {&cfg.APIKey, g.APIKeyFile, "API_KEY"}, {&cfg.BearerToken, g.BearerFile, "BEARER_TOKEN"},
	} {
		text, err := secret(s.file, environmentPrefix+s.variable)
		if err != nil {
			return err
		}
		*s.to = text
	}
	return nil
}

// secret returns a secret from a file, or from the environment variable when no file is named. Errors never
// contain it.
func secret(file, variable string) (string, error) {
	if file == "" {
		return os.Getenv(variable), nil
	}
	data, err := os.ReadFile(file) //nolint:gosec // the user names the file
	if err != nil {
		return "", usagef("read secret: %w", err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", usagef("read secret: %s is empty", file)
	}
	return text, nil
}
