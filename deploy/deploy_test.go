package deploy_test

import (
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tocsin/tocsintest"
)

func TestMain(m *testing.M) { os.Exit(tocsintest.Main(m)) }

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// finalStage returns the instructions of the last stage of a Dockerfile but for where its files are copied from.
func finalStage(t *testing.T, name string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(read(t, name)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "FROM "):
			out = []string{line}
		case line != "" && !strings.HasPrefix(line, "#"):
			line = strings.NewReplacer("--from=build ", "", "/out/", "").Replace(line)
			out = append(out, line)
		}
	}
	return out
}

// TestDockerfiles: the image is the same whether its binary is built in it or outside.
func TestDockerfiles(t *testing.T) {
	t.Parallel()
	source, binary := finalStage(t, "docker/Dockerfile"), finalStage(t, "docker/Dockerfile.binary")
	if !slices.Equal(source, binary) {
		t.Errorf("Dockerfile ends with\n%s\nDockerfile.binary is\n%s", strings.Join(source, "\n"), strings.Join(binary, "\n"))
	}
	if source[0] != "FROM scratch" || !slices.ContainsFunc(source, func(s string) bool { return regexp.MustCompile(`^USER [1-9]\d*:`).MatchString(s) }) {
		t.Errorf("not from scratch, or as root:\n%s", strings.Join(source, "\n"))
	}
}

// setting returns the values of a key of a unit.
func setting(unit, key string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1) {
		out = append(out, m[1])
	}
	return out
}

// TestUnit: what the unit says of the command is so.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := read(t, "systemd/tocsin.service")
	for key, want := range map[string]string{
		"Type": "notify", "ExecReload": "/bin/kill -HUP $MAINPID", "RestartPreventExitStatus": "2", "Restart": "always", "DynamicUser": "yes",
	} {
		if got := setting(unit, key); !slices.Equal(got, []string{want}) {
			t.Errorf("%s=%q, want %s", key, got, want)
		}
	}
	// The configuration that comes with the packages is one, and only lacks rules.
	for _, start := range setting(unit, "ExecStart") {
		args := strings.Fields(strings.ReplaceAll(start, "/etc/tocsin/runner.toml", "packages/runner.toml"))
		args = append(args, "--rules", t.TempDir())
		output, err := exec.CommandContext(t.Context(), tocsintest.Runner(t), args[1:]...).CombinedOutput() //nolint:gosec // the built command
		if exit, ended := errors.AsType[*exec.ExitError](err); !ended || exit.ExitCode() != 2 || !strings.Contains(string(output), "no rules found in the paths of --rules") {
			t.Errorf("%s: %v\n%s", start, err, output)
		}
	}
}
