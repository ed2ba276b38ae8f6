package conformance

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/rule"
)

//go:embed testdata
var testdata embed.FS

// Text is a case in a file: a text of the language, and its properties.
type Text struct {
	// Name has the file, the line and the title.
	Name, Text string
	// Said has the properties after the text, by key and in order. Properties at the head of the file are defaults
	// for all of its cases.
	Said map[string][]string
}

// String names the case and shows its text.
func (x Text) String() string { return x.Name + "\n" + x.Text }

// Value returns the last value of a key, "" if there is none.
func (x Text) Value(key string) string {
	if lines := x.Said[key]; len(lines) > 0 {
		return lines[len(lines)-1]
	}
	return ""
}

// outcomes are the keys of the expected result; each case has exactly one.
var outcomes = []string{"finds", "error", "fails", "value", "syntax", "dsl", "gives"}

// keys are all valid keys.
var keys = slices.Concat(outcomes, []string{
	"dataset", "warning", "memory", "differs", "size", "samples", "keys", "matched", "row", "lookup", "now",
})

// Written reads the cases of a language that have a key.
func Written(language, key string) ([]Text, error) {
	names, err := fs.Glob(testdata, path.Join("testdata", language, "*.txt"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no cases of %s: %w", language, err)
	}
	var out []Text
	for _, name := range names {
		data, err := testdata.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read cases: %w", err)
		}
		cases, err := read(path.Join(language, path.Base(name)), string(data))
		if err != nil {
			return nil, err
		}
		out = append(out, slices.DeleteFunc(cases, func(x Text) bool { return x.Said[key] == nil })...)
	}
	return out, nil
}

// read splits a file into its cases.
func read(name, data string) ([]Text, error) {
	head, own := map[string][]string{}, map[string][]string{}
	var out []Text
	said := head
	for i, line := range strings.Split(data, "\n") {
		place := fmt.Sprintf("%s:%d", name, i+1)
		key, value, isSaid := strings.Cut(line, ":")
		title, isTitle := strings.CutPrefix(line, "-- ")
		switch {
		case isTitle:
			own = map[string][]string{}
			said = own
			out = append(out, Text{Name: place + " " + title, Said: own})
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "# "):
		case isSaid && slices.Contains(keys, key) && (value == "" || value[0] == ' '):
			said[key] = append(said[key], strings.TrimPrefix(value, " "))
		case len(out) == 0 || len(own) > 0:
			return nil, fmt.Errorf("%s: neither a title nor something that is said of a case: %s", place, line)
		case out[len(out)-1].Text != "":
			out[len(out)-1].Text += "\n" + line
		default:
			out[len(out)-1].Text = line
		}
	}
	for _, x := range out {
		for key, lines := range head {
			if x.Said[key] == nil {
				x.Said[key] = lines
			}
		}
		if !slices.ContainsFunc(outcomes, func(key string) bool { return x.Said[key] != nil }) {
			return nil, fmt.Errorf("%s: nothing is said of what comes of it", x.Name)
		}
	}
	return out, nil
}

// WrittenQueries reads the queries of a language and their datasets: those that are answered, those
// that are refused, and those that fail.
func WrittenQueries(language rule.Language, folder string) ([]Case, map[string]*Dataset, error) {
	var texts []Text
	for _, key := range []string{"finds", "error", "fails"} {
		more, err := Written(folder, key)
		if err != nil {
			return nil, nil, err
		}
		texts = append(texts, more...)
	}
	sets := map[string]*Dataset{}
	var out []Case
	for _, x := range texts {
		c, err := x.query(language)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", x.Name, err)
		}
		if sets[c.Dataset] == nil {
			if sets[c.Dataset], err = WrittenDataset(c.Dataset); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", x.Name, err)
			}
		}
		out = append(out, c)
	}
	return out, sets, nil
}

// query is the text as a query.
func (x Text) query(language rule.Language) (Case, error) {
	c := Case{
		Name: x.Name, Language: language, Query: x.Text, Dataset: x.Value("dataset"), Size: 100,
		Refusals: x.Said["error"], Warnings: x.Said["warning"], InMemory: x.Value("memory"), Fails: x.Value("fails"), Differs: x.Value("differs"),
	}
	for key, n := range map[string]*int{"size": &c.Size, "samples": &c.PerKey} {
		if text := x.Value(key); text != "" {
			var err error
			if *n, err = strconv.Atoi(text); err != nil {
				return c, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	if text := x.Value("keys"); text != "" {
		if err := json.Unmarshal([]byte(text), &c.JoinKeys); err != nil {
			return c, fmt.Errorf("keys: %w", err)
		}
	}
	for _, text := range x.Said["finds"] {
		c.Alternatives = append(c.Alternatives, hits(text))
	}
	return c, nil
}

// hits reads names of events, or of groups of them with commas: a minus stands for an event that
// must be missing.
func hits(text string) []any {
	out := []any{}
	for hit := range strings.FieldsSeq(text) {
		if !strings.Contains(hit, ",") {
			out = append(out, hit)
			continue
		}
		members := []any{}
		for name := range strings.SplitSeq(hit, ",") {
			if name == "-" {
				members = append(members, float64(-1))
			} else {
				members = append(members, name)
			}
		}
		out = append(out, members)
	}
	return out
}
