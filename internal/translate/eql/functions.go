package eql

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/condition"
	"tocsin/internal/diag"
	"tocsin/internal/mapping"
)

// otherFunctions are the functions of EQL that yield other values than true and false.
var otherFunctions = map[string]bool{
	"add": true, "between": true, "concat": true, "divide": true, "indexof": true, "length": true, "modulo": true,
	"multiply": true, "number": true, "string": true, "substring": true, "subtract": true,
}

// function is one function over a field and constants.
type function struct {
	name     string
	arity    string // in words
	min, max int    // arguments; max 0: no limit
	folds    bool   // knows the tilde
	// lower writes the call. The values are the constants behind the field.
	lower func(l *lowerer, c *Call, f mapping.Field, values []string) condition.Expr
}

// booleanFunctions are the functions that Query DSL can say, by lower-case name.
var booleanFunctions = map[string]*function{
	"startswith":     {"startsWith", "exactly two", 2, 2, true, lowerStartsWith},
	"endswith":       {"endsWith", "exactly two", 2, 2, true, lowerEndsWith},
	"stringcontains": {"stringContains", "exactly two", 2, 2, true, lowerStringContains},
	"cidrmatch":      {"cidrMatch", "at least two", 2, 0, false, lowerCIDRMatch},
}

func (l *lowerer) booleanCall(c *Call) condition.Expr {
	name := strings.ToLower(c.Name)
	fn := booleanFunctions[name]
	switch {
	case fn == nil && otherFunctions[name]:
		return l.fail(c.Span, CodeUnsupported, "function [%s] is not supported yet", c.Name)
	case fn == nil:
		return l.fail(c.NameSpan, CodeFunction, "Unknown function [%s]%s", c.Name, suggestFunction(name))
	case len(c.Args) < fn.min || fn.max > 0 && len(c.Args) > fn.max:
		return l.fail(c.Span, CodeFunction, "error building [%s]: expects %s arguments", name, fn.arity)
	case c.Fold && !fn.folds:
		return l.fail(c.NameSpan, CodeFunction, "function [%s] has no case-insensitive form [%s~]", fn.name, c.Name)
	}
	field, ok := c.Args[0].(*Field)
	if !ok {
		return l.fail(c.Args[0].Pos(), CodeUnsupported, "[%s] on anything but a field is not supported yet", fn.name)
	}
	values, isNull, ok := l.constants(c)
	if !ok {
		return condition.Const(false)
	}
	f, state := l.resolve(field)
	switch {
	case state == failed:
		return condition.Const(false)
	case state == constantNull || isNull:
		return nil
	}
	return fn.lower(l, c, f, values)
}

var ordinals = []string{"first", "second", "third", "fourth", "fifth"}

// constants returns the string arguments behind the first.
func (l *lowerer) constants(c *Call) (values []string, isNull, ok bool) {
	for i, arg := range c.Args[1:] {
		ordinal := ordinals[min(i+1, len(ordinals)-1)]
		literal, isLiteral := arg.(*Literal)
		if !isLiteral {
			l.fail(arg.Pos(), CodeUnsupported, "%s argument of [%s] must be a constant, received [%s]", ordinal, Print(c), Print(arg))
			return nil, false, false
		}
		if literal.Value == nil {
			isNull = true
			continue
		}
		text, isString := literal.Value.(string)
		if !isString {
			l.fail(arg.Pos(), CodeType, "%s argument of [%s] must be [string], found value [%s] type [%s]",
				ordinal, Print(c), Print(arg), strings.ToLower(typeName(literal.Value)))
			return nil, false, false
		}
		values = append(values, text)
	}
	return values, isNull, true
}

func lowerStartsWith(l *lowerer, c *Call, f mapping.Field, values []string) condition.Expr {
	return l.strings(f, c.Args[0].Pos(), Print(c), condition.Prefix{Field: f.Name, Value: values[0], Fold: c.Fold})
}

func lowerEndsWith(l *lowerer, c *Call, f mapping.Field, values []string) condition.Expr {
	pattern := "*" + escapeWildcards(values[0])
	return l.strings(f, c.Args[0].Pos(), Print(c), condition.Wildcard{Field: f.Name, Pattern: pattern, Fold: c.Fold})
}

// lowerStringContains: an empty text is contained in nothing.
func lowerStringContains(l *lowerer, c *Call, f mapping.Field, values []string) condition.Expr {
	if values[0] == "" {
		return condition.Const(false)
	}
	pattern := "*" + escapeWildcards(values[0]) + "*"
	return l.strings(f, c.Args[0].Pos(), Print(c), condition.Wildcard{Field: f.Name, Pattern: pattern, Fold: c.Fold})
}

func lowerCIDRMatch(l *lowerer, c *Call, f mapping.Field, values []string) condition.Expr {
	for i, v := range values {
		if _, err := condition.ParseNetwork(v); err != nil {
			return l.fail(c.Args[i+1].Pos(), CodeType, "[%s] is not a network in CIDR notation", v)
		}
	}
	switch f.Type.Family() {
	case mapping.FamilyIP, mapping.FamilyUnknown, mapping.FamilyString:
		return condition.CIDR{Field: f.Name, Networks: values}
	}
	return l.fail(c.Args[0].Pos(), CodeType, "first argument of [%s] must be [ip or string], found value [%s] type [%s]", Print(c), f.Name, f.Type)
}

// escapeWildcards makes every character of a constant stand for itself in a wildcard pattern.
func escapeWildcards(s string) string { return wildcardEscaper.Replace(s) }

var wildcardEscaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)

// suggestFunction names the known function nearest to a misspelt one.
func suggestFunction(name string) string {
	known := slices.AppendSeq(slices.Collect(maps.Keys(booleanFunctions)), maps.Keys(otherFunctions))
	if best := diag.Nearest(name, known); best != "" {
		return ", did you mean [" + best + "]?"
	}
	return ""
}
