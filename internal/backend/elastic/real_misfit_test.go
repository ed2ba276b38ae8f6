//go:build integration

package elastic_test

import (
	"strings"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
)

// TestRealMisfits wants a namespace that was installed to fit, one below a foreign template to be named though its
// first index fits, and an index of another mapping to be named and not to be searched for alerts.
func TestRealMisfits(t *testing.T) {
	c, do := realClient(t)
	namespace := namespaceOf(t)
	a := realAlerts(t, c, do, namespace)
	ledger, err := elastic.NewLedger(c, namespace)
	if err != nil {
		t.Fatal(err)
	}
	leases, err := elastic.NewLeases(c, namespace)
	if err != nil {
		t.Fatal(err)
	}
	misfits := func(want ...string) {
		t.Helper()
		found, err := elastic.Misfits(t.Context(), a, ledger, leases)
		if err != nil || len(found) != len(want) {
			t.Fatalf("%v, %v, want %v", found, err, want)
		}
		for i, m := range found {
			if !strings.Contains(m.String(), want[i]) {
				t.Errorf("%s, want %s", m, want[i])
			}
		}
	}
	misfits()
	t.Cleanup(func() {
		do("DELETE", "/tocsin-ledger-"+namespace+",tocsin-leases-"+namespace+"?ignore_unavailable=true", "")
		do("DELETE", "/_index_template/"+namespace+"-foreign", "")
	})
	do("PUT", "/_index_template/"+namespace+"-foreign", `{"index_patterns": ["`+a.Alias()+`-*"], "priority": 100000, "template": {"settings": {"number_of_replicas": 0}}}`)
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := leases.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	misfits("index template [" + namespace + "-foreign], which outranks")
	find := func() error {
		return a.Find(t.Context(), alert.InstanceQuery{Instances: []string{"i"}}, func(alert.Document) (bool, error) { return true, nil })
	}
	if err := find(); err != nil {
		t.Fatal(err)
	}
	do("POST", "/"+a.Alias()+"/_rollover", "")
	do("DELETE", "/_index_template/"+namespace+"-foreign", "")
	misfits("index [" + a.Alias() + "-000002]")
	fresh, err := elastic.NewAlerts(c, namespace)
	if err != nil {
		t.Fatal(err)
	}
	a = fresh
	if err := find(); failure.KindOf(err) != failure.Refused || !strings.Contains(err.Error(), "-000002") {
		t.Errorf("alerts are looked for in an index that hides them: %v", err)
	}
	do("DELETE", "/"+a.Alias()+"-000002", "")
	do("DELETE", "/tocsin-ledger-"+namespace, "")
	do("PUT", "/tocsin-ledger-"+namespace, `{"mappings": {"dynamic": false}}`)
	misfits("index [tocsin-ledger-" + namespace + "]")
	do("PUT", "/tocsin-ledger-"+namespace+"/_doc/head:r1?refresh=true", `{"kind": "head", "rule_id": "r1"}`)
	do("PUT", "/tocsin-ledger-"+namespace+"/_doc/page:r1?refresh=true", `{"kind": "page", "rule_id": "r1"}`)
	if heads, err := ledger.Heads(t.Context(), nil); err != nil || len(heads) != 1 || heads[0].RuleID != "r1" {
		t.Errorf("heads that the mapping hides: %v, %v", heads, err)
	}
}
