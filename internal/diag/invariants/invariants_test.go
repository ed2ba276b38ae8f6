package invariants_test

import (
	"strings"
	"testing"

	"tocsin/internal/diag/failure"
	"tocsin/internal/diag/invariants"
)

// A crash that is contained becomes an error; a failed check does not.
func TestBrokenIsNotContained(t *testing.T) {
	contained := func(crash func()) (err error) {
		defer func() {
			if v := recover(); v != nil {
				err = failure.Crash("work", v)
			}
		}()
		crash()
		return nil
	}
	if err := contained(func() { panic("mistake") }); err == nil {
		t.Error("a crash is no error")
	}
	defer func() {
		if b, ok := recover().(invariants.Broken); !ok || !strings.Contains(b.Error(), "1 is not 2") {
			t.Errorf("recovered %v", b)
		}
	}()
	err := contained(func() { invariants.Break("%d is not %d", 1, 2) })
	t.Errorf("the failed check was contained: %v", err)
}
