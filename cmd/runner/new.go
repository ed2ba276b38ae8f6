package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/google/uuid"

	"tocsin/cmd/runner/internal/importing"
	"tocsin/internal/diag"
	"tocsin/internal/rule/form"
)

// newCmd writes a rule with its test, to begin with.
type newCmd struct {
	Name string `arg:"" help:"The rule's name, such as \"Shell from a web server\". The file is named after it."`
	Kind string `help:"What the rule is like: eql, sequence (EQL), query (KQL), threshold or new_terms." enum:"eql,sequence,query,threshold,new_terms" default:"eql"`
	Dir  string `help:"Directory of the files." default:"rules" placeholder:"DIR"`
}

// Run is the subcommand.
func (c *newCmd) Run(_ context.Context, a *app) error {
	if err := a.global.formatOneOf("text"); err != nil {
		return err
	}
	name := importing.Slug(c.Name)
	if name == "" {
		return usagef("the name %q has no letter or digit to name a file after", c.Name)
	}
	base := filepath.Join(c.Dir, name)
	files := []struct{ path, text string }{{base + ".toml", ruleTemplate}, {base + ".test.toml", testTemplate}}
	for _, f := range files {
		if _, err := os.Lstat(f.path); !errors.Is(err, fs.ErrNotExist) {
			return usagef("%s exists already", f.path)
		}
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return fmt.Errorf("new: %w", err)
	}
	facts := map[string]string{"name": tomlText(c.Name), "id": id.String(), "kind": c.Kind, "file": filepath.Base(base)}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil { //nolint:gosec // a directory of rules is for others too
		return usagef("new: %w", err)
	}
	for _, f := range files {
		if err := writeNew(f.path, f.text, facts); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(a.out, f.path); err != nil {
			return wrapWrite(err)
		}
	}
	_, err = fmt.Fprintf(a.err, "next: edit them, then runner check %s && runner test %s\n", c.Dir, c.Dir)
	return wrapWrite(err)
}

// writeNew writes a file that does not exist, in its normal form.
func writeNew(path, text string, facts map[string]string) error {
	var b strings.Builder
	if err := template.Must(template.New("").Parse(text)).Execute(&b, facts); err != nil {
		return fmt.Errorf("new: %w", err)
	}
	out, diags, err := form.TOML(diag.NewText(path, b.String()))
	if err = errors.Join(err, diags.Err()); err != nil {
		return fmt.Errorf("new: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the user names the directory; rules are for others too
	if err != nil {
		return usagef("new: %w", err)
	}
	_, err = f.WriteString(out)
	if err = errors.Join(err, f.Close()); err != nil {
		return usagef("new: %w", err)
	}
	return nil
}

// tomlText writes a text as a basic string of TOML.
func tomlText(s string) string { return form.Quote(s) }

const ruleTemplate = `[rule]
rule_id = "{{.id}}"
name = {{.name}}
# What happened, and why it matters.
description = "A web server starts a shell."
# low, medium, high or critical; a risk score from 0 to 100 that goes with it.
severity = "medium"
risk_score = 47
# How often the rule runs, and how far it looks back: further, so that late events are found.
interval = "5m"
from = "now-9m"
# The index patterns of the events.
index = ["logs-*"]
{{- if eq .kind "eql"}}
type = "eql"
language = "eql"
query = '''
process where event.type == "start" and
  process.parent.name == "nginx" and process.name in ("sh", "bash")
'''
{{- else if eq .kind "sequence"}}
type = "eql"
language = "eql"
query = '''
sequence by host.id with maxspan=1m
  [process where event.type == "start" and process.parent.name == "nginx" and process.name in ("sh", "bash")]
  [process where event.type == "start" and process.name == "curl"]
'''
{{- else if eq .kind "query"}}
type = "query"
language = "kuery"
query = '''
event.category: process and process.parent.name: nginx and process.name: (sh or bash)
'''
{{- else if eq .kind "threshold"}}
type = "threshold"
language = "kuery"
query = '''
event.category: process and process.parent.name: nginx and process.name: (sh or bash)
'''

# So many events with the same values of the fields.
[rule.threshold]
field = ["host.id"]
value = 2
{{- else}}
type = "new_terms"
language = "kuery"
query = '''
event.category: process and process.parent.name: nginx
'''

# Values that were not seen in the time before.
[rule.new_terms]
field = "new_terms_fields"
value = ["process.name"]

[[rule.new_terms.history_window_start]]
field = "history_window_start"
value = "now-7d"
{{- end}}
`

const testTemplate = `# The tests of {{.file}}.toml. Each has its events, and the ids of those that the alerts are about.

[[test]]
name = "a shell of the web server alerts"
{{- if eq .kind "threshold"}}
alerts = ["second"]
{{- else if eq .kind "sequence"}}
alerts = ["download"]
{{- else}}
alerts = ["shell"]
{{- end}}
events = '''
{"_index":"logs-web","_id":"shell","_source":{"@timestamp":"2026-01-15T14:00:00Z","event":{"category":["process"],"type":["start"]},"host":{"id":"web-1"},"process":{"name":"sh","parent":{"name":"nginx"}}}}
{{- if eq .kind "threshold"}}
{"_index":"logs-web","_id":"second","_source":{"@timestamp":"2026-01-15T14:00:01Z","event":{"category":["process"],"type":["start"]},"host":{"id":"web-1"},"process":{"name":"bash","parent":{"name":"nginx"}}}}
{{- else if eq .kind "sequence"}}
{"_index":"logs-web","_id":"download","_source":{"@timestamp":"2026-01-15T14:00:10Z","event":{"category":["process"],"type":["start"]},"host":{"id":"web-1"},"process":{"name":"curl","parent":{"name":"sh"}}}}
{{- end}}
'''

[[test]]
name = "a shell of somebody else does not"
{{- if eq .kind "threshold"}}
alerts = []
{{- else}}
alerts = []
{{- end}}
events = '''
{"_index":"logs-web","_id":"login","_source":{"@timestamp":"2026-01-15T14:00:00Z","event":{"category":["process"],"type":["start"]},"host":{"id":"web-1"},"process":{"name":"sh","parent":{"name":"sshd"}}}}
'''
`
