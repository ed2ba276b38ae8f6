package sigma_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag"
)

// TestLint: what is said of values, "" for nothing; a warning is marked.
func TestLint(t *testing.T) {
	for text, want := range map[string]string{
		`Image: powershell.exe`:               "warning: Image is a whole path",
		`Image: System`:                       "",
		`Image: '*\a.exe'`:                    "",
		`Image|endswith: a.exe`:               "",
		`F: 'a '`:                             "warning: the whole value has to end in a space",
		`F|contains: ' a '`:                   "",
		`F: ' '`:                              "",
		`F|contains: 'a*'`:                    "the modifier adds the star",
		`F|contains: '*a'`:                    "the modifier adds the star",
		`F|endswith: '*a'`:                    "the modifier adds the star",
		`F|startswith: 'a*'`:                  "the modifier adds the star",
		`F|startswith: 'a\*'`:                 "",
		`F|startswith: 'a\\*'`:                "the modifier adds the star",
		`F|startswith: '*a'`:                  "may stand anywhere",
		`F|endswith: 'a*'`:                    "may stand anywhere",
		`F|contains: '*'`:                     "",
		`F: '*a*'`:                            "contains says the same",
		`F: '*'`:                              "",
		`F|contains: 46`:                      "46 is compared as text",
		`F: 46`:                               "",
		`F|re: '.*a'`:                         ".* at its beginning",
		`F|re: '^.*a'`:                        "",
		`F: [a, A]`:                           "twice",
		`F|cased: [a, A]`:                     "",
		`F|re: [a, A]`:                        "",
		`F|re: [a, a]`:                        "twice",
		`F|base64offset|contains: [ab1, AB1]`: "",
		`F: [a, null]`:                        "null in a list",
		`F: null`:                             "",
		`F|contains: [abc, b]`:                "has b, too",
		`F|contains|all: [abc, b]`:            "",
		`F|contains: ['a?c', 'x\b']`:          "",
		`F: 'C:\Users\*\x'`:                   `any folder is \\*`,
		`F: 'C:\Users\\*\x'`:                  "",
	} {
		d, diags := detection(t, text)
		if d == nil {
			t.Errorf("%s: %v", text, diags)
			continue
		}
		var said []string
		for _, one := range diags {
			head := ""
			if one.Severity != diag.Note {
				head = one.Severity.String() + ": "
			}
			said = append(said, head+one.Message)
		}
		if got := strings.Join(said, "; "); want == "" && got != "" || !strings.Contains(got, want) || len(said) > 1 {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
