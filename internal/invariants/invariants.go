// Package invariants says whether the program checks what it takes for granted about itself: with the
// build tag invariants, as tests are built. A check that fails is a mistake in the program, and a panic
// that names what it is about. Without the tag checks cost nothing: they stand behind the constant.
package invariants
