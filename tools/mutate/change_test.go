package main

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const source = `package p

import "fmt"

var words = map[string]bool{"a": true}

func f(x, y int) (n int, err error) {
	if x < y && !done() {
		n++
		fmt.Println(
			"x",
		)
	} else {
		n -= 1
	}
	for i := range x {
		if words["a"] {
			continue
		}
		n = i
	}
	return n, nil
}
`

// TestChanges pins what is changed of a file, and wants each change to be Go of as many lines.
func TestChanges(t *testing.T) {
	changes, err := changesOf("/tmp/p/f.go", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
		changed := string(c.apply())
		if changed == source {
			t.Errorf("%s changes nothing", c)
		}
		if strings.Count(changed, "\n") != strings.Count(source, "\n") {
			t.Errorf("%s changes the number of lines:\n%s", c, changed)
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "f.go", changed, 0); err != nil {
			t.Errorf("%s: %v\n%s", c, err, changed)
		}
	}
	want := []string{
		`p/f.go:5: "a" becomes ""`,
		`p/f.go:5: true becomes false`,
		`p/f.go:7: f returns at once`,
		`p/f.go:8: x < y && !done() is negated`,
		`p/f.go:8: the block at x < y && !done() is dropped`,
		`p/f.go:13: the block at x < y && !done() is dropped`,
		`p/f.go:8: x < y && !done(): && becomes ||`,
		`p/f.go:8: x < y: < becomes <=`,
		`p/f.go:8: !done(): without !`,
		`p/f.go:9: n++: ++ becomes --`,
		`p/f.go:9: n++ is dropped`,
		`p/f.go:10: fmt.Println( "x", ) is dropped`,
		`p/f.go:11: "x" becomes ""`,
		`p/f.go:14: n -= 1: -= becomes +=`,
		`p/f.go:14: n -= 1 is dropped`,
		`p/f.go:14: 1 becomes (1+1)`,
		`p/f.go:17: words["a"] is negated`,
		`p/f.go:17: the block at words["a"] is dropped`,
		`p/f.go:17: "a" becomes ""`,
		`p/f.go:18: continue: continue becomes break`,
		`p/f.go:20: n = i is dropped`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := matching(changes, "f.go:14:"); len(got) != 3 {
		t.Errorf("%d changes of line 14", len(got))
	}
}
