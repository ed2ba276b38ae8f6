package ruletest

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"tocsin/internal/diag"
)

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
	Output  string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes results as JUnit reads them: a suite for each test file.
func WriteJUnit(w io.Writer, results []Result) error {
	all := junitSuites{Name: "runner test", Tests: len(results)}
	for _, r := range results {
		n := len(all.Suites)
		if n == 0 || all.Suites[n-1].Name != r.File {
			all.Suites = append(all.Suites, junitSuite{Name: r.File})
			n++
		}
		suite := &all.Suites[n-1]
		suite.Tests++
		var text strings.Builder
		if err := diag.Render(&text, r.Problems); err != nil {
			return err //nolint:wrapcheck // a builder does not fail
		}
		c := junitCase{Name: r.Name, Class: r.RuleID, File: r.File}
		if r.Passed {
			c.Output = text.String()
		} else {
			c.Failure = &junitFailure{Message: r.firstError(), Text: text.String()}
			suite.Failures++
			all.Failures++
		}
		suite.Cases = append(suite.Cases, c)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

func (r Result) firstError() string {
	i := slices.IndexFunc(r.Problems, func(d diag.Diagnostic) bool { return d.Severity == diag.Error })
	if i < 0 {
		return "failed"
	}
	return r.Problems[i].Message
}
