package deploy_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tocsin/tocsintest"
)

// action is what of an action.yml is looked at.
type action struct {
	Inputs map[string]struct {
		Description string  `yaml:"description"`
		Default     *string `yaml:"default"`
	} `yaml:"inputs"`
	Outputs map[string]struct {
		Value string `yaml:"value"`
	} `yaml:"outputs"`
	Runs struct {
		Using string `yaml:"using"`
		Steps []struct {
			ID    string            `yaml:"id"`
			Uses  string            `yaml:"uses"`
			Shell string            `yaml:"shell"`
			Env   map[string]string `yaml:"env"`
			Run   string            `yaml:"run"`
		} `yaml:"steps"`
	} `yaml:"runs"`
}

func readAction(t *testing.T) action {
	t.Helper()
	var a action
	dec := yaml.NewDecoder(strings.NewReader(read(t, "action/action.yml")))
	if err := dec.Decode(&a); err != nil {
		t.Fatal(err)
	}
	if a.Runs.Using != "composite" || len(a.Runs.Steps) != 1 {
		t.Fatalf("the action is not one step of its own: %+v", a.Runs)
	}
	return a
}

// acted is what a run of the action left.
type acted struct {
	code                     int
	log, sarif, junit        string
	summary, outputs, folder string
}

// act runs the action's script as a runner of GitHub does: with its inputs, in a checkout.
func act(t *testing.T, checkout string, with map[string]string) acted {
	t.Helper()
	a := readAction(t)
	temp := t.TempDir()
	here, err := filepath.Abs("action")
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + temp, "GITHUB_ACTION_PATH=" + here, "RUNNER_TEMP=" + temp, "GITHUB_OUTPUT=" + temp + "/output", "GITHUB_STEP_SUMMARY=" + temp + "/summary"}
	expression := regexp.MustCompile(`^\$\{\{ inputs\.([a-z0-9]+) \}\}$`)
	step := a.Runs.Steps[0]
	handed := map[string]bool{}
	for name, value := range step.Env {
		m := expression.FindStringSubmatch(value)
		if m == nil {
			t.Fatalf("%s is %s, not an input", name, value)
		}
		input, known := a.Inputs[m[1]]
		if !known {
			t.Fatalf("there is no input %s", m[1])
		}
		handed[m[1]] = true
		given, ok := with[m[1]]
		if !ok {
			given = *input.Default
		}
		env = append(env, name+"="+given)
	}
	for name := range a.Inputs {
		if !handed[name] {
			t.Errorf("the input %s is not handed to the script", name)
		}
	}
	if strings.Contains(step.Run, "${{") {
		t.Errorf("an expression in a script is run as code: %s", step.Run)
	}
	command := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run) //nolint:gosec // the action's script
	command.Dir, command.Env = checkout, env
	output, err := command.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	got := acted{code: command.ProcessState.ExitCode(), log: string(output), folder: checkout}
	optional := func(name string) string {
		data, err := os.ReadFile(name) //nolint:gosec // of this test
		if err != nil {
			return ""
		}
		return string(data)
	}
	got.summary, got.outputs = optional(temp+"/summary"), optional(temp+"/output")
	for line := range strings.Lines(got.outputs) {
		switch name, path, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "sarif":
			got.sarif = optional(filepath.Join(checkout, path))
		case "junit":
			got.junit = optional(filepath.Join(checkout, path))
		default:
			t.Errorf("output %s", name)
		}
	}
	return got
}

// checkout copies the example's rules into a new repository, with changes to their texts.
func checkout(t *testing.T, change func(name, text string) string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rules"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"shell.toml", "shell.test.toml"} {
		text := read(t, "../examples/rules/"+name)
		if change != nil {
			text = change(name, text)
		}
		if err := os.WriteFile(filepath.Join(dir, "rules", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// results counts the results of a SARIF log by their level.
func results(t *testing.T, sarif string) map[string]int {
	t.Helper()
	var log struct {
		Version string `json:"version"`
		Runs    []struct {
			Results []struct {
				Level     string `json:"level"`
				Locations []any  `json:"locations"`
			} `json:"results"`
		} `json:"runs"`
	}
	if err := json.Unmarshal([]byte(sarif), &log); err != nil || log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("no SARIF: %v\n%s", err, sarif)
	}
	counts := map[string]int{}
	for _, r := range log.Runs[0].Results {
		counts[r.Level]++
		if len(r.Locations) == 0 {
			t.Errorf("a result without a place: %+v", r)
		}
	}
	return counts
}

func TestAction(t *testing.T) {
	t.Parallel()
	runner := tocsintest.Runner(t)
	warned := func(_, text string) string {
		return strings.Replace(text, `"bash")`, `"bash", "z*sh")`, 1)
	}
	for _, tt := range []struct {
		name    string
		change  func(name, text string) string
		with    map[string]string
		code    int
		levels  []string
		tests   string // of JUnit; "" for none
		summary string
	}{
		{"good rules", nil, nil, 0, nil, `tests="1" failures="0"`, "| check | passed |"},
		{"a mistake", func(_, text string) string {
			return strings.Replace(text, "process where", "process wher", 1)
		}, nil, 1, []string{"error"}, "", "| check | failed (1) |"},
		{"a test that fails", func(_, text string) string {
			return strings.Replace(text, `alerts = ["web"]`, `alerts = ["web", "login"]`, 1)
		}, nil, 1, nil, `tests="1" failures="1"`, "| test | failed (1) |"},
		{"no tests wanted", func(_, text string) string {
			return strings.Replace(text, `alerts = ["web"]`, `alerts = ["web", "login"]`, 1)
		}, map[string]string{"tests": "none"}, 0, nil, "", "| check | passed |"},
		{"a warning", warned, nil, 0, []string{"warning"}, `tests="1" failures="0"`, "| check | passed |"},
		{"a warning, strict", warned, map[string]string{"strict": "true"}, 1, []string{"warning"}, `tests="1" failures="0"`, "| check | failed (1) |"},
		{"further arguments", nil, map[string]string{"arguments": "\n --log-format=json \n\n--sigma-index=a b*\n"}, 0, nil, `tests="1" failures="0"`, "| check | passed |"},
		{"nothing", nil, map[string]string{"rules": " \n"}, 2, nil, "", ""},
		{"neither true nor false", nil, map[string]string{"strict": "yes"}, 2, nil, "", ""},
		{"code for rules", nil, map[string]string{"rules": "$(touch hacked)\n`touch hacked`\n; touch hacked\n--version"}, 1, nil, "", "| check | failed"},
		{"no command", nil, map[string]string{"runner": "no-such-runner"}, 2, nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			with := map[string]string{"runner": runner}
			maps.Copy(with, tt.with)
			got := act(t, checkout(t, tt.change), with)
			if (got.code != 0) != (tt.code != 0) {
				t.Errorf("exit code %d, want %d\n%s", got.code, tt.code, got.log)
			}
			if !strings.Contains(got.summary, tt.summary) {
				t.Errorf("summary\n%s\nwant %s", got.summary, tt.summary)
			}
			if got.sarif != "" {
				if levels := slices.Sorted(maps.Keys(results(t, got.sarif))); tt.name != "code for rules" && !slices.Equal(levels, tt.levels) {
					t.Errorf("levels %q, want %q\n%s", levels, tt.levels, got.sarif)
				}
			} else if tt.code != 2 && tt.name != "code for rules" {
				t.Errorf("there is no SARIF\n%s", got.log)
			}
			if tt.tests != "" && !strings.Contains(got.junit, tt.tests) {
				t.Errorf("JUnit\n%s\nwant %s", got.junit, tt.tests)
			}
			if got.junit != "" {
				if err := xml.Unmarshal([]byte(got.junit), new(struct{})); err != nil {
					t.Errorf("JUnit: %v", err)
				}
			}
			if _, err := os.Stat(filepath.Join(got.folder, "hacked")); err == nil {
				t.Error("an input was run")
			}
		})
	}
}

// TestActionArchive takes the command from the archive of a release, if its hash is right.
func TestActionArchive(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(t.TempDir(), "tocsin.tar.gz")
	f, err := os.Create(archive) //nolint:gosec // of this test
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	script := []byte("#!/bin/sh\nexec " + tocsintest.Runner(t) + ` "$@"` + "\n")
	zip := gzip.NewWriter(io.MultiWriter(f, sum))
	files := tar.NewWriter(zip)
	err = errors.Join(files.WriteHeader(&tar.Header{Name: "./runner", Mode: 0o755, Size: int64(len(script))}), write(files, script), files.Close(), zip.Close(), f.Close())
	if err != nil {
		t.Fatal(err)
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	for name, tt := range map[string]struct {
		with map[string]string
		want string
	}{
		"right hash": {map[string]string{"sha256": hash}, ""},
		"wrong hash": {map[string]string{"sha256": strings.Repeat("0", 64)}, "has another hash"},
		"no hash":    {nil, "the input sha256 is the hash"},
		"no archive": {map[string]string{"sha256": hash, "archive": "file:///no/such/file"}, "could not be had"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := map[string]string{"archive": "file://" + archive}
			maps.Copy(with, tt.with)
			got := act(t, checkout(t, nil), with)
			if (got.code == 0) != (tt.want == "") || !strings.Contains(got.log, tt.want) {
				t.Errorf("exit code %d, want %q\n%s", got.code, tt.want, got.log)
			}
		})
	}
}

func write(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// TestWorkflow: the example's workflow hands the action inputs that it has, reads outputs that it has, and uses nothing that can change.
func TestWorkflow(t *testing.T) {
	t.Parallel()
	a := readAction(t)
	var workflow struct {
		Permissions map[string]string `yaml:"permissions"`
		Jobs        map[string]struct {
			Steps []struct {
				ID   string            `yaml:"id"`
				Uses string            `yaml:"uses"`
				With map[string]string `yaml:"with"`
			} `yaml:"steps"`
		} `yaml:"jobs"`
	}
	text := read(t, "../examples/github/rules.yml")
	if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(workflow.Permissions, map[string]string{"contents": "read"}) {
		t.Errorf("permissions %v", workflow.Permissions)
	}
	used := 0
	for _, job := range workflow.Jobs {
		for _, step := range job.Steps {
			if strings.HasPrefix(step.Uses, "./") {
				used++
				for name := range step.With {
					if _, ok := a.Inputs[name]; !ok {
						t.Errorf("the action has no input %s", name)
					}
				}
			} else if !regexp.MustCompile(`^[\w-]+/[\w/-]+@[0-9a-f]{40}$`).MatchString(step.Uses) {
				t.Errorf("%s is not pinned", step.Uses)
			}
		}
	}
	for _, m := range regexp.MustCompile(`steps\.rules\.outputs\.(\w+)`).FindAllStringSubmatch(text, -1) {
		used++
		if _, ok := a.Outputs[m[1]]; !ok {
			t.Errorf("the action has no output %s", m[1])
		}
	}
	if used < 3 {
		t.Errorf("the workflow uses the action %d times", used)
	}
}
