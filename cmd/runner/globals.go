package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/term"

	"tocsin/internal/rule"
)

// globals are the flags that several subcommands share.
type globals struct {
	Config string   `help:"Configuration file (TOML); its keys are the names of flags." placeholder:"runner.toml"`
	Rules  []string `help:"Rule files, Kibana exports and directories; the shipped rules without it." placeholder:"PATH" sep:"none"`

	DataView []string `name:"data-view" help:"Index patterns of a Kibana data view that rules name, for each: ID=PATTERN,PATTERN." placeholder:"ID=PATTERNS" sep:"none"`

	FieldMap    []string   `name:"field-map" help:"Field maps (TOML) for searches in SPL and rules of Sigma, over those that are shipped." placeholder:"FILE" sep:"none" group:"Splunk"`
	SplunkIndex string     `name:"splunk-index" help:"Index patterns of events that are written as Splunk has them." placeholder:"PATTERNS" default:"logs-*,splunk-*" group:"Splunk"`
	GeoIP       string     `name:"geoip" help:"Database of addresses in MaxMind's format, for iplocation." placeholder:"FILE" group:"Splunk"`
	OnlyEnabled bool       `name:"only-enabled" help:"Run only those detections for Splunk that say enabled_by_default: true, as Splunk does." group:"Splunk"`
	Skew        percentage `help:"Spread detections over this percentage of their period, as allow_skew does." placeholder:"PERCENT" default:"0" group:"Splunk"`

	SigmaIndex        string   `name:"sigma-index" help:"Index patterns of rules of Sigma whose log source no field map names, and of others beside the map's." placeholder:"PATTERNS" default:"logs-*" group:"Sigma"`
	SigmaUnmapped     string   `name:"sigma-unmapped" help:"Refuse, or run, rules of Sigma whose log source no field map names and that an event without any of their fields meets." enum:"refuse,run" default:"refuse" group:"Sigma"`
	SigmaPlaceholders []string `name:"sigma-placeholders" help:"Files (TOML) with the values of placeholders in rules of Sigma: name = [\"value\"]." placeholder:"FILE" sep:"none" group:"Sigma"`
	SigmaStatus       []string `name:"sigma-status" help:"Statuses of the rules of Sigma that run; by default all but deprecated and unsupported." placeholder:"STATUS" group:"Sigma"`
	SigmaLevel        []string `name:"sigma-level" help:"Levels of the rules of Sigma that run; by default all." placeholder:"LEVEL" group:"Sigma"`

	Elasticsearch []string      `help:"Addresses of Elasticsearch." placeholder:"URL" group:"Elasticsearch" xor:"place,events"`
	Username      string        `help:"User for basic authentication; the password comes from TOCSIN_PASSWORD or --password-file." placeholder:"NAME" group:"Elasticsearch"`
	PasswordFile  string        `help:"File that holds the password." placeholder:"FILE" group:"Elasticsearch"`
	APIKeyFile    string        `name:"api-key-file" help:"File that holds an API key (encoded); else TOCSIN_API_KEY." placeholder:"FILE" group:"Elasticsearch"`
	CAFile        string        `name:"ca-file" help:"Certificate authority of the servers (PEM)." placeholder:"FILE" group:"Elasticsearch"`
	Timeout       time.Duration `name:"request-timeout" help:"Limit for one request to Elasticsearch." default:"30s" group:"Elasticsearch"`
	Closed        string        `help:"What a closed index is to the windows of rules: ignore, unread; by default one that a rule names is unread, one that a wildcard meets where it may hold events of the window." default:"" enum:",ignore,unread" group:"Elasticsearch"`
	WholePatterns bool          `name:"require-whole-patterns" help:"A rule one of whose index patterns may be read in part only is not run over that part: its slots stay open." group:"Elasticsearch"`
	SearchRate    int           `help:"Searches in a second, at most; 0: as many as the cluster bears." default:"0" group:"Elasticsearch"`

	Store   string   `help:"Directory of the embedded store, in place of Elasticsearch." placeholder:"DIR" group:"Embedded" xor:"place"`
	Events  []string `help:"Event files (NDJSON, also .gz and .zst; - is standard input)." placeholder:"FILE" sep:"none" group:"Embedded" xor:"events"`
	Mapping string   `help:"Elasticsearch mapping of the event files (JSON)." placeholder:"FILE" group:"Embedded"`

	Namespace     string `help:"Name space of the alerts: tocsin-alerts-<namespace>." default:"default"`
	IdentityField string `help:"Field that identifies events in place of index and _id, such as event.id." placeholder:"FIELD"`

	Format    string `help:"Form of the output; each command says which it has." placeholder:"text|json|ndjson" default:"text"`
	LogFormat string `help:"Form of the log: text or json." enum:"text,json" default:"text"`
	LogLevel  string `help:"Least level of the log: debug, info, warn, error." enum:"debug,info,warn,error" default:"info"`

	log *slog.Logger
	// riskNamespace is the name space of risk events where it is not Namespace.
	riskNamespace string
}

// percentage is a part of a hundred.
type percentage int

// Validate implements kong's check of a flag.
func (p percentage) Validate() error {
	if p < 0 || p > 100 {
		return fmt.Errorf("%d is no percentage", int(p)) //nolint:err113 // for people
	}
	return nil
}

// openLog makes the logger: for people on a terminal, plain text elsewhere, JSON when asked for.
func (g *globals) openLog(w io.Writer) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(g.LogLevel)); err != nil {
		return usagef("--log-level: %w", err)
	}
	switch {
	case g.LogFormat == "json":
		g.log = slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	case isTerminal(w):
		g.log = slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: os.Getenv("NO_COLOR") != ""}))
	default:
		g.log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) //nolint:gosec // file descriptors are small
}

// formatOneOf checks --format against what a command can write.
func (g *globals) formatOneOf(formats ...string) error {
	if !slices.Contains(formats, g.Format) {
		return usagef("--format %s is not possible here: it is one of %s", g.Format, strings.Join(formats, ", "))
	}
	return nil
}

// dataViews reads --data-view.
func (g *globals) dataViews() (map[string][]string, error) {
	views := map[string][]string{}
	for _, text := range g.DataView {
		id, patterns, ok := strings.Cut(text, "=")
		if views[id] = rule.SplitPatterns(patterns); !ok || id == "" || len(views[id]) == 0 {
			return nil, usagef("--data-view %q is no data view: want ID=PATTERN,PATTERN", text)
		}
	}
	return views, nil
}

// secret reads a secret from a file, or from the environment when no file is named. It is never
// part of an error.
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
