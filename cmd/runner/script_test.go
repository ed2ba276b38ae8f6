package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/internal/backend/store"
)

var update = flag.Bool("update", false, "write what commands print into the scripts that compare it")

// raceOptions keep the race detector from waiting a second at the end of every process.
const raceOptions = "atexit_sleep_ms=0"

// TestMain makes the command itself available to scripts and tests, as a process of its own.
func TestMain(m *testing.M) {
	if err := os.Setenv("GORACE", raceOptions); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){"runner": main})
}

// TestScripts runs the files of testdata/script, each named after the behaviour that it pins.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", raceOptions)
			e.Setenv("REFUSED", "http://127.0.0.1:1") // nothing listens there
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %s", name)
			}
			return os.Geteuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode, "gzip": scriptGzip, "hold": scriptHold, "server": scriptServer, "silent": scriptSilent, "spoil": scriptSpoil,
		},
	})
}

// scriptCode runs a command and wants an exit code of it: code 2 runner check nowhere.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: code N command [arguments]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// scriptSilent wants that no text of its arguments is in the output of the last command.
func scriptSilent(ts *testscript.TestScript, _ bool, args []string) {
	output := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	for _, text := range args {
		if strings.Contains(output, text) {
			ts.Fatalf("the output holds %q", text)
		}
	}
}

// scriptGzip compresses files, each into FILE.gz.
func scriptGzip(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write([]byte(ts.ReadFile(name)))
		ts.Check(errors.Join(err, w.Close()))
		ts.Check(os.WriteFile(ts.MkAbs(name+".gz"), b.Bytes(), 0o600))
	}
}

// scriptHold keeps a store open until the script ends, as another process.
func scriptHold(ts *testscript.TestScript, _ bool, args []string) {
	db, err := store.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { _ = db.Close() })
}

// scriptSpoil puts a text in place of another wherever it stands in a file; without texts, zeros in place of
// all that is behind the first two pages of a store.
func scriptSpoil(ts *testscript.TestScript, _ bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	if len(args) == 3 {
		if !bytes.Contains(data, []byte(args[1])) {
			ts.Fatalf("%s has no %s", args[0], args[1])
		}
		data = bytes.ReplaceAll(data, []byte(args[1]), []byte(args[2]))
	} else {
		clear(data[2*os.Getpagesize():])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o600))
}

// scriptServer starts a [fakeServer] whose answers a file may begin with and puts its address into
// SERVER.
func scriptServer(ts *testscript.TestScript, _ bool, args []string) {
	f, err := newFakeServer(strings.NewReader(ts.ReadFile(args[0])), nil)
	ts.Check(err)
	ts.Defer(f.Close)
	ts.Setenv("SERVER", f.URL)
}
