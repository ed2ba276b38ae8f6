package report

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

// Formats are the names that [Report.Write] knows.
var Formats = []string{"text", "json", "sarif", "junit"}

// Write writes the report in one of the [Formats].
func (r *Report) Write(w io.Writer, format string) error {
	switch format {
	case "json":
		out := *r
		if out.Results == nil {
			out.Results = []Result{}
		}
		return writeJSON(w, out)
	case "sarif":
		return writeJSON(w, r.sarif())
	case "junit":
		return r.writeJUnit(w)
	}
	return r.writeText(w)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// writeText shows every diagnostic with its source line, then the counts.
func (r *Report) writeText(w io.Writer) error {
	if err := diag.Render(w, r.Diagnostics); err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	for _, result := range r.Results {
		if err := diag.Render(w, result.Diagnostics); err != nil {
			return err //nolint:wrapcheck // it says what it was doing
		}
	}
	if err := r.writeCounts(w); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// writeCounts writes how many rules are valid.
func (r *Report) writeCounts(w io.Writer) error {
	elsewhere := ""
	if n := errorsOf(r.Diagnostics); n > 0 {
		elsewhere = fmt.Sprintf("; %s outside of rules", count(n, "error"))
	}
	_, err := fmt.Fprintf(w, "%s: %d valid, %d invalid, %d unsupported%s\n", count(r.Rules, "rule"), r.Valid, r.Invalid, r.Unsupported, elsewhere)
	if err == nil && r.Sigma != nil {
		_, err = fmt.Fprintf(w, "Sigma rules by status: %s; by level: %s\n", listed(r.Sigma.Status), listed(r.Sigma.Level))
	}
	return err //nolint:wrapcheck // the caller says what it was doing
}

// listed writes counts by name.
func listed(counts map[string]int) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(out, ", ")
}

func errorsOf(l diag.List) int {
	n := 0
	for _, d := range l {
		if d.Severity == diag.Error {
			n++
		}
	}
	return n
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit makes a test case of every rule. An unsupported rule is a skipped test.
func (r *Report) writeJUnit(w io.Writer) error {
	suite := junitSuite{Name: "runner check", Tests: r.Rules, Failures: r.Invalid, Skipped: r.Unsupported}
	for _, result := range r.Results {
		var text strings.Builder
		if err := diag.Render(&text, result.Diagnostics); err != nil {
			return err //nolint:wrapcheck // a builder does not fail
		}
		c := junitCase{Name: result.title(), Class: result.Path}
		message := &junitMessage{Message: result.firstError(), Text: text.String()}
		switch result.Status {
		case Invalid:
			c.Failure = message
		case Unsupported:
			c.Skipped = message
		case Valid:
			c.Output = text.String()
		}
		suite.Cases = append(suite.Cases, c)
	}
	if r.Diagnostics.HasErrors() {
		suite.Tests, suite.Failures = suite.Tests+1, suite.Failures+1
		suite.Cases = append(suite.Cases, others(r.Diagnostics))
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if err := enc.Encode(suite); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// others makes a test case of the diagnostics of files that hold no rules.
func others(l diag.List) junitCase {
	r := Result{Diagnostics: l}
	var text strings.Builder
	_ = diag.Render(&text, l) // a strings.Builder does not fail
	return junitCase{Name: "exceptions and saved objects", Class: "files", Failure: &junitMessage{Message: r.firstError(), Text: text.String()}}
}

func (r Result) title() string {
	if r.Name != "" {
		return r.Name
	}
	return r.Path
}

func (r Result) firstError() string {
	for _, d := range r.Diagnostics {
		if d.Severity == diag.Error {
			return d.Message
		}
	}
	return ""
}
