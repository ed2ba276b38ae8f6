package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// shownConfig returns what the command config shows, by the name of the setting.
func shownConfig(ctx context.Context, t interface{ Fatalf(string, ...any) }, args ...string) (map[string]setting, string) {
	var out, errs bytes.Buffer
	if code := execute(ctx, append([]string{"config", "--format", "json"}, args...), stdio{strings.NewReader(""), &out, &errs}); code != exitDone {
		t.Fatalf("config %q: exit code %d, %s", args, code, errs.String())
	}
	var list []setting
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	byName := map[string]setting{}
	for _, s := range list {
		byName[s.Name] = s
	}
	return byName, out.String() + errs.String()
}

// TestConfigRoundTrip: the configuration that is printed as a file is the configuration, wherever its values were from; and
// no secret is in any output.
func TestConfigRoundTrip(t *testing.T) {
	text := rapid.StringMatching(`[ -~äß"'\\#=]{1,12}`).Filter(func(s string) bool {
		return !strings.ContainsAny(s, ",:") && strings.TrimSpace(s) != "" && !strings.HasPrefix(s, "-")
	})
	duration := rapid.SampledFrom([]string{"1s", "90m", "36h30m", "200ms"})
	number := rapid.SampledFrom([]string{"1", "7", "1000"})
	generators := map[string]*rapid.Generator[string]{
		"namespace": text, "identity-field": text, "splunk-index": text, "ca-file": text, "store": text, "listen": text, "username": text,
		"catch-up-age": duration, "settle": duration, "lease": duration, "grace": duration, "concurrency": number, "search-rate": number,
		"log-format": rapid.SampledFrom([]string{"text", "json"}), "overflow": rapid.SampledFrom([]string{"drain", "summary"}),
		"only-enabled": rapid.SampledFrom([]string{"true", "false"}), "rules": text, "field-map": text,
	}
	const password, token = "p4ss-s3same", "tok-s3same"
	t.Setenv("TOCSIN_PASSWORD", password)
	t.Setenv("TOCSIN_BEARER_TOKEN", token)
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		var file strings.Builder
		var args []string
		want := map[string]string{}
		for _, name := range slices.Sorted(maps.Keys(generators)) {
			value := generators[name].Draw(rt, name)
			variable := environmentPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
			_ = os.Unsetenv(variable)
			switch from := rapid.SampledFrom([]string{fromDefault, fromLine, fromEnvironment, fromFile}).Draw(rt, "from"); from {
			case fromLine:
				args, want[name] = append(args, "--"+name+"="+value), from
			case fromEnvironment:
				if err := os.Setenv(variable, value); err != nil { //nolint:usetesting // rapid's checks have no Setenv
					rt.Fatal(err)
				}
				want[name] = from
			case fromFile:
				line := quotedTOML(value)
				if slices.Contains([]string{"concurrency", "search-rate", "only-enabled"}, name) {
					line = value
				}
				file.WriteString(name + " = " + line + "\n")
				want[name] = from
			}
		}
		defer func() {
			for name := range generators {
				_ = os.Unsetenv(environmentPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
			}
		}()
		path := filepath.Join(dir, "first.toml")
		if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
			rt.Fatal(err)
		}
		args = append(args, "--config", path, "--proxy", "http://u:"+password+"@proxy:3128")
		before, shown := shownConfig(t.Context(), rt, args...)
		for name, from := range want {
			if before[name].From != from {
				rt.Errorf("%s is from %s, want %s", name, before[name].From, from)
			}
		}
		var out, errs bytes.Buffer
		if code := execute(t.Context(), append([]string{"config", "--format", "toml"}, args...), stdio{strings.NewReader(""), &out, &errs}); code != exitDone {
			rt.Fatalf("exit code %d, %s", code, errs.String())
		}
		if strings.Contains(shown+out.String()+errs.String(), "s3same") {
			rt.Fatalf("a secret is shown:\n%s%s", shown, out.String())
		}
		for name := range generators {
			_ = os.Unsetenv(environmentPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
		}
		again := filepath.Join(dir, "again.toml")
		if err := os.WriteFile(again, out.Bytes(), 0o600); err != nil {
			rt.Fatal(err)
		}
		after, _ := shownConfig(t.Context(), rt, "--config", again)
		for name := range generators {
			if diff := cmp.Diff(before[name].Value, after[name].Value); diff != "" {
				rt.Errorf("%s (-before +after):\n%s\n%s", name, diff, out.String())
			}
		}
	})
}

// TestConfigPlaces: each value has its place, a value of another command the command.
func TestConfigPlaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runner.toml")
	if err := os.WriteFile(path, []byte("# mine\nlease = \"20s\"\nelasticsearch = [\"https://u:s3same@h\"]\nbudget-alerts = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TOCSIN_GRACE", "1m")
	t.Setenv("TOCSIN_API_KEY", "s3same")
	got, shown := shownConfig(t.Context(), t, "--config", path, "--namespace", "x", "--settle", "2s")
	for name, want := range map[string]setting{
		"namespace":     {Name: "namespace", Value: "x", From: fromLine, Place: "--namespace"},
		"settle":        {Name: "settle", Value: "2s", From: fromLine, Place: "--settle"},
		"grace":         {Name: "grace", Value: "1m0s", From: fromEnvironment, Place: "TOCSIN_GRACE"},
		"lease":         {Name: "lease", Value: "20s", From: fromFile, Place: path + ":2"},
		"elasticsearch": {Name: "elasticsearch", Value: []any{"https://[redacted]@h"}, From: fromFile, Place: path + ":3"},
		"api-key":       {Name: "api-key", Value: redacted, From: fromEnvironment, Place: "TOCSIN_API_KEY"},
		"concurrency":   {Name: "concurrency", Value: 8., From: fromDefault},
		"store":         {Name: "store", From: fromDefault},
		"budget-alerts": {Name: "budget-alerts", Value: "3", From: fromFile, Place: path + ":4", Commands: []string{"top"}},
	} {
		if diff := cmp.Diff(want, got[name], cmp.AllowUnexported(setting{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if strings.Contains(shown, "s3same") {
		t.Errorf("a secret is shown:\n%s", shown)
	}
}
