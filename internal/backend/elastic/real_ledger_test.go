//go:build integration

package elastic_test

import (
	"context"
	"testing"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/storetest"
)

// refreshed lets the store's test wait for what searches find.
type refreshed struct {
	*elastic.Ledger
	do    do
	index string
}

func (r refreshed) Refresh(t *testing.T) {
	t.Helper()
	r.do("POST", "/"+r.index+"/_refresh", "")
}

func TestRealLedger(t *testing.T) {
	c, do := realClient(t)
	p := prefix(t)
	l, err := elastic.NewLedger(c, p)
	if err != nil {
		t.Fatal(err)
	}
	if heads, err := l.Heads(t.Context(), []string{"a"}); err != nil || len(heads) > 0 {
		t.Fatal("before the index is there:", heads, err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-ledger-"+p, "") })
	for range 2 {
		if err := l.Install(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	storetest.Run(t, refreshed{l, do, "tocsin-ledger-" + p})
	do("POST", "/tocsin-ledger-"+p+"/_refresh", "")
	heads, err := l.Heads(t.Context(), nil)
	if err != nil || len(heads) != 3 {
		t.Error("all heads:", heads, err)
	}
}

// TestRealLedgerDown: if the server does not answer, no write is reported as done.
func TestRealLedgerDown(t *testing.T) {
	c, _ := realClient(t)
	l, err := elastic.NewLedger(c, prefix(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if errs, err := l.SavePages(ctx, []*ledger.Page{{RuleID: "a"}}); err == nil {
		t.Error(errs)
	}
}
