package eql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/match/condition"
)

// parameter is one parameter of a function.
type parameter struct {
	want wanted
	// optional parameters may be omitted, and null counts as omitted if the parameter is nullable.
	optional, nullable bool
	// constant parameters may not depend on a field.
	constant bool
}

// wanted is a class of accepted kinds.
type wanted string

const (
	wantString   wanted = "string"
	wantNumber   wanted = "numeric"
	wantInteger  wanted = "integer"
	wantBoolean  wanted = "boolean"
	wantAddress  wanted = "ip or string"
	wantAnything wanted = "any"
)

func (w wanted) accepts(k kind) bool {
	if k == kindUnknown || k == kindNull || w == wantAnything {
		return true
	}
	switch w {
	case wantString:
		return k == kindString
	case wantNumber:
		return k.isNumber()
	case wantInteger:
		return k.isInteger()
	case wantBoolean:
		return k == kindBoolean
	case wantAddress:
		return k == kindString || k == kindIP
	case wantAnything:
	}
	return true
}

// function is one function of EQL.
type function struct {
	// arity is the number of arguments in words.
	arity      string
	parameters []parameter
	// variadic functions accept any number of their last parameter.
	variadic bool
	// folds means that there is a form with a tilde.
	folds  bool
	result kind
	// eval computes the value. Arguments are not null unless nullable; omitted arguments at the end
	// are missing from args.
	eval func(fold bool, args []scalar) (scalar, error)
	// pushed returns the condition of a call on a field and constants; nil for functions that Query
	// DSL does not have.
	pushed func(field string, fold bool, values []string) condition.Expr
}

func (f *function) parameter(i int) parameter { return f.parameters[min(i, len(f.parameters)-1)] }

func (f *function) takes(n int) bool {
	least := 0
	for _, p := range f.parameters {
		if !p.optional {
			least++
		}
	}
	return n >= least && (f.variadic || n <= len(f.parameters))
}

// ordinals name arguments in messages.
var ordinals = []string{"first", "second", "third", "fourth", "fifth"}

// source returns the text of a node as the author wrote it.
func (l *lowerer) source(n Node) string {
	s := n.Pos()
	return l.text.Value[s.Start:s.End]
}

// function finds and checks the function of a call; nil after an error was reported.
func (l *lowerer) function(c *Call) *function {
	name := strings.ToLower(c.Name)
	f := functions[name]
	switch {
	case f == nil:
		l.fail(c.NameSpan, CodeFunction, "Unknown function [%s]%s", c.Name, suggestFunction(name))
		return nil
	case c.Fold && !f.folds:
		l.fail(c.NameSpan, CodeFunction, "function [%s] has no case-insensitive form [%s~]", name, c.Name)
		return nil
	case !f.takes(len(c.Args)):
		l.fail(c.Span, CodeFunction, "error building [%s]: expects %s", name, f.arity)
		return nil
	}
	return f
}

// callKind checks a call's arguments and returns the kind of its value.
func (l *lowerer) callKind(c *Call) (kind, bool) {
	f := l.function(c)
	if f == nil {
		return kindUnknown, false
	}
	kinds := make([]kind, len(c.Args))
	for i, arg := range c.Args {
		k, ok := l.kind(arg)
		if !ok {
			return kindUnknown, false
		}
		kinds[i] = k
		p, ordinal := f.parameter(i), ordinals[min(i, len(ordinals)-1)]
		if p.constant && !isConstant(arg) {
			l.fail(arg.Pos(), CodeType, "%s argument of [%s] must be a constant, received [%s]", ordinal, l.source(c), l.source(arg))
			return kindUnknown, false
		}
		if !p.want.accepts(k) {
			l.fail(arg.Pos(), CodeType, "%s argument of [%s] must be [%s], found value [%s] type [%s]", ordinal, l.source(c), p.want, l.source(arg), k)
			return kindUnknown, false
		}
	}
	if f.result == kindDouble && !slices.Contains(kinds, kindDouble) && !slices.Contains(kinds, kindUnknown) {
		return kindLong, true // arithmetic on whole numbers
	}
	return f.result, true
}

func (a assembler) call(c *Call) (program, error) {
	f := functions[strings.ToLower(c.Name)]
	if f == nil {
		return nil, fmt.Errorf("unknown function %s", c.Name)
	}
	args, err := a.nodes(c.Args)
	if err != nil {
		return nil, err
	}
	return func(row []scalar) (scalar, error) {
		values := make([]scalar, len(args))
		for i, arg := range args {
			v, err := arg(row)
			if err != nil {
				return nil, err
			}
			if v == nil && !f.parameter(i).nullable {
				return nil, nil //nolint:nilnil // null in, null out
			}
			values[i] = v
		}
		return f.eval(c.Fold, values)
	}, nil
}

// suggestFunction returns the known function nearest to a misspelt one.
func suggestFunction(name string) string {
	if best := diag.Nearest(name, slices.Collect(maps.Keys(functions))); best != "" {
		return ", did you mean [" + best + "]?"
	}
	return ""
}
