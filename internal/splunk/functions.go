package splunk

import (
	"maps"
	"slices"

	"tocsin/internal/translate/spl"
)

// function evaluates a call with evaluated arguments.
type function func(s *scope, args []Value) Value

// functions has the functions by name; each is in the file of its kind.
var functions = func() map[string]function {
	all := map[string]function{}
	for _, set := range []map[string]function{conditionFunctions, numberFunctions, textFunctions, multiFunctions, timeFunctions, jsonFunctions, mathFunctions} {
		maps.Copy(all, set)
	}
	return all
}()

// lazy has the functions that do not evaluate each argument exactly once.
var lazy map[string]func(args []program, n *spl.Call) program

func init() { //nolint:gochecknoinits // Their compilers call compileNode, which reads the table.
	lazy = map[string]func(args []program, n *spl.Call) program{
		"if": compileIf, "case": compileCase, "validate": compileValidate, "coalesce": compileCoalesce,
		"like":  func(args []program, _ *spl.Call) program { return like(args[0], args[1]) },
		"in":    func(args []program, _ *spl.Call) program { return compileMember(args[0], args[1:]) },
		"match": compileMatch, "replace": compileReplaceCall, "mvfind": compileFind, "mvmap": compileMap, "mvfilter": compileFilter,
		"searchmatch": compileSearchMatch, "sigfig": compileSigfig,
	}
}

// Functions returns the names of the supported functions, sorted.
func Functions() []string {
	return slices.Sorted(maps.Keys(mergeNames()))
}

func mergeNames() map[string]bool {
	names := map[string]bool{}
	for name := range functions {
		names[name] = true
	}
	for name := range lazy {
		names[name] = true
	}
	return names
}

func compileCall(n *spl.Call) program {
	args := compileNodes(n.Args)
	if compile, ok := lazy[n.Name]; ok {
		return compile(args, n)
	}
	f := functions[n.Name]
	if f == nil {
		return func(*scope) Value { return Null }
	}
	return func(s *scope) Value {
		values := make([]Value, len(args))
		for i, a := range args {
			values[i] = a(s)
		}
		return f(s, values)
	}
}

func compileIf(args []program, _ *spl.Call) program {
	return func(s *scope) Value {
		if args[0](s).isTrue() {
			return args[1](s)
		}
		return args[2](s)
	}
}

func compileCase(args []program, _ *spl.Call) program {
	return func(s *scope) Value {
		for i := 0; i+1 < len(args); i += 2 {
			if args[i](s).isTrue() {
				return args[i+1](s)
			}
		}
		return Null
	}
}

// compileValidate is the opposite of case: it returns the value of the first condition that is false.
func compileValidate(args []program, _ *spl.Call) program {
	return func(s *scope) Value {
		for i := 0; i+1 < len(args); i += 2 {
			if v := args[i](s); v.kind == boolean && v.number == 0 {
				return args[i+1](s)
			}
		}
		return Null
	}
}

func compileCoalesce(args []program, _ *spl.Call) program {
	return func(s *scope) Value {
		for _, a := range args {
			if v := a(s); !v.IsNull() {
				return v
			}
		}
		return Null
	}
}

// compileSearchMatch is true if the row matches the search text.
func compileSearchMatch(args []program, _ *spl.Call) program {
	return func(s *scope) Value {
		x, err := spl.ParseCondition(args[0](s).String())
		if err != nil {
			s.fail(err)
			return Null
		}
		return truth(compileExpr(x, same)(s.row))
	}
}

func (s *scope) fail(err error) {
	if s.fault == nil {
		s.fault = err
	}
}

var conditionFunctions = map[string]function{
	"true":  func(*scope, []Value) Value { return truth(true) },
	"false": func(*scope, []Value) Value { return truth(false) },
	"null":  func(*scope, []Value) Value { return Null },
	"nullif": func(_ *scope, a []Value) Value {
		if compare("=", a[0], a[1]).isTrue() {
			return Null
		}
		return a[0]
	},
	"isnull":    func(_ *scope, a []Value) Value { return truth(a[0].IsNull()) },
	"isnotnull": func(_ *scope, a []Value) Value { return truth(!a[0].IsNull()) },
	"isbool":    func(_ *scope, a []Value) Value { return truth(a[0].kind == boolean) },
	"isnum": func(_ *scope, a []Value) Value {
		_, ok := a[0].Float()
		return truth(ok)
	},
	"isint": func(_ *scope, a []Value) Value {
		x, ok := a[0].Float()
		return truth(ok && x == float64(int64(x)))
	},
	"isstr": func(_ *scope, a []Value) Value {
		_, isNumber := a[0].Float()
		return truth(a[0].kind == text && !isNumber)
	},
	"isarray": func(_ *scope, a []Value) Value {
		d, _ := readJSON(a[0].String())
		_, is := d.([]any)
		return truth(is)
	},
	"isobject": func(_ *scope, a []Value) Value {
		d, _ := readJSON(a[0].String())
		_, is := d.(*object)
		return truth(is)
	},
	"ismv": func(_ *scope, a []Value) Value { return truth(len(a[0].Each()) > 1) },
	"typeof": func(_ *scope, a []Value) Value {
		_, isNumber := a[0].Float()
		switch {
		case a[0].IsNull():
			return Text("Invalid")
		case a[0].kind == boolean:
			return Text("Boolean")
		case isNumber:
			return Text("Number")
		}
		return Text("String")
	},
	"cidrmatch": func(_ *scope, a []Value) Value {
		if a[0].IsNull() || a[1].IsNull() {
			return Null
		}
		net, ok := network(a[0].String())
		if !ok {
			return truth(false)
		}
		for _, x := range a[1].Each() {
			if inNetwork(net, x.String()) {
				return truth(true)
			}
		}
		return truth(false)
	},
}
