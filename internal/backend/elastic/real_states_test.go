//go:build integration

package elastic_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tocsin/internal/backend/elastic"
	"tocsin/internal/diag/failure"
	"tocsin/internal/notify"
)

// TestRealStates: runners that change the states at the same time lose no change, and a change of nothing writes nothing.
func TestRealStates(t *testing.T) {
	c, do := realClient(t)
	leases, err := elastic.NewLeases(c, namespaceOf(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { do("DELETE", "/tocsin-leases-"+namespaceOf(t)+"?ignore_unavailable=true", "") })
	if err := leases.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 5 {
				if err := leases.States().Update(t.Context(), func(old []byte) ([]byte, error) { return append(old, '+'), nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	stop := errors.New("stop")
	err = leases.States().Update(t.Context(), func(old []byte) ([]byte, error) {
		if string(old) != "++++++++++++++++++++" {
			return nil, fmt.Errorf("%q", old)
		}
		return nil, stop
	})
	if !errors.Is(err, stop) {
		t.Error(err)
	}
	if state, err := leases.Load(t.Context()); err != nil || state.Version != nil {
		t.Errorf("the leases: %+v, %v", state, err)
	}
}

// TestRealWritable: the probe of the alerts' index writes nothing, and says why nothing can be written.
func TestRealWritable(t *testing.T) {
	c, do := realClient(t)
	namespace := namespaceOf(t)
	a := realAlerts(t, c, do, namespace)
	if err := a.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	index := a.Alias() + "-000001"
	if err := a.Writable(t.Context()); err != nil {
		t.Error(err)
	}
	for _, block := range []string{"read_only_allow_delete", "write", "read_only"} {
		do("PUT", "/"+index+"/_settings", `{"index.blocks.`+block+`": true}`)
		var e *failure.Error
		if err := a.Writable(t.Context()); !errors.As(err, &e) || e.Type != "cluster_block_exception" {
			t.Errorf("%s: %v", block, err)
		}
		do("PUT", "/"+index+"/_settings", `{"index.blocks.`+block+`": null}`)
	}
	if err := a.Writable(t.Context()); err != nil {
		t.Error(err)
	}
	do("POST", "/"+index+"/_close", "")
	if err := a.Writable(t.Context()); err == nil {
		t.Error("a closed index can be written")
	}
	do("DELETE", "/"+index, "")
	if err := a.Writable(t.Context()); err == nil {
		t.Error("a missing alias can be written")
	}
}

// TestRealStorable: the same of the outbox, of which the probe makes no index where it is missing.
func TestRealStorable(t *testing.T) {
	c, do := realClient(t)
	namespace := namespaceOf(t)
	o, err := elastic.NewOutbox(c, namespace)
	if err != nil {
		t.Fatal(err)
	}
	index := "tocsin-outbox-" + namespace
	t.Cleanup(func() { do("DELETE", "/"+index+"?ignore_unavailable=true", "") })
	var e *failure.Error
	missing := func() {
		t.Helper()
		if err := o.Writable(t.Context()); !errors.As(err, &e) || e.Type != "index_not_found_exception" {
			t.Errorf("a missing index: %v", err)
		}
		if there, err := o.Installed(t.Context()); there || err != nil {
			t.Errorf("the probe has made the index: %v", err)
		}
	}
	missing()
	if err := o.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, block := range []string{"read_only_allow_delete", "write", "read_only"} {
		if err := o.Writable(t.Context()); err != nil {
			t.Error(err)
		}
		do("PUT", "/"+index+"/_settings", `{"index.blocks.`+block+`": true}`)
		if err := o.Writable(t.Context()); !errors.As(err, &e) || e.Type != "cluster_block_exception" {
			t.Errorf("%s: %v", block, err)
		}
		do("PUT", "/"+index+"/_settings", `{"index.blocks.`+block+`": null}`)
	}
	do("POST", "/"+index+"/_refresh", "")
	if found, err := o.Find(t.Context(), notify.Query{}); err != nil || len(found) > 0 {
		t.Errorf("something was written: %v, %v", found, err)
	}
	do("DELETE", "/"+index, "")
	missing()
}

// TestRealCounts: events are counted by time, with the last one, and those of the future are not.
func TestRealCounts(t *testing.T) {
	c, do := realClient(t)
	index := namespaceOf(t) + "-counts"
	t.Cleanup(func() { do("DELETE", "/"+index+"?ignore_unavailable=true", "") })
	do("PUT", "/"+index, `{"mappings": {"properties": {"@timestamp": {"type": "date"}}}}`)
	from := time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)
	for _, after := range []time.Duration{0, time.Second, 6 * time.Minute, 14*time.Minute + 59*time.Second, time.Hour} {
		do("POST", "/"+index+"/_doc?refresh=true", `{"@timestamp": "`+from.Add(after).Format(time.RFC3339)+`"}`)
	}
	counts, last, err := c.Counts(t.Context(), index+"*", from, from.Add(17*time.Minute), 5*time.Minute)
	if err != nil || fmt.Sprint(counts) != "[2 1 1 0]" || !last.Equal(from.Add(14*time.Minute+59*time.Second)) {
		t.Errorf("%v, %s, %v", counts, last, err)
	}
	if counts, last, err := c.Counts(t.Context(), index+"-none-*", from, from.Add(time.Minute), 5*time.Minute); err != nil || fmt.Sprint(counts) != "[0]" || !last.IsZero() {
		t.Errorf("no index: %v, %s, %v", counts, last, err)
	}
}
