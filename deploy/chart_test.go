package deploy_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"tocsin/tocsintest"
)

const (
	chart = "helm/tocsin"
	// kubernetes is the version for which charts are rendered.
	kubernetes = "1.33.0"
)

// helm returns the program, which TOCSIN_HELM names; on PATH it is optional.
func helm(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("TOCSIN_HELM"); given != "" {
		return given
	}
	path, err := exec.LookPath("helm")
	if err != nil {
		t.Skip("there is no helm (deploy/helm/get-helm.sh gets one)")
	}
	return path
}

// node is a value of YAML; asking it for what it does not have gives nil.
type node struct{ v any }

func (n node) at(path ...string) node {
	for _, key := range path {
		m, _ := n.v.(map[string]any)
		n = node{m[key]}
	}
	return n
}

func (n node) list() []node {
	l, _ := n.v.([]any)
	out := make([]node, len(l))
	for i := range l {
		out[i] = node{l[i]}
	}
	return out
}

func (n node) text() string { s, _ := n.v.(string); return s }

// render returns the objects of the chart by their kind and name.
func render(t *testing.T, args ...string) map[string]node {
	t.Helper()
	args = append([]string{"template", "release", chart, "--kube-version", kubernetes}, args...)
	command := exec.CommandContext(t.Context(), helm(t), args...) //nolint:gosec // the test names it
	output, err := command.Output()
	if err != nil {
		t.Fatalf("helm %s: %v\n%s", strings.Join(args, " "), err, stderrOf(err))
	}
	if dir := os.Getenv("TOCSIN_RENDERED"); dir != "" { // for a check against Kubernetes' schemas
		name := filepath.Join(dir, strings.NewReplacer("/", "_", " ", "_").Replace(t.Name())+".yaml")
		if err := os.WriteFile(name, output, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := map[string]node{}
	for dec := yaml.NewDecoder(strings.NewReader(string(output))); ; {
		var v map[string]any
		switch err := dec.Decode(&v); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		case v == nil:
			continue
		}
		n := node{v}
		all[n.at("kind").text()+"/"+n.at("metadata", "name").text()] = n
	}
}

func stderrOf(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(exit.Stderr)
	}
	return ""
}

func writeRule(t *testing.T) (path, text string) {
	t.Helper()
	text = "[rule]\nrule_id = \"11111111-aaaa-4aaa-8aaa-000000000001\"\nname = \"Shell\"\ndescription = \"{{ braces }} and 'quotes' \\\\\"\ntype = \"eql\"\nindex = [\"logs-*\"]\nseverity = \"high\"\nrisk_score = 73\nquery = 'process where process.name == \"sh\"'\n"
	path = filepath.Join(t.TempDir(), "shell.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

func TestChartLint(t *testing.T) {
	t.Parallel()
	for _, values := range []string{"shippedRules=true,elasticsearch.existingSecret=key", "shippedRules=true,elasticsearch.authentication=none,networkPolicy.enabled=true,serviceMonitor.enabled=true"} {
		output, err := exec.CommandContext(t.Context(), helm(t), "lint", chart, "--strict", "--kube-version", kubernetes, "--set", values).CombinedOutput() //nolint:gosec // the test names it
		if err != nil {
			t.Errorf("%s: %v\n%s", values, err, output)
		}
	}
}

// TestChartRefuses: values that cannot work are refused before anything is installed.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ values, want string }{
		{"shippedRules=true", "elasticsearch.existingSecret names the Secret"},
		{"elasticsearch.existingSecret=k", "there are no rules"},
		{"shippedRules=true,elasticsearch.existingSecret=k,elasticsearch.caSecret=a,elasticsearch.caConfigMap=b", "exclude each other"},
		{"shippedRules=true,elasticsearch.existingSecret=k,replicas=3", "replicas"},
		{"shippedRules=true,elasticsearch.existingSecret=k,elasticsearch.urls={es:9200}", "pattern"},
		{"shippedRules=true,elasticsearch.existingSecret=k,elasticsearch.urls={https://elastic:secret@es:9200}", "pattern"}, // a ConfigMap is no place for a secret
		{"shippedRules=true,elasticsearch.existingSecret=k,config.listn=x", "listn"},
		{"shippedRules=true,elasticsearch.existingSecret=k,config.listen=0.0.0.0:1", "listen"},
		{"elasticsearch.existingSecret=k,rulesConfigMaps={chart}", "rulesConfigMaps"},
	} {
		output, err := exec.CommandContext(t.Context(), helm(t), "template", chart, "--kube-version", kubernetes, "--set", tt.values).CombinedOutput() //nolint:gosec // the test names it
		if err == nil || !strings.Contains(string(output), tt.want) {
			t.Errorf("%s: %v\n%s", tt.values, err, output)
		}
	}
}

// TestChartSettings: the chart takes every setting of the service, but for those that it makes itself.
func TestChartSettings(t *testing.T) {
	t.Parallel()
	own := []string{"config", "rules", "elasticsearch", "ca-file", "username", "password-file", "api-key-file", "store", "events", "mapping", "format", "once", "at", "listen"}
	output, err := exec.CommandContext(t.Context(), tocsintest.Runner(t), "config", "--format", "json").Output() //nolint:gosec // the built command
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Name string }
	var schema struct {
		Properties struct {
			Config struct {
				PropertyNames struct{ Enum []string } `json:"propertyNames"`
			}
		}
	}
	if err := errors.Join(json.Unmarshal(output, &all), json.Unmarshal([]byte(read(t, filepath.Join(chart, "values.schema.json"))), &schema)); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, one := range all {
		if !slices.Contains(own, one.Name) {
			want = append(want, one.Name)
		}
	}
	if got := schema.Properties.Config.PropertyNames.Enum; !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
		t.Errorf("the schema has %v, want %v", got, want)
	}
}

// TestChart renders the chart in several ways. The configuration is one that the command takes, and all that the pods name is there.
func TestChart(t *testing.T) {
	t.Parallel()
	rule, text := writeRule(t)
	for name, args := range map[string][]string{
		"api key": {"--set", "elasticsearch.existingSecret=key", "--set-file", `rules.shell\.toml=` + rule},
		"password, private CA, all": {
			"--set", "elasticsearch.existingSecret=key,elasticsearch.authentication=basic,elasticsearch.caConfigMap=ca,rulesConfigMaps={sigma,more}", "--set-file", `rules.shell\.toml=` + rule,
			"--set", "networkPolicy.enabled=true,serviceMonitor.enabled=true,config.concurrency=4,config.grace=30s,config.reload=true,config.sigma-status={stable,test}", "--set", "image.digest=sha256:" + strings.Repeat("0a", 32),
		},
		"one runner, shipped rules": {"--set", "shippedRules=true,replicaCount=1,elasticsearch.authentication=none,elasticsearch.caSecret=ca,serviceAccount.create=false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := render(t, args...)
			config := filepath.Join(t.TempDir(), "runner.toml")
			if err := os.WriteFile(config, []byte(all["ConfigMap/release-tocsin"].at("data", "runner.toml").text()), 0o600); err != nil {
				t.Fatal(err)
			}
			if output, err := exec.CommandContext(t.Context(), tocsintest.Runner(t), "version", "--config", config).CombinedOutput(); err != nil || strings.Contains(string(output), "error") { //nolint:gosec // the built command
				t.Errorf("the configuration: %v\n%s%s", err, output, read(t, config))
			}
			if rules, ok := all["ConfigMap/release-tocsin-rules"]; ok && rules.at("data", "shell.toml").text() != text {
				t.Errorf("the rule is %q, want %q", rules.at("data", "shell.toml").text(), text)
			}
			checkPods(t, all)
		})
	}
}

// checkPods requires that pods are confined, probe what the service answers, and mount what they have.
func checkPods(t *testing.T, all map[string]node) {
	t.Helper()
	template := all["Deployment/release-tocsin"].at("spec", "template")
	spec := template.at("spec")
	runner := spec.at("containers").list()[0]
	for _, want := range []struct {
		what string
		got  any
		want any
	}{
		{"runAsNonRoot", spec.at("securityContext", "runAsNonRoot").v, true},
		{"seccomp", spec.at("securityContext", "seccompProfile", "type").v, "RuntimeDefault"},
		{"the token of the account", spec.at("automountServiceAccountToken").v, false},
		{"readOnlyRootFilesystem", runner.at("securityContext", "readOnlyRootFilesystem").v, true},
		{"allowPrivilegeEscalation", runner.at("securityContext", "allowPrivilegeEscalation").v, false},
		{"liveness", runner.at("livenessProbe", "httpGet", "path").v, "/healthz"},
		{"readiness", runner.at("readinessProbe", "httpGet", "path").v, "/readyz"},
	} {
		if want.got != want.want {
			t.Errorf("%s is %v, want %v", want.what, want.got, want.want)
		}
	}
	var volumes, mounts []string
	for _, v := range spec.at("volumes").list() {
		volumes = append(volumes, v.at("name").text())
	}
	for _, m := range runner.at("volumeMounts").list() {
		mounts = append(mounts, m.at("name").text())
	}
	slices.Sort(volumes)
	slices.Sort(mounts)
	if !slices.Equal(volumes, mounts) || len(volumes) < 2 {
		t.Errorf("volumes %q, mounts %q", volumes, mounts)
	}
	labels := template.at("metadata", "labels")
	for kind, path := range map[string][]string{
		"Deployment": {"spec", "selector", "matchLabels"}, "Service": {"spec", "selector"}, "PodDisruptionBudget": {"spec", "selector", "matchLabels"}, "NetworkPolicy": {"spec", "podSelector", "matchLabels"},
	} {
		object, ok := all[kind+"/release-tocsin"]
		if !ok {
			continue
		}
		selector, _ := object.at(path...).v.(map[string]any)
		for key, value := range selector {
			if labels.at(key).v != value {
				t.Errorf("%s selects %s=%v, the pods have %v", kind, key, value, labels.at(key).v)
			}
		}
		if len(selector) == 0 {
			t.Errorf("%s selects everything", kind)
		}
	}
}
