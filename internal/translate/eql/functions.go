package eql

import "tocsin/internal/match/condition"

// Parameter lists that several functions share.
var (
	twoStrings = []parameter{{want: wantString}, {want: wantString}}
	twoNumbers = []parameter{{want: wantNumber}, {want: wantNumber}}
)

// functions has one entry per function of EQL, by lower-case name (the reference of Elasticsearch
// 8, "EQL function reference").
var functions = map[string]*function{
	"add":      arithmeticFunction("+"),
	"subtract": arithmeticFunction("-"),
	"multiply": arithmeticFunction("*"),
	"divide":   arithmeticFunction("/"),
	"modulo":   arithmeticFunction("%"),
	"between": {
		arity: "three or four arguments", folds: true, result: kindString, eval: between,
		parameters: []parameter{{want: wantString}, {want: wantString}, {want: wantString}, {want: wantBoolean, optional: true}},
	},
	"cidrmatch": {
		arity: "at least two arguments", variadic: true, result: kindBoolean, eval: cidrMatch,
		parameters: []parameter{{want: wantAddress}, {want: wantString, constant: true}},
		pushed: func(field string, _ bool, values []string) condition.Expr {
			return condition.CIDR{Field: field, Networks: values}
		},
	},
	"concat": {
		arity: "at least one argument", variadic: true, result: kindString, eval: concat,
		parameters: []parameter{{want: wantAnything}},
	},
	"endswith": {
		arity: "exactly two arguments", folds: true, result: kindBoolean, eval: endsWith, parameters: twoStrings,
		pushed: func(field string, fold bool, values []string) condition.Expr {
			return condition.Wildcard{Field: field, Pattern: "*" + escapeWildcards(values[0]), Fold: fold}
		},
	},
	"indexof": {
		arity: "two or three arguments", folds: true, result: kindInteger, eval: indexOf,
		parameters: []parameter{{want: wantString}, {want: wantString}, {want: wantInteger, optional: true}},
	},
	"length": {
		arity: "exactly one argument", result: kindInteger, eval: length, parameters: []parameter{{want: wantString}},
	},
	"number": {
		arity: "one or two arguments", result: kindDouble, eval: number,
		parameters: []parameter{{want: wantString}, {want: wantInteger, optional: true, nullable: true}},
	},
	"startswith": {
		arity: "exactly two arguments", folds: true, result: kindBoolean, eval: startsWith, parameters: twoStrings,
		pushed: func(field string, fold bool, values []string) condition.Expr {
			return condition.Prefix{Field: field, Value: values[0], Fold: fold}
		},
	},
	"string": {
		arity: "exactly one argument", result: kindString, eval: toString, parameters: []parameter{{want: wantAnything}},
	},
	"stringcontains": {
		arity: "exactly two arguments", folds: true, result: kindBoolean, eval: stringContains, parameters: twoStrings,
		pushed: func(field string, fold bool, values []string) condition.Expr {
			if values[0] == "" {
				return condition.Const(false) // no text contains an empty text
			}
			return condition.Wildcard{Field: field, Pattern: "*" + escapeWildcards(values[0]) + "*", Fold: fold}
		},
	},
	"substring": {
		arity: "two or three arguments", result: kindString, eval: substring,
		parameters: []parameter{{want: wantString}, {want: wantInteger}, {want: wantInteger, optional: true, nullable: true}},
	},
}

func arithmeticFunction(op string) *function {
	return &function{
		arity: "exactly two arguments", result: kindDouble, parameters: twoNumbers,
		eval: func(_ bool, args []scalar) (scalar, error) { return calculate(op, args[0], args[1]) },
	}
}
