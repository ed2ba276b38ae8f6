package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// arguments cuts a command line up as the parser will, and writes it so that the parser cannot
// misunderstand: every value is joined to its flag (--size=-5, --events=-), and each further value
// of a list gets the flag too, since shells make --events a b of --events *.
type arguments struct {
	node *kong.Node // The command that has been named so far.
	// positional is how many arguments of that command have been seen.
	positional int
	// list is the flag to which further values belong.
	list string
	out  []string
	// config is the value of the last --config.
	config string
}

// readArguments reads a line for the commands of a model.
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

// flag takes a flag and, where it wants one, its value; it returns how many words of rest it took.
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

// word takes what is no flag: the name of a command, a further value of a list, or an argument.
// A list takes no word that the command may want for itself.
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

// wantsMore reports whether the command may have arguments beyond those seen.
func (a *arguments) wantsMore() bool {
	return slices.ContainsFunc(a.node.Positional, (*kong.Value).IsCumulative) || a.positional < len(a.node.Positional)
}

// find returns the flag of this name that the command has, or one above it.
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

// isValue tells a value from a flag: standard input and negative numbers are values.
func isValue(word string) bool {
	rest, dash := strings.CutPrefix(word, "-")
	return !dash || rest == "" || rest[0] >= '0' && rest[0] <= '9'
}
