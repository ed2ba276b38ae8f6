package main

import (
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"tocsin/internal/diag"
	"tocsin/internal/match/mapping"
	"tocsin/internal/scheduler/datemath"
)

// cli is the whole command line.
type cli struct {
	globals

	Demo       demoCmd     `cmd:"" help:"Run the shipped rules over sample events and show the alerts. Needs no server and no setup."`
	Run        runCmd      `cmd:"" help:"Run rules on their schedule as a service, or once."`
	Check      checkCmd    `cmd:"" help:"Load rules and report every mistake in them."`
	Explain    explainCmd  `cmd:"" help:"Show how a rule becomes a request to Elasticsearch, or why an event matches or does not match."`
	Test       testCmd     `cmd:"" help:"Run rule tests (*.test.toml)."`
	Fmt        fmtCmd      `cmd:"" help:"Give rule files in TOML their normal form."`
	Import     importCmd   `cmd:"" help:"Make rule files of Kibana exports, of a Kibana, or of published rules."`
	New        newCmd      `cmd:"" help:"Write a rule with its test, to begin with."`
	Query      queryCmd    `cmd:"" help:"Search events with an ad hoc query."`
	Hunt       huntCmd     `cmd:"" help:"Count what many rules find in event files or in a past time range. Writes no alerts."`
	Alerts     alertsCmd   `cmd:"" help:"List and show alerts, and change their status, tags and assignees."`
	Backfill   backfillCmd `cmd:"" help:"Run rules over a past time range as a resumable job, and list jobs."`
	Coverage   coverageCmd `cmd:"" help:"Show which slots of the rules are covered, and run the open ones."`
	Runners    runnersCmd  `cmd:"" help:"Show the live runners, and which rules belong to which of them."`
	Top        topCmd      `cmd:"" help:"Show what rules cost, how many alerts they make and when they last succeeded, and which are over a budget."`
	Attack     attackCmd   `cmd:"" help:"Count enabled rules by tactic and technique of MITRE ATT&CK."`
	Doctor     doctorCmd   `cmd:"" help:"Check whether the service can run here, and name what is missing: connection, privileges, templates, mappings, clocks, disks, rules."`
	Setup      setupCmd    `cmd:"" help:"Print, or send, what a cluster needs before the service runs: role, API key, lifecycle, templates."`
	ShowConfig configCmd   `cmd:"" name:"config" help:"Show the effective configuration of the service, and where each value is from."`
	Health     healthCmd   `cmd:"" help:"Ask the service on this machine whether it is alive, as the health check of a container."`
	Version    versionCmd  `cmd:"" help:"Print the version."`
	Notices    noticesCmd  `cmd:"" name:"notify" help:"List notifications, send dead ones again, and test the routes."`

	Completion completionCmd `cmd:"" help:"Print the script that completes the command line in bash, zsh or fish, as in source <(runner completion bash)."`
	Man        manCmd        `cmd:"" help:"Write the manual pages."`
	Complete   completeCmd   `cmd:"" hidden:"" help:"Print the words that can come next, for the scripts of completion."`
}

// exited is the exit code with which kong asked to end the process (after --help).
type exited int

// parse fills c from flags, environment and configuration file, and returns the command to run. The command is nil
// after help was printed.
func parse(c *cli, args []string, std stdio) (command *kong.Context, err error) {
	file := &settings{}
	c.settings = file
	parser, err := newParser(c, file, std)
	if err != nil {
		return nil, err
	}
	line := readArguments(parser.Model.Node, args)
	if line.config == "" {
		line.config = os.Getenv(environmentPrefix + "CONFIG")
	}
	if line.config != "" {
		show := func(l diag.List) error { return diag.Render(std.err, l) }
		if err := file.load(line.config, parser.Model.Node, show); err != nil {
			return nil, err
		}
	}
	defer func() {
		if r := recover(); r != nil {
			if _, help := r.(exited); !help {
				panic(r)
			}
			command, err = nil, nil
		}
	}()
	command, err = parser.Parse(line.out)
	if err != nil {
		return nil, usagef("%w (see runner --help)", err)
	}
	return command, nil
}

// newParser returns the parser of the command line; file gives values to flags that are not on it, nil for none.
func newParser(c *cli, file *settings, std stdio) (*kong.Kong, error) {
	if file == nil {
		file = &settings{}
	}
	parser, err := kong.New(c,
		kong.Name("runner"),
		kong.Description("Runs detection rules against Elasticsearch, or against event files, and stores their alerts. Rules are in the formats of Elastic (TOML, Kibana exports; EQL, KQL, Lucene, ES|QL), Sigma (YAML) and Splunk (YAML; SPL)."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
		kong.ValueFormatter(describeFlag),
		kong.ExplicitGroups(groups),
		kong.Vars{"version": "tocsin " + version()},
		kong.Writers(std.out, std.err),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.Resolvers(file),
	)
	if err != nil {
		return nil, fmt.Errorf("command line: %w", err)
	}
	nameVariables(parser.Model.Node) // later than kong's own look at them
	addExamples(parser.Model.Node)
	return parser, nil
}

// moment is a time on the command line.
type moment struct{ time.Time }

// UnmarshalText reads what a date field of Elasticsearch reads (a date to any precision, in UTC
// where it names no zone, or milliseconds), or date math such as now-1h.
func (m *moment) UnmarshalText(text []byte) error {
	if t, _, err := mapping.ParseDate(string(text), ""); err == nil {
		m.Time = t
		return nil
	}
	if math, err := datemath.Parse(string(text)); err == nil {
		m.Time = math.At(time.Now())
		return nil
	}
	return fmt.Errorf("%q is not a time such as 2026-01-15T14:05:00Z or now-1h", text)
}
