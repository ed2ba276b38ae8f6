package conformance

import (
	"fmt"
	"testing"
)

// Run checks the cases of the repository and the shared cases, and logs the number of both. The repository must
// have cases; shared is nil if the shared cases are not available, and empty if they have none of the kind.
func Run[C fmt.Stringer](t *testing.T, own, shared []C, check func(C) error) {
	t.Helper()
	if len(own) == 0 {
		t.Error("the repository has no cases of this kind")
	}
	for _, cases := range [][]C{own, shared} {
		for _, c := range cases {
			if err := check(c); err != nil {
				t.Errorf("%s\n%v", c, err)
			}
		}
	}
	besides := fmt.Sprintf("%d of the shared data", len(shared))
	switch {
	case shared == nil:
		besides = "the shared data is not here"
	case len(shared) == 0:
		besides = "the shared data has none of the kind"
	}
	t.Logf("%d cases of the repository, %s", len(own), besides)
}
