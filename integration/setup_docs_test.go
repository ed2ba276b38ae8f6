//go:build integration

package integration

import (
	"cmp"
	"encoding/pem"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestSetupDocs runs the commands of docs/setup.md in their order, in a secured cluster behind TLS with an authority of its
// own: in the end there is an alert, made with the key. With TOCSIN_IMAGE, an image of the command, it also runs the container.
func TestSetupDocs(t *testing.T) {
	n := SecuredNode(t)
	target, err := url.Parse(n.URL)
	must(t, err)
	secure := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(secure.Close)
	index := n.Name("events")
	n.CreateIndex(t, index, eventMapping())
	put(t, n, []doc{{index, "1", object{"@timestamp": time.Now().Add(-7 * time.Minute).UTC().Format(time.RFC3339), "process": object{"pid": 1}}}})
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "rules"), 0o700))
	ruleDir(filepath.Join(dir, "rules")).add(t, "first-alert", index, "any where true")
	must(t, os.WriteFile(filepath.Join(dir, "http_ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "elastic.password"), []byte(n.Password+"\n"), 0o600))
	page, err := os.ReadFile("../docs/setup.md")
	must(t, err)
	binary, err := buildRunner()
	must(t, err)
	var script strings.Builder
	script.WriteString("set -e\n")
	listen, image := freeAddress(t), os.Getenv("TOCSIN_IMAGE")
	inContainer := strings.NewReplacer(
		// The container is to reach the server of this test, which only listens here.
		"--publish 127.0.0.1:9464:9464", "--network host --env TOCSIN_LISTEN="+listen+" --label tocsin.integration="+cmp.Or(os.Getenv("ENGINE_RUN"), "node"),
		"127.0.0.1:9464", listen, "--name tocsin", "--name "+n.Prefix, "=true tocsin\n", "=true "+image+"\n",
	)
	for _, block := range regexp.MustCompile("(?s)```(toml|sh)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		text := strings.NewReplacer("https://es.example:9200", secure.URL, "production", n.Prefix).Replace(block[2])
		if strings.Contains(text, "docker") || strings.Contains(text, "curl") {
			if image == "" {
				continue
			}
			text = inContainer.Replace(text)
		}
		if block[1] == "sh" {
			script.WriteString(text)
			continue
		}
		must(t, os.WriteFile(filepath.Join(dir, "runner.toml"), []byte(text), 0o600))
	}
	command := exec.CommandContext(t.Context(), "sh", "-c", script.String())
	command.Dir = dir
	command.Env = []string{"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH")}
	if image != "" {
		defer func() {
			log, _ := exec.Command("docker", "logs", n.Prefix).CombinedOutput() //nolint:noctx // the test's is over
			_ = exec.Command("docker", "rm", "--force", n.Prefix).Run()         //nolint:noctx // as above
			if t.Failed() {
				t.Logf("the container:\n%s", log)
			}
		}()
	}
	out, err := command.CombinedOutput()
	if image != "" && !strings.Contains(string(out), `"alerts":[{"id":`) {
		t.Errorf("the API of the container shows no alert:\n%s", out)
	}
	if err != nil || !regexp.MustCompile(`(?m)^\S+ +.*first-alert`).Match(out) {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "fail ") && !strings.Contains(line, " disk ") { // the machine's
			t.Errorf("doctor: %s", line)
		}
	}
	key, err := os.ReadFile(filepath.Join(dir, "api-key"))
	must(t, err)
	if strings.Contains(string(out), strings.TrimSpace(string(key))) || strings.Contains(string(out), n.Password) {
		t.Error("a secret is in the output")
	}
	if info, err := os.Stat(filepath.Join(dir, "api-key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the key: %v, %v", info, err)
	}
}
