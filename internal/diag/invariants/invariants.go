// Package invariants says whether the program checks what it takes for granted about itself: with the
// build tag invariants, as tests are built. Without the tag checks cost nothing: they stand behind
// [Enabled]. A check that fails is a mistake in the program: it panics, and nobody who contains crashes
// contains that.
package invariants

import "fmt"

// Broken is what a failed check panics with.
type Broken struct{ text string }

// Error says what does not hold.
func (b Broken) Error() string { return "broken invariant: " + b.text }

// Break panics: what the text says does not hold.
func Break(format string, args ...any) { panic(Broken{fmt.Sprintf(format, args...)}) }

// Recovered is called with what was recovered of a panic: a failed check goes on.
func Recovered(v any) {
	if b, ok := v.(Broken); ok {
		panic(b)
	}
}
