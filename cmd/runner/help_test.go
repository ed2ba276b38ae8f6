package main

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"pgregory.net/rapid"
)

func model(t *testing.T) *kong.Node {
	t.Helper()
	parser, err := newParser(new(cli), nil, stdio{out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

// words splits a line as a shell does, as far as examples need it.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

// TestExamples: every command has examples, and each is a call that the command line understands.
func TestExamples(t *testing.T) {
	names := map[string]bool{}
	eachCommand(model(t), func(n *kong.Node) {
		names[commandOf(n)] = true
		if len(n.Children) == 0 && len(examplesOf(n)) == 0 {
			t.Errorf("%s has no examples", commandOf(n))
		}
	})
	for name, list := range examples {
		if !names[name] {
			t.Errorf("examples of %s, which is no command", name)
		}
		for _, e := range list {
			var out, errs bytes.Buffer
			line := words(e.line)
			command, err := parse(new(cli), line, stdio{out: &out, err: &errs})
			switch {
			case err != nil:
				t.Errorf("%s: %v", e.line, err)
			case command == nil && out.Len() == 0:
				t.Errorf("%s does nothing", e.line)
			case command != nil && !strings.HasPrefix(command.Command(), strings.Fields(name + " " + line[0])[0]):
				t.Errorf("%s is an example of %s, not of %s", e.line, command.Command(), name)
			}
		}
	}
}

// TestHelpOrder: a command's own flags come before those of all commands, and every flag is shown once.
func TestHelpOrder(t *testing.T) {
	eachCommand(model(t), func(n *kong.Node) {
		if !n.Leaf() || n.Parent == nil {
			return
		}
		var out bytes.Buffer
		if _, err := parse(new(cli), append(strings.Fields(commandOf(n)), "--help"), stdio{out: &out, err: io.Discard}); err != nil {
			t.Fatal(err)
		}
		own, global, found := strings.Cut(out.String(), "\nGlobal flags:\n")
		if !found {
			t.Fatalf("%s: no global flags:\n%s", commandOf(n), out.String())
		}
		for _, f := range n.Flags {
			name := "--" + f.Name
			if f.Tag.Negatable != "" {
				name = "--[no-]" + f.Name
			}
			if !strings.Contains(own, "  "+name) || strings.Contains(global, "  "+name+"=") {
				t.Errorf("%s: %s is not among the first flags", commandOf(n), name)
			}
		}
		if !strings.Contains(global, "  --rules=") || strings.Contains(own, "  --rules=") {
			t.Errorf("%s: --rules is not apart", commandOf(n))
		}
	})
}

// TestComplete: what can come next is what the command line understands, wherever a line is cut.
func TestComplete(t *testing.T) {
	root := model(t)
	var commands []*kong.Node
	eachCommand(root, func(n *kong.Node) { commands = append(commands, n) })
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom(commands).Draw(rt, "command")
		line := strings.Fields(commandOf(n))
		for range rapid.IntRange(0, 2).Draw(rt, "switches") {
			line = append(line, rapid.SampledFrom([]string{"--once", "--only-enabled", "--format=json", "--rules", "--namespace"}).Draw(rt, "flag"))
			if last := line[len(line)-1]; last == "--rules" || last == "--namespace" {
				line = append(line, "x")
			}
		}
		typed := rapid.SampledFrom([]string{"", "-", "--", "--s", "--no", "l", "run", "--format=", "--format=n", "--language=", "nosuch"}).Draw(rt, "typed")
		read := readArguments(root, line)
		for _, p := range complete(root, append(slices.Clone(line), typed)) {
			switch {
			case !strings.HasPrefix(p.word, typed):
				rt.Errorf("%q after %q does not begin with %q", p.word, line, typed)
			case strings.ContainsAny(p.word+p.help, "\t\n"):
				rt.Errorf("%q is more than a line", p)
			case strings.HasPrefix(p.word, "--"):
				name, value, joined := strings.Cut(strings.TrimPrefix(p.word, "--"), "=")
				f := read.find(name)
				if f == nil {
					f = read.find(strings.TrimPrefix(name, "no-"))
				}
				if f == nil {
					rt.Fatalf("%q after %q is no flag", p.word, line)
				}
				if joined && value == "" {
					rt.Errorf("%q after %q is no value", p.word, line)
				}
			}
		}
		// Every name of a command, and every flag, completes itself.
		for _, child := range n.Children {
			if !child.Hidden && !slices.Contains(line, "x") && len(line) == len(strings.Fields(commandOf(n))) {
				if got := complete(root, append(slices.Clone(line), child.Name)); len(got) == 0 || got[0].word != child.Name {
					rt.Errorf("%q after %q: %v", child.Name, line, got)
				}
			}
		}
		for _, f := range n.Flags {
			if got := complete(root, append(slices.Clone(line), "--"+f.Name)); len(got) == 0 || got[0].word != "--"+f.Name {
				rt.Errorf("--%s after %q: %v", f.Name, line, got)
			}
		}
	})
}

// TestManPages: groff, where there is one, has nothing to say about the pages.
func TestManPages(t *testing.T) {
	pages := manPages(model(t))
	if len(pages) < 10 || !bytes.Contains(pages["runner-run"], []byte(`.B \-\-spread`)) {
		t.Fatal(len(pages))
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("no groff")
	}
	for name, page := range pages {
		cmd := exec.CommandContext(t.Context(), "groff", "-man", "-Tutf8", "-ww", "-z")
		cmd.Stdin = bytes.NewReader(page)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
