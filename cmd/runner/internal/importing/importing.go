package importing

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// File is a file to write.
type File struct {
	// Name is its path below the directory of the rules, with slashes.
	Name string
	// RuleIDs are the ids of its rules, Content is what is in it, From is the source.
	RuleIDs []string
	Content string
	From    string
}

// Note says what was not carried over, or what of it does not run.
type Note struct {
	Path   string `json:"path"`
	Line   int    `json:"line,omitempty"`
	RuleID string `json:"rule_id,omitempty"`
	Rule   string `json:"rule,omitempty"`
	// Lost: the rule or file was left out; else it was carried over with the remark.
	Lost   bool   `json:"left_out"`
	Reason string `json:"reason"`
}

// Slug makes a file name of a name: its letters and digits in lower case, with underscores between them.
func Slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	text := []rune(strings.Join(words, "_"))
	return strings.Trim(string(text[:min(len(text), longestName)]), "_")
}

// longestName is the length of a file name without its extension.
const longestName = 100

// Place decides the names of files: a rule that exists already below the directory keeps its file, whatever its name is, and
// of different rules with the same name the later ones add their id to it. The notes are of files that cannot be placed.
// existing has the file of each rule that is there.
func Place(files []File, existing map[string]string) ([]File, []Note) {
	taken := map[string]string{} // the first rule of each file
	for id, name := range existing {
		taken[name] = id
	}
	owner := map[string]string{}
	var out []File
	var notes []Note
	for _, f := range files {
		id := ""
		if len(f.RuleIDs) > 0 {
			id = f.RuleIDs[0]
		}
		if from, twice := owner[id]; twice && id != "" {
			notes = append(notes, Note{Path: f.From, RuleID: id, Lost: true, Reason: "a rule with this id is already in " + from})
			continue
		}
		if there := existing[id]; id != "" && there != "" {
			if filepath.Ext(there) != filepath.Ext(f.Name) {
				notes = append(notes, Note{Path: f.From, RuleID: id, Lost: true, Reason: "a rule with this id is already in " + there})
				continue
			}
			f.Name = there
		} else if other, used := taken[f.Name]; used && (id == "" || other != id) {
			if id == "" {
				same := slices.ContainsFunc(out, func(o File) bool { return o.Name == f.Name && o.Content == f.Content })
				if !same {
					notes = append(notes, Note{Path: f.From, Lost: true, Reason: "another file is imported as " + f.Name})
				}
				continue
			}
			ext := filepath.Ext(f.Name)
			f.Name = strings.TrimSuffix(f.Name, ext) + "_" + Slug(id) + ext
		}
		taken[f.Name], owner[id] = id, f.From
		out = append(out, f)
	}
	return out, notes
}

// Outcome is what writing a file did.
type Outcome string

// The outcomes.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
)

// Write writes the file below a directory, unless it is there already as it should be. With dry, nothing is written.
func (f File) Write(dir string, dry bool, replace func(name string, data []byte) error) (Outcome, error) {
	path := filepath.Join(dir, filepath.FromSlash(f.Name))
	old, err := os.ReadFile(path) //nolint:gosec // the user names the directory
	outcome := Updated
	switch {
	case errors.Is(err, os.ErrNotExist):
		outcome = Created
	case err != nil:
		return "", fmt.Errorf("import: %w", err)
	case string(old) == f.Content:
		return Unchanged, nil
	}
	if dry {
		return outcome, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // rules are for others too
		return "", fmt.Errorf("import: %w", err)
	}
	if err := replace(path, []byte(f.Content)); err != nil {
		return "", fmt.Errorf("import: %w", err)
	}
	return outcome, nil
}
