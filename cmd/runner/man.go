package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
)

// manCmd writes the manual pages, which are made from the same data as the help.
type manCmd struct {
	Dir string `arg:"" help:"Directory of the pages, runner.1 and runner-<command>.1; it is created. Without it, the page of the program is written to standard output." optional:"" name:"directory"`
}

// Run is the subcommand.
func (c *manCmd) Run(a *app) error {
	parser, err := newParser(new(cli), nil, stdio{out: io.Discard, err: io.Discard})
	if err != nil {
		return err
	}
	pages := manPages(parser.Model.Node)
	if c.Dir == "" {
		_, err := a.screen.Write(pages["runner"])
		return wrapWrite(err)
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil { //nolint:gosec // manuals are for everybody
		return usagef("man: %w", err)
	}
	for name, page := range pages {
		if err := os.WriteFile(filepath.Join(c.Dir, name+".1"), page, 0o644); err != nil { //nolint:gosec // as above
			return usagef("man: %w", err)
		}
	}
	return nil
}

// manPages returns the pages of the program and its commands, by name.
func manPages(model *kong.Node) map[string][]byte {
	pages := map[string][]byte{}
	eachCommand(model, func(n *kong.Node) {
		name := strings.ReplaceAll(strings.TrimSpace("runner "+commandOf(n)), " ", "-")
		pages[name] = manPage(name, n)
	})
	return pages
}

// manPage returns the page of a command in the language of man.
func manPage(name string, n *kong.Node) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line(`.TH %s 1 "" "tocsin %s" "Tocsin"`, strings.ToUpper(roff(name)), roff(version()))
	line(".SH NAME\n%s \\- %s", roff(name), roff(firstSentence(n.Help)))
	line(".SH SYNOPSIS\n.B runner\n%s", roff(strings.TrimSpace(strings.TrimPrefix(n.Summary(), "runner"))))
	line(".SH DESCRIPTION\n%s", roff(n.Help))
	if len(n.Positional) > 0 {
		line(".SH ARGUMENTS")
		for _, v := range n.Positional {
			line(".TP\n.I %s\n%s", roff(v.Summary()), roff(v.Help))
		}
	}
	manFlags(line, "OPTIONS", n)
	if n.Parent == nil {
		line(".SH COMMANDS")
		eachCommand(n, func(child *kong.Node) {
			if child.Leaf() {
				line(".TP\n.B runner %s\n%s", roff(commandOf(child)), roff(child.Help))
			}
		})
	}
	if all := examplesOf(n); len(all) > 0 {
		line(".SH EXAMPLES\n.nf")
		for _, e := range all {
			line("# %s\nrunner %s\n", roff(e.does), roff(e.line))
		}
		line(".fi")
	}
	if n.Parent != nil {
		line(".SH GLOBAL OPTIONS\nThey are described in\n.BR runner (1).")
	}
	line(`.SH ENVIRONMENT
Every option has an environment variable, such as TOCSIN_RULE_TIMEOUT for \-\-rule\-timeout, and a key in the configuration file.
TOCSIN_PASSWORD and TOCSIN_API_KEY have the secrets.
NO_COLOR turns colours off.`)
	line(".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nrules or tests failed\n.TP\n.B 2\nusage or configuration\n.TP\n.B 3\nElasticsearch cannot be reached, or refuses")
	return b.Bytes()
}

// manFlags writes the flags of a command, in their groups.
func manFlags(line func(string, ...any), title string, n *kong.Node) {
	group := ""
	begun := false
	for _, f := range n.Flags {
		if f.Hidden {
			continue
		}
		if !begun {
			line(".SH %s", title)
			begun = true
		}
		if f.Group != nil && f.Group.Title != group {
			group = f.Group.Title
			line(".SS %s", roff(strings.TrimSuffix(group, ":")))
		}
		name := "--" + f.Name
		if f.Tag.Negatable != "" {
			name = "--[no-]" + f.Name
		}
		if !f.IsBool() {
			name += "=" + f.FormatPlaceHolder()
		}
		line(".TP\n.B %s\n%s", roff(name), roff(describeFlag(f.Value)))
	}
}

// roff escapes a text.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
