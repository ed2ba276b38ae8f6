package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// arguments splits a command line as the parser does, and rewrites it so that the parser cannot
// misunderstand: every value is joined to its flag (--size=-5, --events=-), and each further value
// of a list gets the flag too, since shells expand --events * to --events a b.
type arguments struct {
	node *kong.Node // The command that has been named so far.
	// positional is how many arguments of that command have been seen.
	positional int
	// list is the flag that takes the following values.
	list string
	out  []string
	// config is the value of the last --config.
	config string
}

// readArguments rewrites a command line for the commands of a model.
func readArguments(model *kong.Node, line []string) arguments {
	a := arguments{node: model}
	for i := 0; i < len(line); i++ {
		arg := line[i]
		switch {
		case arg == "--":
			a.out = append(a.out, line[i:]...)
			return a
		case !isValue(arg):
			i += a.flag(arg, line[i+1:])
		default:
			a.word(arg)
		}
	}
	return a
}

// flag takes a flag and its value, if it needs one, and returns how many words of rest it took.
func (a *arguments) flag(arg string, rest []string) int {
	a.list = ""
	name, value, joined := strings.Cut(arg, "=")
	f := a.find(strings.TrimPrefix(name, "--"))
	took := 0
	if f != nil && !joined && !f.IsBool() && len(rest) > 0 && isValue(rest[0]) {
		value, took = rest[0], 1
		arg = name + "=" + value
	}
	if f != nil && f.IsSlice() {
		a.list = name
	}
	if f != nil && f.Name == "config" {
		a.config = value
	}
	a.out = append(a.out, arg)
	return took
}

// word takes a word that is not a flag: the name of a command, a further value of a list, or an argument.
// A list does not take a word that can be an argument of the command.
func (a *arguments) word(arg string) {
	child := slices.IndexFunc(a.node.Children, func(n *kong.Node) bool { return n.Name == arg })
	switch {
	case child >= 0:
		a.node, a.positional, a.list = a.node.Children[child], 0, ""
	case a.list != "" && !a.wantsMore():
		arg = a.list + "=" + arg
	default:
		a.positional++
		a.list = ""
	}
	a.out = append(a.out, arg)
}

// wantsMore reports whether the command can take further arguments.
func (a *arguments) wantsMore() bool {
	return slices.ContainsFunc(a.node.Positional, (*kong.Value).IsCumulative) || a.positional < len(a.node.Positional)
}

// find returns the flag of this name of the command or of a parent command.
func (a *arguments) find(name string) *kong.Flag {
	nodes := []*kong.Node{a.node.DefaultCmd}
	for n := a.node; n != nil; n = n.Parent {
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		if n == nil {
			continue
		}
		if i := slices.IndexFunc(n.Flags, func(f *kong.Flag) bool { return f.Name == name }); i >= 0 {
			return n.Flags[i]
		}
	}
	return nil
}

// isValue reports whether a word is a value. The other words are flags; - and negative numbers are values.
func isValue(word string) bool {
	rest, dash := strings.CutPrefix(word, "-")
	return !dash || rest == "" || rest[0] >= '0' && rest[0] <= '9'
}
