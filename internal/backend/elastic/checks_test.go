package elastic_test

import (
	"flag"
	"testing"
)

// fewChecks makes 30 checks of a property enough, of which each makes many requests; -rapid.checks asks for more.
func fewChecks(t *testing.T) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	if checks.Value.String() != checks.DefValue {
		return
	}
	if err := checks.Value.Set("30"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Value.Set(checks.DefValue) })
}
