package form_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/diag"
	"tocsin/internal/rule"
	"tocsin/internal/rule/form"
)

func formed(t interface {
	Helper()
	Fatal(args ...any)
}, text string,
) string {
	t.Helper()
	out, diags, err := form.TOML(diag.NewText("rule.toml", text))
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags.Err(), text)
	}
	return out
}

func TestTOML(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"the order of tables and keys", `
[[rule.threat]]
framework = "MITRE ATT&CK"
[rule.threat.tactic]
id = "TA0002"
[rule]
query='a'
   name  =  "N"
rule_id="i"
zeta = 1
[rule.threshold]
value=3
[metadata]
maturity = "production"
`, `[metadata]
maturity = "production"

[rule]
rule_id = "i"
name = "N"
query = 'a'
zeta = 1

[rule.threshold]
value = 3

[[rule.threat]]
framework = "MITRE ATT&CK"

[rule.threat.tactic]
id = "TA0002"
`},
		{"comments", `# About the file.

# Above the table.
[rule] # beside it
# Above the name,
# in two lines.

name = "N" # beside

rule_id = "i"
# At the end.

# Of transform.
[transform]
# Alone.
`, `# About the file.

# Above the table.
[rule] # beside it
rule_id = "i"
# Above the name,
# in two lines.
name = "N" # beside
# At the end.

# Of transform.
[transform]
# Alone.
`},
		{"lists", `[rule]
tags = [
  "a",   'b' ,

  ["c",
   1 ] ]
index=["` + strings.Repeat("x", 60) + `", "` + strings.Repeat("y", 60) + `"]
references = [ # first
  "one", # beside one
  # above two
  "two"
  # at the end
]
author = []
`, `[rule]
author = []
tags = ["a", 'b', ["c", 1]]
references = [
  # first
  "one", # beside one
  # above two
  "two",
  # at the end
]
index = [
  "` + strings.Repeat("x", 60) + `",
  "` + strings.Repeat("y", 60) + `",
]
`},
		{"strings with what ends strings, lists and comments", `[rule]
query = '''
any where x == "]" # no comment
  [ { '' ''' # a comment
note = """a \""" ] # """
name = "a # ] \" b"
description = 'c:\'
filters = [{a = "]", b = [1, 2]}, { c = '''
x
''' }]
`, `[rule]
name = "a # ] \" b"
description = 'c:\'
query = '''
any where x == "]" # no comment
  [ { '' ''' # a comment
filters = [
  {a = "]", b = [1, 2]},
  { c = '''
x
''' },
]
note = """a \""" ] # """
`},
		{"a file of tests keeps its order", `[[test]]
name="b"
alerts=[ ]
[[test]]
alerts=["x"]
name = "a"`, `[[test]]
name = "b"
alerts = []

[[test]]
alerts = ["x"]
name = "a"
`},
		{"nothing", "", ""},
		{"a comment alone", "  # a comment \n\n", "# a comment\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := formed(t, tt.text)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if d := cmp.Diff(got, formed(t, got)); d != "" {
				t.Errorf("a second time:\n%s", d)
			}
			if d := cmp.Diff(got, formed(t, strings.ReplaceAll(tt.text, "\n", "\r\n"))); d != "" {
				t.Errorf("with line ends of Windows:\n%s", d)
			}
		})
	}
}

func TestNotTOML(t *testing.T) {
	out, diags, err := form.TOML(diag.NewText("rule.toml", "[rule]\nname = \"a\nb = 1\n"))
	if out != "" || !diags.HasErrors() || err != nil {
		t.Errorf("%q, %v, %v", out, diags, err)
	}
}

// TestTOMLKeepsMeaning draws files: the normal form has the content hash and the comments of the file, and is its own
// normal form.
func TestTOMLKeepsMeaning(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := drawer{T: rt}
		text := d.file()
		got := formed(rt, text)
		if again := formed(rt, got); again != got {
			rt.Errorf("a second time:\n%s", cmp.Diff(got, again))
		}
		before, _ := rule.Parse("rule.toml", text)
		after, _ := rule.Parse("rule.toml", got)
		if before.ContentHash != after.ContentHash || before.ContentHash == "" {
			rt.Errorf("hash %q became %q\n%s\n%s", before.ContentHash, after.ContentHash, text, got)
		}
		for _, c := range d.comments {
			if strings.Count(got, c) != 1 {
				rt.Errorf("comment %q is %d times in\n%s", c, strings.Count(got, c), got)
			}
		}
	})
}

// drawer draws files.
type drawer struct {
	*rapid.T

	comments []string
}

func (d *drawer) file() string {
	blocks := []string{d.blanks() + d.table("[metadata]", []string{"maturity", "b"})}
	blocks = append(blocks, d.table("[rule]", []string{"name", "rule_id", "query", "tags", "index", "references", "zeta", `"quoted.key"`, "dotted.key"}))
	for range rapid.IntRange(0, 2).Draw(d.T, "threats") {
		blocks = append(blocks, d.table("[[rule.threat]]", []string{"framework"})+d.table("[rule.threat.tactic]", []string{"id"})+d.table("[[rule.threat.technique]]", []string{"id"}))
	}
	more := []string{d.table("[transform]", []string{"x"}), d.table("[rule.threshold]", []string{"value"})}
	if rapid.Bool().Draw(d.T, "first") {
		return strings.Join(append(more, blocks...), "")
	}
	return strings.Join(append(blocks, more...), "")
}

func (d *drawer) table(header string, names []string) string {
	var b strings.Builder
	b.WriteString(d.blanks() + header + d.end() + "\n")
	names = slices.Clone(names)
	for _, name := range rapid.Permutation(names).Draw(d.T, "order") {
		b.WriteString(d.blanks() + d.space() + name + d.space() + "=" + d.space() + d.value(0) + d.end() + "\n")
	}
	return b.String() + d.blanks()
}

// comment returns a new comment.
func (d *drawer) comment() string {
	c := fmt.Sprintf("# <%d> %s", len(d.comments), rapid.SampledFrom([]string{"", "[x]", "a = 'b", `"""`, "# ]"}).Draw(d.T, "comment"))
	c = strings.TrimRight(c, " ")
	d.comments = append(d.comments, fmt.Sprintf("# <%d>", len(d.comments)))
	return c
}

func (d *drawer) blanks() string {
	var b strings.Builder
	for range rapid.IntRange(0, 2).Draw(d.T, "lines") {
		if rapid.Bool().Draw(d.T, "blank") {
			b.WriteString(d.space() + "\n")
		} else {
			b.WriteString(d.space() + d.comment() + "\n")
		}
	}
	return b.String()
}

func (d *drawer) space() string {
	return rapid.SampledFrom([]string{"", " ", "\t ", "    "}).Draw(d.T, "space")
}

func (d *drawer) end() string {
	if rapid.IntRange(0, 3).Draw(d.T, "end") == 0 {
		return d.space() + d.comment()
	}
	return d.space()
}

func (d *drawer) value(depth int) string {
	scalars := []string{
		`"a"`, `'b'`, `"# \" ]"`, `'\'`, "\"\"\"\nx # [\n\"\"\"", "'''\n'' ]'''", "1", "true", "1.5", "2026-01-15", `""`, "''''q'''", `"""\
   x"""`, `"""a\"""", # """`,
	}
	if depth > 2 || rapid.IntRange(0, 2).Draw(d.T, "scalar") > 0 {
		return rapid.SampledFrom(scalars[:len(scalars)-1]).Draw(d.T, "value")
	}
	if rapid.Bool().Draw(d.T, "inline") {
		return "{" + d.space() + "a = " + rapid.SampledFrom([]string{`"x"`, "[1, 2]", "{b = ']'}"}).Draw(d.T, "value") + d.space() + "}"
	}
	var b strings.Builder
	b.WriteString("[")
	n := rapid.IntRange(0, 4).Draw(d.T, "elements")
	for i := range n {
		b.WriteString(d.gap() + d.value(depth+1) + d.gap())
		if i < n-1 || rapid.Bool().Draw(d.T, "comma") {
			b.WriteString(",")
		}
	}
	return b.String() + d.gap() + "]"
}

// gap is what can be between the elements of a list.
func (d *drawer) gap() string {
	switch rapid.IntRange(0, 4).Draw(d.T, "gap") {
	case 0:
		return "\n" + d.space()
	case 1:
		return d.space() + d.comment() + "\n"
	}
	return d.space()
}

// TestText: what is written is read as it was.
func TestText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.StringOf(rapid.SampledFrom([]rune("ab'\"\\\n\t\x01é \x7f\u2028"))), rapid.String()).Draw(rt, "text")
		text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r", "")
		for _, written := range []string{form.Quote(text), form.Text(text)} {
			r, diags := rule.Parse("rule.toml", "[rule]\nname = "+written+"\n")
			if r.Name != text || strings.Contains(fmt.Sprint(diags.Err()), "syntax") {
				rt.Errorf("%q is written %s and read %q, %v", text, written, r.Name, diags.Err())
			}
		}
	})
}
