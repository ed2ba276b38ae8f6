//go:build integration

package elastic_test

import (
	"flag"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/notify"
	"tocsin/internal/notify/storetest"
)

func TestRealOutbox(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	o, err := elastic.NewOutbox(c, p)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := o.Find(t.Context(), notify.Query{}); err != nil || len(found) > 0 {
		t.Error("before the index is there:", found, err)
	}
	if found, err := o.Get(t.Context(), []string{"a"}); err != nil || len(found) > 0 {
		t.Error("before the index is there:", found, err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-outbox-"+p, "") })
	for range 2 {
		if err := o.Install(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// Each comparison takes many requests: some are enough.
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set("10")
		defer func() { _ = checks.Value.Set(checks.DefValue) }()
	}
	storetest.Run(t, o, 5)
	if misfits, err := o.Misfits(t.Context()); err != nil || len(misfits) > 0 {
		t.Error(misfits, err)
	}
}
