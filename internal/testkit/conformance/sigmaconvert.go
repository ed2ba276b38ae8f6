package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// SigmaConverted is a rule of SigmaHQ with the query that a converter made of it.
type SigmaConverted struct {
	// Path is the rule, below the rules of the corpus; Pipeline names what the converter knew of fields.
	Path     string   `json:"path"`
	Pipeline []string `json:"pipeline"`
	// Lucene is one query string for each condition; none where the converter refused.
	Lucene []string `json:"lucene"`
}

// SigmaConversions reads a file of them.
func SigmaConversions(path string) ([]SigmaConverted, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("converted rules of Sigma: %w", err)
	}
	defer func() { _ = f.Close() }()
	var out []SigmaConverted
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var c SigmaConverted
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("converted rules of Sigma: %s: %w", path, err)
		}
		out = append(out, c)
	}
	return out, lines.Err() //nolint:wrapcheck // it names the file
}

var (
	luceneTexts  = regexp.MustCompile(`:/(?:\\.|[^/\\])*/|"(?:\\.|[^"\\])*"`)
	luceneFields = regexp.MustCompile(`(?:^|[\s(])((?:[\w@.\-]|\\.)+):(\w[\w.]*)?`)
	luceneBase   = regexp.MustCompile(`(?:^|[\s(])(winlog\.channel|event\.code|event\.dataset|kubernetes\.audit\.kind):(\((?:[^()\\]|\\.)*\)|"(?:[^"\\]|\\.)*"|(?:[^\s()\\]|\\.)+)`)
	luceneEscape = regexp.MustCompile(`\\(.)`)
)

// Fields are the names that the queries test, each once.
func (c SigmaConverted) Fields() []string {
	var out []string
	for _, q := range c.Lucene {
		for _, m := range luceneFields.FindAllStringSubmatch(luceneTexts.ReplaceAllString(q, ":_"), -1) {
			name := luceneEscape.ReplaceAllString(m[1], "$1")
			if name == "_exists_" {
				name = m[2]
			}
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// Base are the values that the queries want of fields by which a log source is told, by the field; a field is the first
// time that it is named.
func (c SigmaConverted) Base() map[string][]string {
	out := map[string][]string{}
	for _, q := range c.Lucene {
		for _, m := range luceneBase.FindAllStringSubmatch(q, -1) {
			if _, known := out[m[1]]; known {
				continue
			}
			for v := range strings.SplitSeq(strings.Trim(m[2], "()"), " OR ") {
				out[m[1]] = append(out[m[1]], luceneEscape.ReplaceAllString(strings.Trim(v, `"`), "$1"))
			}
		}
	}
	return out
}
