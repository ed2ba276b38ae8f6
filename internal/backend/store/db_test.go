package store_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/backend/store"
	"tocsin/internal/diag/failure"
)

func TestReopen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for i, want := range []string{"x=created", "x=duplicate"} {
		db, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, outcomes(mustCreate(t, db, doc("x", i, "r")))); d != "" {
			t.Error(d)
		}
		if got, err := db.Get(t.Context(), "x"); err != nil || got.Source["@timestamp"] == nil {
			t.Error(got, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.CommandContext(t.Context(), exe)
	holder.Env = append(os.Environ(), holderDir+"="+dir)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "open\n" {
		t.Fatal(line, err)
	}
	start := time.Now()
	_, err = store.Open(dir)
	if failure.KindOf(err) != failure.Unavailable || !strings.Contains(err.Error(), "another process has it open") {
		t.Error(err)
	}
	if took := time.Since(start); took < 900*time.Millisecond || took > 20*time.Second {
		t.Errorf("waited %v", took)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	mustOpen(t, dir)
}

// damaged returns the directory of a database with a changed file.
func damaged(t *testing.T, change func(data []byte) []byte) string {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	mustCreate(t, db, doc("a", 1, "r"))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tocsin.db")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func overwritten(text string) func([]byte) []byte {
	return func([]byte) []byte { return []byte(text) }
}

// cut keeps only the pages that identify the file.
func cut(data []byte) []byte { return data[:2*os.Getpagesize()] }

func scrambled(data []byte) []byte {
	for i := 2 * os.Getpagesize(); i < len(data); i++ {
		data[i] = 0xff
	}
	return data
}

func directoryInItsPlace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tocsin.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenFails(t *testing.T) {
	tests := []struct {
		name, dir, want string
	}{
		{"no database", damaged(t, overwritten(strings.Repeat("no database\n", 10_000))), "the file is not a database of Tocsin"},
		{"short", damaged(t, overwritten("x")), "the file is not a database of Tocsin"},
		{"below a file", writeFile(t, "file", ""), "not a directory"},
		{"a directory in its place", directoryInItsPlace(t), "is a directory"},
		{"cut behind its beginning", damaged(t, cut), "the database is damaged"},
		{"overwritten behind its beginning", damaged(t, scrambled), "the database is damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkRefused(t, tt.dir, tt.want) })
	}
}

func TestNotWritable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("everything is writable to root")
	}
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	checkRefused(t, dir, "permission denied")
	checkRefused(t, filepath.Join(dir, "below"), "permission denied")
}

func checkRefused(t *testing.T, dir, want string) {
	t.Helper()
	_, err := store.Open(dir)
	if failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "open store "+dir) {
		t.Error(err)
	}
}

func TestClosed(t *testing.T) {
	db, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, createErr := db.Create(t.Context(), []alert.Document{doc("a", 1, "r")})
	_, getErr := db.Get(t.Context(), "a")
	listErr := db.List(t.Context(), alert.Filter{}, func(alert.Document) (bool, error) { return true, nil })
	for _, err := range []error{createErr, getErr, listErr} {
		if failure.KindOf(err) != failure.Unavailable || !strings.Contains(err.Error(), "tocsin.db") {
			t.Error(err)
		}
	}
}
