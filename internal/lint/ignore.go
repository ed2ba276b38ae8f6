package lint

import (
	"regexp"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// codeIgnore marks a comment that asks to ignore a lint in a way that has no effect.
const codeIgnore = area + "ignore"

// directive is a comment that asks to ignore lints: lint:ignore CODE[,CODE] reason, or lint:file-ignore.
var directive = regexp.MustCompile(`(?m)(?:#|//|/\*)[ \t]*lint:(ignore|file-ignore)\b[ \t]*(\S*)[ \t]*(.*)$`)

// ignore is a directive in force, for the lines from first to last.
type ignore struct {
	codes       []string
	first, last int
}

func (i ignore) covers(d diag.Diagnostic) bool {
	return i.first <= d.Line && d.Line <= i.last && slices.Contains(i.codes, d.Code)
}

// wholeFile is the last line of a directive for a file.
const wholeFile = 1 << 30

// Keep returns the diagnostics of the rule that its author does not ignore, and what is amiss with the comments that ask to
// ignore some. Comments are for their own file, the rule's or that of its exceptions. Errors of parsers cannot be ignored.
func (s *Subject) Keep(list diag.List) diag.List {
	if s.Rule.Source == nil {
		return list
	}
	file, _, _ := s.Rule.Source.Place("rule.rule_id")
	files := []diag.Text{file}
	for _, item := range s.Rule.Exceptions {
		if f := item.File(); !slices.ContainsFunc(files, func(o diag.Text) bool { return o.File() == f.File() }) {
			files = append(files, f)
		}
	}
	kept := list
	for _, file := range files {
		if !strings.Contains(file.Value, "lint:") {
			continue
		}
		ignores, faults := directives(file)
		kept = slices.DeleteFunc(slices.Clone(kept), func(d diag.Diagnostic) bool {
			mayBe := d.File == file.File() && (d.Severity != diag.Error || strings.HasPrefix(d.Code, area))
			return mayBe && slices.ContainsFunc(ignores, func(i ignore) bool { return i.covers(d) })
		})
		for _, d := range faults {
			if s.Rule.Owns(d) {
				kept = append(kept, d)
			}
		}
	}
	return kept
}

// directives reads the directives of a file.
func directives(file diag.Text) (in []ignore, faults diag.List) {
	lines := strings.Split(file.Value, "\n")
	for _, m := range directive.FindAllStringSubmatchIndex(file.Value, -1) {
		span := diag.Span{Start: m[0], End: m[1]}
		kind, codes := file.Value[m[2]:m[3]], file.Value[m[4]:m[5]]
		reason := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(file.Value[m[6]:m[7]]), "*/"))
		i := ignore{last: wholeFile}
		var unknown string
		for code := range strings.SplitSeq(codes, ",") {
			i.codes = append(i.codes, full(code))
			if strings.HasPrefix(full(code), area) && !isCode(full(code)) {
				unknown = code
			}
		}
		switch {
		case unknown != "" || codes == "":
			advice := ""
			if near := diag.Nearest(full(unknown), codesOf(All())); near != "" {
				advice = ": did you mean " + near + "?"
			}
			faults = append(faults, file.Report(diag.Warning, codeIgnore, span, "%q is no code of a lint%s", unknown, advice))
			continue
		case reason == "":
			faults = append(faults, file.Report(diag.Warning, codeIgnore, span, "the comment has no effect without a reason: write lint:%s %s and why", kind, codes))
			continue
		}
		if kind == "ignore" {
			at := strings.Count(file.Value[:m[0]], "\n")
			alone := strings.TrimSpace(lines[at][:m[0]-lineStart(file.Value, m[0])]) == ""
			i.first, i.last = scope(lines, at, alone)
		}
		in = append(in, i)
	}
	return in, faults
}

func lineStart(text string, at int) int { return strings.LastIndexByte(text[:at], '\n') + 1 }

func isCode(code string) bool { return slices.Contains(codesOf(All()), code) }

func codesOf(lints []Lint) []string {
	codes := make([]string, len(lints))
	for i, l := range lints {
		codes[i] = l.Code
	}
	return codes
}

// scope returns the lines, counted from 1, that a directive in line at, counted from 0, is for: its own, or if it stands
// alone, the next that is no comment, with all lines of the value or table that begins there.
func scope(lines []string, at int, alone bool) (first, last int) {
	if alone {
		for at+1 < len(lines) {
			at++
			if text := strings.TrimSpace(lines[at]); text != "" && !strings.HasPrefix(text, "#") && !strings.HasPrefix(text, "//") {
				break
			}
		}
	}
	first, last = at+1, at+1
	text := strings.TrimSpace(lines[at])
	for _, quote := range []string{`'''`, `"""`} {
		if strings.Count(text, quote) == 1 {
			return first, first + until(lines[at+1:], func(l string) bool { return strings.Contains(l, quote) }, true)
		}
	}
	switch {
	case strings.HasPrefix(text, "["):
		below := strings.Trim(text, "[] \t") + "." // tables of this table
		return first, first + until(lines[at+1:], func(l string) bool {
			l = strings.TrimSpace(l)
			return strings.HasPrefix(l, "[") && !strings.HasPrefix(strings.TrimLeft(l, "["), below)
		}, false)
	case strings.HasSuffix(text, "["):
		return first, first + until(lines[at+1:], func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "]") }, true)
	case strings.HasSuffix(text, ":"), strings.HasSuffix(text, "|"), strings.HasSuffix(text, "|-"), strings.HasSuffix(text, ">"), strings.HasSuffix(text, ">-"):
		depth := indent(lines[at])
		return first, first + until(lines[at+1:], func(l string) bool { return strings.TrimSpace(l) != "" && indent(l) <= depth }, false)
	}
	return first, last
}

// until counts lines up to one that ends a value; with is whether that line belongs to it.
func until(lines []string, ends func(string) bool, with bool) int {
	for i, l := range lines {
		if ends(l) {
			if with {
				i++
			}
			return i
		}
	}
	return len(lines)
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
