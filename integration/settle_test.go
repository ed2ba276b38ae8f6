//go:build integration

package integration

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// wrongCluster is a proxy before the node that shifts its clock.
func wrongCluster(t *testing.T, n *Node, off time.Duration) string {
	t.Helper()
	target, err := url.Parse(n.URL)
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasPrefix(r.Request.URL.Path, "/_nodes/") {
				return nil
			}
			var answer struct {
				Nodes map[string]map[string]int64 `json:"nodes"`
			}
			if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
				return err
			}
			for _, node := range answer.Nodes {
				node["timestamp"] += off.Milliseconds()
			}
			body, err := json.Marshal(answer)
			if err != nil {
				return err
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			r.Header.Del("Content-Encoding")
			return nil
		},
	}
	// A compressed answer cannot be changed.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del("Accept-Encoding")
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// freeAddress returns an address on which nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestSettle: whichever of the two clocks is ahead, and however long the refresh interval is, all events are
// visible when their slots run: none of them is found late.
func TestSettle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		refresh string
		cluster time.Duration // offset of the cluster's clock
		machine time.Duration // offset of the runner's clock
		settle  float64
		flag    string
	}{
		{name: "cluster ahead", refresh: "5s", cluster: time.Minute, settle: 5},
		{name: "machine ahead", refresh: "5s", machine: time.Minute, settle: 5},
		{name: "as somebody wants it", refresh: "-1", cluster: time.Minute, settle: 3, flag: "3s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			index := n.Name("settle")
			n.Must(t, http.MethodPut, "/"+index, object{
				"settings": object{"number_of_replicas": 0, "refresh_interval": tt.refresh}, "mappings": eventMapping(),
			})
			log, err := os.Create(filepath.Join(t.TempDir(), "runner.log"))
			must(t, err)
			p := elasticsearch(n)
			p.flags[1] = wrongCluster(t, n, tt.cluster)
			listen := freeAddress(t)
			h := &hand{
				args: append([]string{"run", "--rules", chaosRules(t, index, 1, "1s", "2s"), "--listen", listen}, p.flags...),
				env:  []string{"PATH=" + os.Getenv("PATH"), "TOCSIN_CLOCK_OFFSET=" + tt.machine.String()}, log: log,
			}
			if tt.flag != "" {
				h.args = append(h.args, "--settle", tt.flag)
			}
			h.start(t)
			t.Cleanup(func() { h.drop(t) })
			waits := map[string]float64{}
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && len(waits) == 0; time.Sleep(200 * time.Millisecond) {
				waits = scrape(t, "http://"+listen+"/metrics", "tocsin_schedule_settle_seconds")
			}
			equal(t, "waits", waits, map[string]float64{`{rule_id="chaos-000"}`: tt.settle})
			const events = 80
			for i := range events {
				line := fmt.Sprintf(`{"@timestamp":%q,"process":{"pid":0},"event":{"category":"process"}}`, time.Now().UTC().Format(time.RFC3339Nano))
				status, answer := n.Do(t, http.MethodPut, fmt.Sprintf("/%s/_create/e%d", index, i), json.RawMessage(line))
				if status != http.StatusCreated {
					t.Fatalf("%d: %s", status, answer.String())
				}
				if tt.refresh == "-1" {
					n.Refresh(t, index)
				}
				time.Sleep(100 * time.Millisecond)
			}
			found := 0
			for end := time.Now().Add(25 * time.Second); time.Now().Before(end) && found < events; time.Sleep(time.Second) {
				n.Do(t, http.MethodPost, "/tocsin-alerts-"+n.Prefix+"/_refresh", nil)
				found = len(p.list(t))
			}
			h.stop(t)
			text, err := os.ReadFile(log.Name())
			must(t, err)
			equal(t, "alerts", found, events)
			if late := strings.Count(string(text), "late events found"); late > 0 {
				t.Errorf("%d times late events were found:\n%s", late, text)
			}
			if differ := cmp.Or(tt.cluster, tt.machine) != 0; differ && !strings.Contains(string(text), "clock differs") {
				t.Errorf("the log does not say that the clocks differ:\n%s", text)
			}
		})
	}
}

// TestSettleOnce: a single round runs the latest settled slot. A slot given with --at runs at once, and is not
// recorded before it has settled; the same applies to a backfill.
func TestSettleOnce(t *testing.T) {
	n := newNode(t)
	index := n.Name("once")
	n.Must(t, http.MethodPut, "/"+index, object{
		"settings": object{"number_of_replicas": 0, "refresh_interval": "-1"}, "mappings": eventMapping(),
	})
	p, dir := elasticsearch(n), chaosRules(t, index, 1, "10s", "1m")
	slot := func() time.Time { return time.Now().UTC().Truncate(10 * time.Second) }
	pages := func() int {
		n.Do(t, http.MethodPost, "/tocsin-ledger-"+n.Prefix+"/_refresh", nil)
		reply := n.Must(t, http.MethodPost, "/tocsin-ledger-"+n.Prefix+"/_search", object{"size": 100, "query": object{"exists": object{"field": "day"}}})
		return len(reply.At("hits", "hits").List())
	}
	put(t, n, []doc{{index, "e", object{
		"@timestamp": slot().Add(-time.Second).Format(time.RFC3339Nano), "process": object{"pid": 0}, "event": object{"category": "process"},
	}}})
	n.Refresh(t, index)

	now := slot()
	x := p.mustOnce(t, dir, now)["chaos-000"]
	equal(t, "created at a moment that was named", x.Created, 1)
	equal(t, "recorded", pages(), 0)

	o := runner(t, nil, append([]string{"backfill", "--rules", dir, "--from", now.Add(-2 * time.Minute).Format(time.RFC3339), "--to", now.Format(time.RFC3339)}, p.flags...)...)
	if o.code != 0 || !strings.Contains(o.err, "before all their events were visible") {
		t.Errorf("backfill: exit code %d\n%s%s", o.code, o.out, o.err)
	}

	before := time.Now().Add(-time.Minute).UTC().Truncate(10 * time.Second)
	o = runner(t, nil, append([]string{"run", "--once", "--rules", dir, "--format", "json"}, p.flags...)...)
	after := time.Now().Add(-time.Minute).UTC().Truncate(10 * time.Second)
	if !strings.Contains(o.out, before.Format(time.RFC3339)) && !strings.Contains(o.out, after.Format(time.RFC3339)) || o.code != 0 {
		t.Errorf("ran none of %s and %s: exit code %d\n%s%s", before, after, o.code, o.out, o.err)
	}
	if !strings.Contains(o.err, index) || !strings.Contains(o.err, "does not refresh by itself") {
		t.Errorf("the index is not named:\n%s", o.err)
	}
	if pages() == 0 {
		t.Error("nothing was recorded")
	}
}
