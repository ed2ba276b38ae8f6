package escu

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/splunk"
	"tocsin/internal/translate/spl"
)

// Macros holds the macros of a library by name and number of arguments.
type Macros map[string]map[int]spl.Macro

// Add adds a macro. It replaces a macro with the same name and number of arguments.
func (m Macros) Add(macro spl.Macro) {
	if m[macro.Name] == nil {
		m[macro.Name] = map[int]spl.Macro{}
	}
	m[macro.Name][len(macro.Args)] = macro
}

// EvalMacro evaluates a definition that is an expression. Splunk evaluates it when a search starts. A result that
// changes over time is an error, since searches are parsed only once.
func (m Macros) EvalMacro(expression string) (string, error) {
	if f := volatile.FindStringSubmatch(expression); f != nil {
		return "", fmt.Errorf("%s() has another value in each run", strings.ToLower(f[1]))
	}
	s, diags := spl.ParseText(diag.NewText("macro", "| makeresults | eval macro = "+expression), nil)
	if s == nil {
		return "", diags.Err()
	}
	value := splunk.Null
	err := splunk.Run(context.Background(), s, splunk.Env{}, splunk.Events{}, splunk.Window{}, func(row splunk.Row) error {
		value = row.Get("macro")
		return nil
	})
	if err == nil && value.IsNull() {
		err = errors.New("it is null")
	}
	return value.String(), err //nolint:wrapcheck // the caller names the macro
}

// volatile are functions whose result depends on the time of the call.
var volatile = regexp.MustCompile(`(?i)\b(now|time|random)\s*\(`)

// filterSuffix is the end of the names of filter macros. Each detection has one without a file, which matches
// everything until the user defines it.
const filterSuffix = "_filter"

// Macro returns a macro of the library, a built-in macro, or the filter macro of a detection.
func (m Macros) Macro(name string, args int) (macro spl.Macro, others []int, found bool) {
	for _, set := range []Macros{m, builtin} {
		if macro, found = set[name][args]; found {
			return macro, nil, true
		}
		for n := range set[name] {
			others = append(others, n)
		}
	}
	if args == 0 && strings.HasSuffix(name, filterSuffix) && len(others) == 0 {
		return spl.Macro{Name: name, Definition: "search *"}, nil, true
	}
	slices.Sort(others)
	return spl.Macro{}, slices.Compact(others), false
}

// builtin has macros of Splunk's apps, and the default values of the content's settings.
var builtin = func() Macros {
	m := Macros{}
	for _, macro := range []spl.Macro{
		{Name: "drop_dm_object_name", Args: []string{"object"}, Definition: `rename "$object$.*" as *`},
		{Name: "security_content_ctime", Args: []string{"field"}, Definition: `convert timeformat="%Y-%m-%dT%H:%M:%S" ctime($field$)`},
		{Name: "security_content_summariesonly", Definition: "summariesonly=false allow_old_summaries=true fillnull_value=null"},
		{Name: "summariesonly_config", Definition: "false"},
		{Name: "oldsummaries_config", Definition: "true"},
		{Name: "fillnull_config", Definition: "null"},
		{Name: "summariesonly", Definition: "summariesonly=false"},
	} {
		m.Add(macro)
	}
	return m
}()

// readMacro reads the file of a macro.
func readMacro(o *object) (spl.Macro, bool) {
	o.want("name")
	o.want("definition")
	m := spl.Macro{Name: o.text("name"), Args: o.texts("arguments"), Definition: o.text("definition")}
	if eval := o.flag("iseval"); eval != nil {
		m.Eval = *eval
	}
	o.ignore("description", "origin", "id", "version", "author", "date", "creation_date", "modification_date", "status", "type")
	o.rest()
	// The name may include the number of arguments, as in Splunk's own files.
	m.Name, _, _ = strings.Cut(m.Name, "(")
	return m, m.Name != ""
}

// readMacrosConf reads the macros.conf of an app: [name] or [name(2)], followed by key = value. A backslash at the
// end of a line continues the value on the next line.
func readMacrosConf(file diag.Text, diags *diag.List) []spl.Macro {
	var out []spl.Macro
	var current *spl.Macro
	args := 0
	end := func() {
		if current == nil {
			return
		}
		if len(current.Args) != args {
			*diags = append(*diags, file.Report(diag.Error, CodeValue, diag.Span{}, "the macro %s has %d arguments and names %d", current.Name, args, len(current.Args)))
		}
		out = append(out, *current)
	}
	at := 0
	for at < len(file.Value) {
		start := at
		var logical strings.Builder
		for {
			stop := strings.IndexByte(file.Value[at:], '\n')
			part := file.Value[at:]
			if stop >= 0 {
				part = file.Value[at : at+stop]
				at += stop + 1
			} else {
				at = len(file.Value)
			}
			part = strings.TrimSuffix(part, "\r")
			more, goesOn := strings.CutSuffix(part, `\`)
			if !goesOn || at >= len(file.Value) {
				logical.WriteString(part)
				break
			}
			logical.WriteString(more + "\n")
		}
		line := logical.String()
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';':
		case trimmed[0] == '[' && strings.HasSuffix(trimmed, "]"):
			end()
			name, count, hasCount := strings.Cut(strings.TrimSuffix(trimmed[1:len(trimmed)-1], ")"), "(")
			current, args = &spl.Macro{Name: name}, 0
			if hasCount {
				n, err := strconv.Atoi(count)
				if err != nil {
					*diags = append(*diags, file.Report(diag.Error, CodeSyntax, diag.Span{Start: start, End: start + len(line)}, "%s is no name of a macro", trimmed))
				}
				args = n
			}
		default:
			setMacro(file, current, trimmed, diag.Span{Start: start, End: start + len(line)}, diags)
		}
	}
	end()
	return out
}

func setMacro(file diag.Text, m *spl.Macro, line string, span diag.Span, diags *diag.List) {
	key, value, ok := strings.Cut(line, "=")
	if !ok || m == nil {
		*diags = append(*diags, file.Report(diag.Error, CodeSyntax, span, "expected a [macro] and its key = value"))
		return
	}
	value = strings.TrimSpace(value)
	switch key = strings.TrimSpace(key); key {
	case "definition":
		m.Definition = value
	case "args":
		for arg := range strings.SplitSeq(value, ",") {
			m.Args = append(m.Args, strings.TrimSpace(arg))
		}
	case "iseval":
		m.Eval = value == "1" || strings.EqualFold(value, "true")
	case "description", "validation", "errormsg":
	default:
		*diags = append(*diags, file.Report(diag.Warning, CodeUnknownKey, span, "unknown key %s", key))
	}
}
