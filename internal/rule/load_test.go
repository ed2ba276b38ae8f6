package rule_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/rule"
)

// ruleText returns a valid rule.
func ruleText(id, name string) string {
	return strings.NewReplacer("0c9b3a52-6f0e-4d8e-9d0a-3f1f0a3b7c11", id, `"N"`, `"`+name+`"`).
		Replace(header) + "type = 'eql'\nquery = 'any where true'\n"
}

// tree is a directory with everything that a loader may find.
var tree = map[string]string{
	"b.toml":              ruleText("id-b", "Bravo"),
	"a/z.toml":            ruleText("id-z", "Zulu"),
	"a/a.toml":            ruleText("id-a", "Alpha"),
	"a/a.test.toml":       "not a rule",
	"a/readme.md":         "not a rule",
	"a/.draft.toml":       "not a rule",
	".git/x.toml":         "not a rule",
	"c/broken.toml":       "[rule]\nname = \"Charlie\"\nquery = '''",
	"c/twice.toml":        ruleText("id-a", "Again"),
	"c/d/e/f/g/deep.toml": ruleText("id-deep", "Deep"),
}

func TestLoad(t *testing.T) {
	dir := newTree(t)
	tests := []struct {
		name string
		in   []string
		want []string // names of rules, then places of diagnostics
	}{
		{"directory", []string{"."}, []string{
			"Alpha", "Zulu", "Bravo", "Deep", "c/broken.toml:3:9 rule/syntax", "c/twice.toml:2:11 rule/duplicate-id",
		}},
		{"file", []string{"b.toml"}, []string{"Bravo"}},
		{"order of the arguments", []string{"b.toml", "a"}, []string{"Bravo", "Alpha", "Zulu"}},
		{"reached twice", []string{"a", "a/a.toml", "a/../a"}, []string{"Alpha", "Zulu"}},
		{"missing file", []string{"a/no.toml", "b.toml"}, []string{"Bravo", "a/no.toml rule/unreadable"}},
		{"missing directory", []string{"nowhere/at/all", "b.toml"}, []string{"Bravo", "nowhere/at/all rule/unreadable"}},
		{"hidden when named", []string{"a/.draft.toml"}, []string{"a/.draft.toml:1:5 rule/syntax"}},
		{"test file named", []string{"a/a.test.toml", "b.toml"}, []string{"Bravo"}},
		{"nothing", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var paths []string
			for _, p := range tt.in {
				paths = append(paths, dir+"/"+p)
			}
			set, list := rule.Load(paths...)
			var got []string
			for _, r := range set.Rules() {
				got = append(got, r.Name)
			}
			for _, d := range list {
				got = append(got, strings.TrimPrefix(filepath.ToSlash(d.Place()), filepath.ToSlash(dir)+"/")+" "+d.Code)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestLoadNames(t *testing.T) {
	dir := newTree(t)
	t.Chdir(dir)
	set, list := rule.Load("c", "a/a.toml", "nowhere")
	want := "c/broken.toml:3:9: error: string has no closing ''' [rule/syntax]\n    3 | query = '''\n      |         ^^^\n" +
		"nowhere: error: no such file or directory [rule/unreadable]\n" +
		"a/a.toml:2:11: error: rule id id-a is already used at c/twice.toml:2:11 [rule/duplicate-id]\n    2 | rule_id = \"id-a\"\n      |           ^^^^^^\n"
	if diff := cmp.Diff(want, filepath.ToSlash(render(t, list))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if set.Len() != 2 || len(set.Broken()) != 2 || set.Broken()[0].Path == "" {
		t.Errorf("%d rules, broken: %v", set.Len(), set.Broken())
	}
}

func TestLoadFS(t *testing.T) {
	fsys := fstest.MapFS{}
	for name, text := range tree {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, list := rule.LoadFS(fsys, "a", "b.toml")
	var got []string
	for _, r := range set.Rules() {
		got = append(got, r.Path)
	}
	if diff := cmp.Diff([]string{"a/a.toml", "a/z.toml", "b.toml"}, got); diff != "" || len(list) > 0 {
		t.Errorf("%v, paths (-want +got):\n%s", list, diff)
	}
}

// TestLoadLinks loads a directory as Kubernetes mounts a ConfigMap: files are links through a
// hidden directory; a folder may be such a link as well, and a file that is reached twice is read
// once.
func TestLoadLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "..2026", "a.toml"), tree["a/a.toml"])
	for from, to := range map[string]string{"..data": "..2026", "a.toml": "..data/a.toml", "dir.toml": "..2026", "gone": "nowhere", "gone.toml": "nowhere", "up": "..", "self": "self"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Skip("no symbolic links here")
		}
	}
	set, list := rule.Load(dir)
	var got []string
	for _, d := range list {
		got = append(got, d.Severity.String()+" "+filepath.Base(d.File))
	}
	if diff := cmp.Diff([]string{"warning gone", "error gone.toml", "warning self"}, got); diff != "" || set.Len() != 1 {
		t.Errorf("%d rules, (-want +got):\n%s", set.Len(), diff)
	}
}

func TestFind(t *testing.T) {
	var set rule.Set
	for _, text := range []string{ruleText("1111-aaaa", "Shell in a container"), ruleText("1111-bbbb", "Twin"), ruleText("2222-cccc", "Twin")} {
		r := mustParse(t, text)
		r.Path = "rules/linux/" + r.ID[5:] + ".toml"
		if list := set.Add(r, nil); len(list) > 0 {
			t.Fatal(list)
		}
	}
	tests := []struct{ name, in, want string }{
		{"id", "1111-bbbb", "1111-bbbb"},
		{"prefix", "2", "2222-cccc"},
		{"name in any case", "shell in A container", "1111-aaaa"},
		{"path", "./rules/linux/aaaa.toml", "1111-aaaa"},
		{"file", "aaaa.toml", "1111-aaaa"},
		{"file without its end", "cccc", "2222-cccc"},
		{"ambiguous prefix", "1111", `find rule "1111": it may be 1111-aaaa (Shell in a container), 1111-bbbb (Twin)`},
		{"ambiguous name", "twin", `find rule "twin": it may be 1111-bbbb (Twin), 2222-cccc (Twin)`},
		{"misspelt", "Shel in a container", `find rule "Shel in a container": no such rule, did you mean "Shell in a container"?`},
		{"unknown", "quite another", `find rule "quite another": no such id, name or path among 3 rules`},
		{"empty", "", "find rule: no id, name or path given"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := set.Find(tt.in)
			got := ""
			if err != nil {
				got = err.Error()
			} else {
				got = r.ID
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func newTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range tree {
		write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, from string) {
	t.Helper()
	if err := os.Symlink(to, from); err != nil {
		t.Skip("no symbolic links here")
	}
}
