package folder_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/rule/folder"
)

// put creates an entry of a folder: a text, a link ("->x"), a pipe ("|") or a folder ("/").
func put(t interface{ Fatal(...any) }, dir, name, content string) {
	p := filepath.Join(dir, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(p), 0o755)
	switch {
	case err != nil:
	case content == "/":
		err = os.MkdirAll(p, 0o755)
	case content == "|":
		err = syscall.Mkfifo(p, 0o600)
	case len(content) > 2 && content[:2] == "->":
		err = os.Symlink(content[2:], p)
	default:
		err = os.WriteFile(p, []byte(content), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"in/a": "text", "in/pipe": "|", "in/dir/b": "below", "in/zero": "->/dev/zero", "in/gone": "->nowhere", "in/self": "->self",
		"in/inner": "->dir/b", "in/out": "->../secret", "in/outdir": "->../other", "in/socketless": "->pipe", "secret": "s", "other/c": "c",
	} {
		put(t, dir, name, content)
	}
	disk := folder.Disk{Dir: dir}
	for name, tt := range map[string]struct {
		most int64
		want string // the text, or "!" and the error
	}{
		"a": {4, "text"}, "./a": {4, "text"}, "dir/../a": {4, "text"}, "dir/b": {9, "below"}, "inner": {9, "below"},
		"pipe": {9, "!it is a pipe, not a regular file"}, "socketless": {9, "!it is a pipe, not a regular file"}, "dir": {9, "!it is a directory, not a regular file"},
		"zero": {9, "!" + folder.ErrOutside.Error()}, "out": {9, "!" + folder.ErrOutside.Error()}, "outdir/c": {9, "!" + folder.ErrOutside.Error()},
		"../secret": {9, "!" + folder.ErrOutside.Error()}, "dir/../../secret": {9, "!" + folder.ErrOutside.Error()},
		"/etc/passwd": {9, "!" + folder.ErrOutside.Error()}, filepath.Join(dir, "secret"): {9, "!" + folder.ErrOutside.Error()},
	} {
		data, err := folder.ReadBelow(disk, "in", name, tt.most)
		got := string(data)
		if err != nil {
			got = "!" + err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if _, err := folder.ReadBelow(disk, "in", "a", 3); err == nil || err.Error() != "the file has more than 3 bytes" {
		t.Errorf("a large file: %v", err)
	}
	for _, name := range []string{"in/gone", "in/none"} {
		if _, err := folder.Read(disk, name, 9); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := folder.Read(disk, "in/zero", 9); err == nil || err.Error() != "it is a device, not a regular file" {
		t.Errorf("a device: %v", err)
	}
	if _, err := folder.Read(disk, "in/a", 3); err == nil || err.Error() != "the file has more than 3 bytes" {
		t.Errorf("a large file: %v", err)
	}
	if data, all, err := folder.Head(disk, "in/a", 2); string(data) != "te" || all || err != nil {
		t.Errorf("%q, %t, %v", data, all, err)
	}
	if data, err := folder.ReadBelow(fstest.MapFS{"d/a": {Data: []byte("m")}}, "d", "a", 9); string(data) != "m" || err != nil {
		t.Errorf("a file system without links: %q, %v", data, err)
	}
}

// TestWalk lays out folders with links wherever they may lead, and wants every file that can be reached by
// folders below the root once, and an end.
func TestWalk(t *testing.T) {
	parent, runs := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		dir := filepath.Join(parent, strconv.Itoa(runs))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		places := []string{"root", "root/a", "root/a/b", "root/c", "out", "out/d", "."}
		for i, p := range places {
			put(t, dir, p+"/f"+strconv.Itoa(i), "x")
		}
		type link struct{ from, to string }
		var links []link
		for i := range rapid.IntRange(0, 6).Draw(t, "links") {
			from, to := rapid.SampledFrom(places[:6]).Draw(t, "from"), rapid.SampledFrom(places).Draw(t, "to")
			links = append(links, link{from, to})
			put(t, dir, from+"/l"+strconv.Itoa(i), "->"+filepath.Join(dir, to))
		}
		// What is to be reached: by folders and by links, but for links to where one is or what that is in.
		want := map[string]bool{}
		var reach func(at string, way []string)
		reach = func(at string, way []string) {
			way = append(slices.Clip(way), at)
			for i, p := range places {
				if p == at {
					want["f"+strconv.Itoa(i)] = true
				} else if filepath.Dir(p) == at {
					reach(p, way)
				}
			}
			for _, l := range links {
				holds := slices.ContainsFunc(way, func(p string) bool {
					rel, err := filepath.Rel(l.to, p)
					return err == nil && filepath.IsLocal(rel)
				})
				if l.from == at && !holds {
					reach(l.to, way)
				}
			}
		}
		reach("root", nil)
		got := map[string]int{}
		var walk folder.Walker
		if err := walk.Walk(folder.Disk{Dir: dir}, "root", func(_ string, entry fs.DirEntry, err error) error {
			if err != nil {
				t.Fatal(err)
			}
			if !entry.IsDir() {
				got[entry.Name()]++
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for name, n := range got {
			if n != 1 || !want[name] {
				t.Errorf("%s was visited %d times; reachable: %t", name, n, want[name])
			}
		}
		for name := range want {
			if got[name] == 0 {
				t.Errorf("%s was not visited; links %v", name, links)
			}
		}
	})
}

// TestWalkAsOthers: where there are no links, it is [fs.WalkDir].
func TestWalkAsOthers(t *testing.T) {
	fsys := fstest.MapFS{"b/x": {}, "b/y/z": {}, "a": {}, "c": {}, ".h/x": {}}
	for _, root := range []string{".", "b", "a", "none"} {
		visits := func(walk func(fs.FS, string, fs.WalkDirFunc) error) []string {
			var out []string
			err := walk(fsys, root, func(name string, _ fs.DirEntry, err error) error {
				out = append(out, name)
				switch {
				case err != nil:
					out = append(out, "error")
				case name == ".h":
					return fs.SkipDir
				case name == "b/x" && root == ".":
					return fs.SkipDir
				}
				return nil
			})
			return append(out, errorText(err))
		}
		var w folder.Walker
		if diff := cmp.Diff(visits(fs.WalkDir), visits(w.Walk)); diff != "" {
			t.Errorf("%s (-fs.WalkDir +ours):\n%s", root, diff)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
