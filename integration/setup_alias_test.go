//go:build integration

package integration

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSetupAlias: rules on an alias run with the key that setup makes, doctor finds nothing amiss, and names the index that the alias gets later.
func TestSetupAlias(t *testing.T) {
	for name, pattern := range map[string]string{"named": "alias", "by a pattern": "ali*"} {
		t.Run(name, func(t *testing.T) {
			n := SecuredNode(t)
			slot, dir := aSlot(), ruleDir(t.TempDir())
			index, alias, later := n.Name("behind"), n.Name("alias"), n.Name("later")
			for _, one := range []string{index, later} {
				n.CreateIndex(t, one, eventMapping())
			}
			n.Must(t, http.MethodPut, "/"+index+"/_alias/"+alias, nil)
			put(t, n, []doc{login(index, "1", "bob", slot, 100)})
			dir.add(t, "each", n.Name(pattern), `any where user.name == "bob"`)
			dir.addRule(t, "counted", "threshold", "index = [\""+n.Name(pattern)+"\"]\nlanguage = \"kuery\"\nquery = 'user.name: bob'\nthreshold = { field = [\"user.name\"], value = 1 }")
			flags := []string{"--elasticsearch", n.URL, "--namespace", n.Prefix, "--rules", string(dir)}
			ask := func(env []string, args ...string) outcome {
				t.Helper()
				return runner(t, env, slices.Concat(args, flags)...)
			}
			admin, key := []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + n.Password}, filepath.Join(t.TempDir(), "key")
			for _, args := range [][]string{{"setup", "templates", "--apply"}, {"setup", "apikey", "--apply", "--out", key}} {
				if o := ask(admin, args...); o.code != 0 {
					t.Fatalf("%v: exit code %d\n%s", args, o.code, o.err)
				}
			}
			service := []string{"TOCSIN_API_KEY_FILE=" + key}
			if _, err := os.Stat(key); err != nil {
				t.Fatal(err)
			}
			doctor := func() outcome { return ask(service, "doctor", "--listen", "none") }
			if o := doctor(); o.code != 0 {
				t.Errorf("doctor: exit code %d\n%s%s", o.code, o.out, o.err)
			}
			ran := place{name: "elasticsearch", flags: flags, env: service}.mustOnce(t, "", slot)
			if ran["each"].Created != 1 || ran["counted"].Created != 1 {
				t.Errorf("%+v", ran)
			}
			n.Must(t, http.MethodPut, "/"+later+"/_alias/"+alias, nil)
			if o := doctor(); o.code == 0 || !strings.Contains(o.out, "read on "+later) {
				t.Errorf("doctor, of the index that the alias has now: exit code %d\n%s", o.code, o.out)
			}
		})
	}
}
