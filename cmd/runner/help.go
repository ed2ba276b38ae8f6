package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// groups are the groups of flags that several commands share, in the order of the help. A command's own flags have no
// group and come first.
var groups = []kong.Group{
	{Key: "Global", Title: "Global flags:"},
	{Key: "Elasticsearch", Title: "Global flags, Elasticsearch:"},
	{Key: "Kibana", Title: "Global flags, Kibana:"},
	{Key: "Embedded", Title: "Global flags, event files and the embedded store:"},
	{Key: "Splunk", Title: "Global flags, Splunk's detections and searches:"},
	{Key: "Sigma", Title: "Global flags, rules of Sigma:"},
}

// example is a call of a command, without the program's name, and what it does.
type example struct{ does, line string }

// examples are those of the commands by their names; a command without has those of the command above it.
var examples = map[string][]example{
	"": {
		{"see what it does, without a server", "demo"},
		{"check rules in Elastic's, Sigma's or Splunk's format", "check rules/"},
		{"run rules over a file of events", "run --once --rules rules/ --events events.ndjson --at now"},
		{"run them as a service", "run --rules rules/ --elasticsearch https://localhost:9200 --api-key-file key"},
	},
	"demo": {{"show the alerts as JSON lines", "demo --format ndjson"}},
	"run": {
		{"as a service beside a cluster", "run --rules rules/ --elasticsearch https://localhost:9200 --api-key-file key"},
		{"the latest slot of every rule", "run --once --rules rules/ --elasticsearch https://localhost:9200"},
		{"over a file of events, alerts kept in a directory", "run --once --at 2026-01-15T14:05:00Z --rules rules/ --events events.ndjson --store alerts"},
	},
	"check": {
		{"rules of every format in a directory", "check rules/"},
		{"and against the mappings of a cluster", "check rules/ --live --elasticsearch https://localhost:9200"},
		{"and against those of a file of events", "check rules/ --live --events events.ndjson --mapping mapping.json"},
		{"for a CI server, where warnings fail too", "check rules/ --strict --format junit"},
		{"with lints of style", "check rules/ --lint no-test,leading-wildcard"},
	},
	"explain": {
		{"the request of a rule", "explain rules/shell.toml"},
		{"why an event matches or not", "explain rules/shell.toml --event event.json"},
		{"why there is this alert", "explain rules/shell.toml --alert 4f1c0a --elasticsearch https://localhost:9200"},
	},
	"test": {
		{"all tests below a directory", "test rules/"},
		{"those of one rule", "test rules/shell.toml"},
	},
	"import": {
		{"an export of Kibana", "import rules_export.ndjson --into rules/"},
		{"the rules of a Kibana", "import --kibana https://localhost:5601 --api-key-file key --into rules/"},
		{"what would be written of a checkout", "import detection-rules/ --into rules/ --dry-run"},
	},
	"new": {
		{"a rule in EQL with its test", "new 'Shell from a web server'"},
		{"one that counts", "new 'Many failed logins' --kind threshold"},
	},
	"fmt": {
		{"all files below a directory", "fmt rules/"},
		{"for CI: which files are not in their normal form", "fmt --check rules/"},
	},
	"query": {
		{"EQL", `query --language eql 'process where process.name == "sh"' --events events.ndjson`},
		{"KQL, in a time range", "query --language kuery 'process.name: sh' --index 'logs-*' --from now-1h --elasticsearch https://localhost:9200"},
		{"ES|QL, as CSV", "query --language esql 'FROM logs-* | STATS n = COUNT(*) BY host.name' --format csv --elasticsearch https://localhost:9200"},
		{"Lucene", "query --language lucene 'process.name:sh*' --events events.ndjson"},
		{"SPL", "query --language spl 'index=* | stats count by user' --events events.ndjson"},
	},
	"hunt": {
		{"all rules over files", "hunt --rules rules/ --events 'logs/*.ndjson.gz'"},
		{"over the past week, as CSV", "hunt --rules rules/ --from now-7d --format csv --elasticsearch https://localhost:9200"},
	},
	"alerts": {
		{"the severe ones of a day", "alerts list --since 24h --severity high,critical --elasticsearch https://localhost:9200"},
		{"those of a rule, as JSON lines", "alerts list --rule 'Shell from*' --format ndjson --store alerts"},
		{"new ones, as they are written", "alerts list --follow --elasticsearch https://localhost:9200"},
		{"by any field", "alerts list --where 'process.name: curl and not user.name: ci' --store alerts"},
		{"how many each rule has made", "alerts top --since 7d --store alerts"},
		{"one of them", "alerts show 4f1c0a --store alerts"},
		{"close what a rule made in a day", "alerts close --rule 'Shell from*' --since 24h --reason false_positive --yes --store alerts"},
	},
	"setup kibana": {{"a data view and a dashboard, to import under Stack Management, Saved Objects", "setup kibana --output tocsin.ndjson"}},
	"backfill run": {
		{"what a past week would find", "backfill --rules rules/ --from now-7d --to now --dry-run --elasticsearch https://localhost:9200"},
		{"resume a job", "backfill --rules rules/ --job trial --elasticsearch https://localhost:9200"},
	},
	"backfill list": {{"all jobs and how far they are", "backfill list --elasticsearch https://localhost:9200"}},
	"notify list":   {{"what waits", "notify list --elasticsearch https://localhost:9200"}},
	"notify dead":   {{"what was given up", "notify dead --store alerts"}},
	"notify replay": {{"send all of a route again", "notify replay --route soc --store alerts"}},
	"notify test":   {{"a message to every route", "notify test --notify routes.toml"}},
	"coverage show": {{"of the last day", "coverage --rules rules/ --elasticsearch https://localhost:9200"}},
	"coverage gaps": {{"of a week, for scripts", "coverage gaps --rules rules/ --from now-7d --format ndjson --elasticsearch https://localhost:9200"}},
	"coverage fill": {{"run what is open", "coverage fill --rules rules/ --elasticsearch https://localhost:9200"}},
	"runners": {
		{"who runs what", "runners --rules rules/ --elasticsearch https://localhost:9200"},
		{"which of them runs a rule", "runners --rules rules/ --rule 'Shell from a web server' --elasticsearch https://localhost:9200"},
	},
	"top": {
		{"the rules that take most, of the last day", "top --rules rules/ --elasticsearch https://localhost:9200 --limit 20"},
		{"the noisiest of a week, with a budget", "top --rules rules/ --from now-7d --sort alerts --budget-alerts 20 --elasticsearch https://localhost:9200"},
	},
	"doctor": {
		{"before the first run", "doctor --rules rules/ --elasticsearch https://localhost:9200 --api-key-file key"},
		{"for scripts", "doctor --rules rules/ --elasticsearch https://localhost:9200 --format json"},
	},
	"config": {
		{"what is set, and where", "config --changed"},
		{"as a configuration file", "config --format toml"},
	},
	"setup role":      {{"the role that the rules need", "setup role --rules rules/"}},
	"setup apikey":    {{"make a key, into a file", "setup apikey --rules rules/ --apply --out key --elasticsearch https://localhost:9200 --username elastic"}},
	"setup ilm":       {{"keep alerts for half a year", "setup ilm --rules rules/ --keep 4380h"}},
	"setup templates": {{"make the templates and indices", "setup templates --rules rules/ --apply --elasticsearch https://localhost:9200 --username elastic"}},
	"attack": {
		{"by tactic", "attack --rules rules/"},
		{"a layer for the ATT&CK Navigator", "attack --rules rules/ --format navigator"},
	},
	"health": {
		{"whether the service is alive", "health"},
		{"whether it can do its work", "health --ready --listen 127.0.0.1:9464"},
	},
	"version": {{"the version alone", "--version"}},
	"completion": {
		{"bash, for this session", "completion bash"},
		{"zsh and fish", "completion zsh"},
	},
	"man": {{"the pages of all commands, into a directory", "man man1/"}},
}

// addExamples gives every command its examples.
func addExamples(model *kong.Node) {
	eachCommand(model, func(n *kong.Node) {
		var text strings.Builder
		for _, e := range examplesOf(n) {
			text.WriteString("    # " + e.does + "\n    runner " + e.line + "\n")
		}
		if text.Len() > 0 {
			n.Detail = "Examples:\n\n" + text.String()
		}
	})
}

// examplesOf returns the examples of a command, or of the nearest command above it.
func examplesOf(n *kong.Node) []example {
	for ; n != nil; n = n.Parent {
		if found, ok := examples[commandOf(n)]; ok {
			return found
		}
		if n.Parent != nil && n.Parent.Parent == nil {
			break // those of the program are of no single command
		}
	}
	return nil
}

// commandOf returns the name of a command as it is typed, "" for the program.
func commandOf(n *kong.Node) string {
	var words []string
	for ; n != nil && n.Parent != nil; n = n.Parent {
		words = append([]string{n.Name}, words...)
	}
	return strings.Join(words, " ")
}

// eachCommand visits a command and all below it that are not hidden.
func eachCommand(n *kong.Node, visit func(*kong.Node)) {
	visit(n)
	for _, child := range n.Children {
		if !child.Hidden {
			eachCommand(child, visit)
		}
	}
}
