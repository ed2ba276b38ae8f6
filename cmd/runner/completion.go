package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionCmd prints the script with which a shell completes the command line.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell: bash, zsh or fish."`
}

var (
	//go:embed completion/runner.bash
	completionBash string
	//go:embed completion/runner.zsh
	completionZsh string
	//go:embed completion/runner.fish
	completionFish string
)

// Run is the subcommand.
func (c *completionCmd) Run(a *app) error {
	script := map[string]string{"bash": completionBash, "zsh": completionZsh, "fish": completionFish}[c.Shell]
	_, err := fmt.Fprint(a.screen, script)
	return wrapWrite(err)
}

// completeCmd is called by the scripts of completionCmd: it prints a line for each word that can come next, with its
// help after a tab. A shell completes names of files where nothing is printed.
type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words after the program's name; the last is the one to complete."`
}

// Run is the subcommand.
func (c *completeCmd) Run(_ context.Context, a *app) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	parser, err := newParser(new(cli), nil, stdio{out: io.Discard, err: io.Discard})
	if err != nil {
		return err
	}
	for _, p := range complete(parser.Model.Node, words) {
		if _, err := fmt.Fprintf(a.screen, "%s\t%s\n", p.word, p.help); err != nil {
			return wrapWrite(err)
		}
	}
	return nil
}

// proposal is a word that can come next.
type proposal struct{ word, help string }

// complete returns what the last of the words can become.
func complete(model *kong.Node, words []string) []proposal {
	last := words[len(words)-1]
	read := readArguments(model, words[:len(words)-1])
	if len(words) > 1 {
		if f := read.find(strings.TrimPrefix(words[len(words)-2], "--")); f != nil && strings.HasPrefix(words[len(words)-2], "--") && !f.IsBool() {
			return beginning(last, "", valuesOf(f.Value))
		}
	}
	name, value, joined := strings.Cut(last, "=")
	switch {
	case joined && strings.HasPrefix(name, "--"):
		if f := read.find(strings.TrimPrefix(name, "--")); f != nil {
			return beginning(value, name+"=", valuesOf(f.Value))
		}
		return nil
	case strings.HasPrefix(last, "-"):
		return beginning(last, "", flagsOf(&read))
	}
	var all []proposal
	for _, child := range read.node.Children {
		if !child.Hidden && read.positional == 0 {
			all = append(all, proposal{child.Name, firstSentence(child.Help)})
		}
	}
	for i, v := range read.node.Positional {
		if i == read.positional || i < read.positional && v.IsCumulative() {
			all = append(all, valuesOf(v)...)
		}
	}
	return beginning(last, "", all)
}

// beginning returns the proposals whose word begins with a text, and puts a prefix before them.
func beginning(text, prefix string, all []proposal) []proposal {
	var out []proposal
	for _, p := range all {
		if strings.HasPrefix(p.word, text) {
			out = append(out, proposal{prefix + p.word, p.help})
		}
	}
	return out
}

// flagsOf returns the flags of the command that has been named so far: its own first.
func flagsOf(read *arguments) []proposal {
	var out []proposal
	seen := map[string]bool{}
	add := func(n *kong.Node) {
		for _, f := range n.Flags {
			if f.Hidden || seen[f.Name] {
				continue
			}
			seen[f.Name] = true
			out = append(out, proposal{"--" + f.Name, firstSentence(f.Help)})
			if f.Tag.Negatable != "" {
				out = append(out, proposal{"--no-" + f.Name, firstSentence(f.Help)})
			}
		}
	}
	if d := read.node.DefaultCmd; d != nil {
		add(d)
	}
	for n := read.node; n != nil; n = n.Parent {
		add(n)
	}
	return out
}

// valuesOf returns the values that a flag or an argument can have; nil where any text, or a file, is one.
func valuesOf(v *kong.Value) []proposal {
	texts := slices.DeleteFunc(v.EnumSlice(), func(text string) bool { return text == "" })
	switch {
	case len(texts) > 0:
	case v.Name == "language":
		texts = languages()
	case v.Name == "format":
		texts = []string{"text", "json", "ndjson"}
	case v.Name == "severity":
		texts = []string{"low", "medium", "high", "critical"}
	case v.Target.IsValid() && v.Target.Type() == reflect.TypeFor[moment]():
		texts = []string{"now", "now-1h", "now-1d"}
	}
	var out []proposal
	for _, text := range texts {
		out = append(out, proposal{text, ""})
	}
	return out
}

// firstSentence returns what a menu and a title show of a help text.
func firstSentence(help string) string {
	first := help
	for _, end := range []string{". ", ": ", " (", ", so that "} {
		first, _, _ = strings.Cut(first, end)
	}
	return strings.TrimSuffix(strings.Join(strings.Fields(first), " "), ".")
}
