package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/config"
	"tocsin/internal/diag"
)

var known = []config.Key{
	{Name: "namespace"},
	{Name: "password-file"},
	{Name: "elasticsearch", Type: config.List},
	{Name: "events", Type: config.List},
	{Name: "once", Type: config.Boolean},
	{Name: "at", Type: config.Time},
	{Name: "size", Type: config.Integer, Try: func(value any) error {
		if value == "13" {
			return errors.New("brings bad luck")
		}
		return nil
	}},
}

// load loads a file with this content; the diagnostics call it runner.toml.
func load(t *testing.T, content string) (config.Values, diag.List) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("runner.toml", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load("runner.toml")
}

func render(t *testing.T, l diag.List) string {
	t.Helper()
	var b strings.Builder
	if err := diag.Render(&b, l); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestValue(t *testing.T) {
	tests := []struct {
		name, in, key string
		want          any
	}{
		{"a string", `namespace = "a b"`, "namespace", "a b"},
		{"an integer", `size = 1_000`, "size", "1000"},
		{"a boolean", `once = true`, "once", "true"},
		{"a time", `at = 2026-01-15T14:05:00Z`, "at", "2026-01-15T14:05:00Z"},
		{"a list", `events = ["a", 'b,c']`, "events", []any{"a", "b,c"}},
		{"a list of one", `events = "a"`, "events", "a"},
		{"an empty list", `events = []`, "events", []any{}},
		{"an absent key", `size = 1`, "once", nil},
		{"a table", `[once]`, "once", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values, diags := load(t, tt.in)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			if diff := cmp.Diff(tt.want, values.Value(tt.key)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing", "", ""},
		{"all is well", "namespace = 'x'\nevents = 'x'\nelasticsearch = ['x']\nonce = false\nsize = 3\nat = 2026-01-15T14:05:00Z\n", ""},
		{"a time may be a string", "at = '2026-01-15T14:05:00Z'\n", ""},
		{"unknown key", "[colour]\n", "runner.toml:1:2: error: unknown key colour [config/unknown-key]\n    1 | [colour]\n      |  ^^^^^^\n"},
		{"misspelt key", "  namspace = 'x'\n", "runner.toml:1:3: error: unknown key namspace: did you mean namespace? [config/unknown-key]\n    1 |   namspace = 'x'\n      |   ^^^^^^^^\n"},
		{"wrong type", "once = 'yes'\n", "runner.toml:1:8: error: once must be true or false [config/wrong-type]\n    1 | once = 'yes'\n      |        ^^^^^\n"},
		{"no number", "size = 1.5\n", "runner.toml:1:8: error: size must be an integer [config/wrong-type]\n    1 | size = 1.5\n      |        ^^^\n"},
		{"a list for a string", "namespace = ['x']\n", "runner.toml:1:13: error: namespace must be a string [config/wrong-type]\n    1 | namespace = ['x']\n      |             ^^^^^\n"},
		{"a list of other things", "events = ['x', 1]\n", "runner.toml:1:10: error: events must be a list of strings [config/wrong-type]\n    1 | events = ['x', 1]\n      |          ^^^^^^^^\n"},
		{"a value that is refused", "size = 13\n", "runner.toml:1:8: error: size: brings bad luck [config/bad-value]\n    1 | size = 13\n      |        ^^\n"},
		{"a secret is not shown", "password = 'sesame'\n", "runner.toml:1:1: error: unknown key password: secrets come from the environment or from files of their own [config/unknown-key]\n"},
		{"nor one in an address", "elasticsearch = ['http://a:sesame@b', 1]\n", "runner.toml:1:17: error: elasticsearch must be a list of strings [config/wrong-type]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values, diags := load(t, tt.in)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			if diff := cmp.Diff(tt.want, render(t, values.Check(known))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLoadFaults(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no TOML", "size = = 1\n", "runner.toml:1:8: error: "},
		{"a key twice", "size = 1\nsize = 2\n", "runner.toml:2:1: error: "},
		{"no TOML where a secret may be", "api-key = sesame\n", "runner.toml:1:11: error: not valid TOML [config/syntax]\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, diags := load(t, tt.in)
			got := render(t, diags)
			if !diags.HasErrors() || !strings.HasPrefix(got, tt.want) || strings.Contains(got, "sesame") {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLoadUnreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent")
	values, diags := config.Load(path)
	if diff := cmp.Diff(path+": error: no such file or directory [config/unreadable]\n", render(t, diags)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if values.Value("size") != nil || len(values.Check(known)) > 0 {
		t.Error("a file that could not be read has values")
	}
}
