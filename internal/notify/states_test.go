package notify_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/notify"
)

// one starts a runner with one route.
func one(t *testing.T, r *receiver, set func(*notify.Route)) (*notify.Memory, *notify.Outbox, func()) {
	t.Helper()
	w := &world{store: notify.NewMemory(), receivers: map[string]*receiver{"a": r}}
	w.route = func(name string, c notify.Channel) notify.Route {
		route := notify.Route{Name: name, Channel: c}
		set(&route)
		return route
	}
	out, _, stop := w.start(t.Context())
	return w.store, out, stop
}

func add(t *testing.T, out *notify.Outbox, notices ...notify.Notice) {
	t.Helper()
	if err := out.Add(t.Context(), notices); err != nil {
		t.Fatal(err)
	}
}

func alerts(n int) []notify.Notice {
	var list []notify.Notice
	for i := range n {
		list = append(list, notify.Notice{Key: strconv.Itoa(i), Kind: notify.KindAlert, Title: fmt.Sprint("alert ", i), At: time.Now()})
	}
	return list
}

// titles are those of the messages, in order of their delivery.
func (r *receiver) titles() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var keys []string
	for key := range r.taken {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return r.times[a][0].Compare(r.times[b][0]) })
	for i, key := range keys {
		keys[i] = r.taken[key].Title
	}
	return keys
}

// TestDeadLetters: a message that is never accepted is given up at once or after its attempts, and is sent again on demand.
func TestDeadLetters(t *testing.T) {
	for _, tt := range []struct {
		name     string
		answer   error
		set      func(*notify.Route)
		attempts int
	}{
		{"final", &notify.Refusal{Err: errors.New("no"), Final: true}, func(*notify.Route) {}, 1},
		{"attempts", errors.New("no"), func(r *notify.Route) { r.Attempts = 4 }, 4},
		{"age", errors.New("no"), func(r *notify.Route) { r.GiveUp, r.RetryMin, r.RetryMax = time.Minute, 20*time.Second, 20*time.Second }, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newReceiver()
			answer := tt.answer
			r.answer = func(notify.Message) error { return answer }
			store, out, stop := one(t, r, tt.set)
			defer stop()
			add(t, out, alerts(1)...)
			time.Sleep(time.Hour)
			dead, err := store.Find(t.Context(), notify.Query{Statuses: []notify.Status{notify.Dead}})
			if err != nil || len(dead) != 1 || tt.attempts > 0 && dead[0].Attempts != tt.attempts || dead[0].Error != "no" || dead[0].Notice.Title != "alert 0" {
				t.Fatalf("%s: %+v %v", tt.name, dead, err)
			}
			answer = nil
			time.Sleep(48 * time.Hour)
			n, missing, err := notify.Replay(t.Context(), store, "", []string{dead[0].ID[:6], "none"}, time.Now())
			if n != 1 || !slices.Equal(missing, []string{"none"}) || err != nil {
				t.Fatal(n, missing, err)
			}
			time.Sleep(10 * time.Minute)
			if got := r.titles(); !slices.Equal(got, []string{"alert 0"}) {
				t.Error(tt.name, got)
			}
		})
	}
}

// TestRetryAfter: a route is silent for as long as the receiver says.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver()
		begin := time.Now()
		r.answer = func(notify.Message) error {
			if since := time.Since(begin); since < 100*time.Second {
				return &notify.Refusal{Err: errors.New("busy"), After: 100*time.Second - since}
			}
			return nil
		}
		_, out, stop := one(t, r, func(*notify.Route) {})
		defer stop()
		add(t, out, alerts(50)...)
		time.Sleep(time.Hour)
		if r.told() != 50 || r.requests() != 51 {
			t.Error(r.told(), "told by", r.requests(), "requests")
		}
	})
}

// TestDownReceiver: a receiver that is down for hours costs few requests, whatever waits.
func TestDownReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver()
		begin := time.Now()
		r.answer = func(notify.Message) error {
			if time.Since(begin) < 2*time.Hour {
				return errors.New("down")
			}
			return nil
		}
		_, out, stop := one(t, r, func(*notify.Route) {})
		defer stop()
		add(t, out, alerts(500)...)
		time.Sleep(90 * time.Minute)
		if r.requests() > 300 {
			t.Error(r.requests(), "requests while it was down")
		}
		time.Sleep(90 * time.Minute)
		if r.told() != 500 {
			t.Error(r.told(), "told")
		}
	})
}

// TestIncidents: an incident that was opened is closed, in quiet hours and over the rate.
func TestIncidents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is midnight in UTC
		r := newReceiver()
		r.traits.Incidents = true
		_, out, stop := one(t, r, func(route *notify.Route) {
			route.Quiet = &notify.Quiet{From: 60, To: 120, Zone: time.UTC, Except: []string{"critical"}}
			route.Rate, route.Per = 2, time.Minute
		})
		defer stop()
		state := func(kind notify.Kind, key string) notify.Notice {
			return notify.Notice{Key: key, Kind: kind, Subject: "s", Title: key}
		}
		add(t, out, state(notify.KindState, "raised"))
		time.Sleep(90 * time.Minute)
		critical := alerts(3)[2]
		critical.Severity = "critical"
		add(t, out, append(alerts(2), state(notify.KindRecovery, "recovered"), critical)...)
		time.Sleep(20 * time.Minute)
		if got := strings.Join(r.titles(), ","); got != "raised,alert 2" {
			t.Error("in quiet hours:", got)
		}
		time.Sleep(time.Hour)
		got := r.titles()
		if len(got) != 4 || !slices.Contains(got, "recovered") || !slices.Contains(got, "2 × a: notifications held in quiet hours") {
			t.Error("afterwards:", got)
		}
	})
}

// TestBackfillDigest: the alerts of a job are one digest when it is released, and not before.
func TestBackfillDigest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver()
		_, out, stop := one(t, r, func(*notify.Route) {})
		defer stop()
		for i, n := range alerts(2500) {
			n.Digest = &notify.Digest{Key: "backfill/j/" + strconv.Itoa(i%2), Group: "backfill/j", Title: "backfill: rule", Most: 24 * time.Hour}
			add(t, out, n, n)
			if i%100 == 0 {
				time.Sleep(20 * time.Minute)
			}
		}
		if got := r.titles(); len(got) > 0 {
			t.Error("before the end:", got)
		}
		if err := out.Release(t.Context(), "backfill/j"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if got := r.titles(); !slices.Equal(got, []string{"1250 × backfill: rule", "1250 × backfill: rule"}) {
			t.Error(got)
		}
		for _, m := range r.messages() {
			if lines := strings.Split(m.Text, "\n"); len(lines) != 11 || lines[10] != "and 1240 more" {
				t.Error(m.Text)
			}
		}
	})
}

// TestRouteIsGone: what waits for a route that no longer exists is given up after a day.
func TestRouteIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver()
		store, out, stop := one(t, r, func(*notify.Route) {})
		defer stop()
		gone := notify.NewRoutes(notify.Route{Name: "gone", Channel: r})
		add(t, outbox(t.Context(), store, store, gone), alerts(1)...)
		add(t, out, alerts(1)...)
		time.Sleep(23 * time.Hour)
		if dead, _ := store.Find(t.Context(), notify.Query{Statuses: []notify.Status{notify.Dead}}); len(dead) > 0 {
			t.Error("given up early")
		}
		time.Sleep(5 * time.Hour)
		dead, err := store.Find(t.Context(), notify.Query{Statuses: []notify.Status{notify.Dead}})
		if err != nil || len(dead) != 1 || r.told() != 1 {
			t.Error(dead, err, r.told())
		}
	})
}

// TestTemplates see the notice and its alert; where one fails on an alert, or has nothing to say, the notice speaks for itself.
func TestTemplates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReceiver()
		text, err := notify.NewTemplate("text", `{{field "host.name" .Alert}} {{field "user.name" .Alert}} {{join "+" .Tags}} {{time "15:04" .At}} {{.Fields.x}}`)
		if err != nil {
			t.Fatal(err)
		}
		title, err := notify.NewTemplate("title", "{{.Severity | upper}}\n{{.RuleName}} {{if .Alert}}{{index (field \"list\" .Alert) 1}}{{end}}")
		if err != nil {
			t.Fatal(err)
		}
		store, out, stop := one(t, r, func(route *notify.Route) { route.Text, route.Title = text, title })
		defer stop()
		n := notify.Notice{
			Key: "k", Kind: notify.KindAlert, RuleName: "R", Severity: "low", Tags: []string{"a", "b"}, At: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
			Alert: []byte(`{"host":{"name":"h"},"user.name":"u","list":["x","y"]}`), Fields: map[string]string{"x": "z"},
		}
		n.Title, n.Text = "own title", "own text"
		short := n
		short.Key, short.Alert = "short", []byte(`{"list":["x"]}`)
		digest := notify.Notice{Key: "digest", Kind: notify.KindAlert, Title: "17 alerts", Text: "lines", At: n.At}
		add(t, out, n, short, digest)
		time.Sleep(time.Hour)
		if m := r.messages()[notify.EntryID("a", "k")]; m.Title != "LOW R y" || m.Text != "h u a+b 03:04 z" {
			t.Errorf("%q %q", m.Title, m.Text)
		}
		if m := r.messages()[notify.EntryID("a", "short")]; m.Title != "own title" || !strings.HasSuffix(strings.SplitN(m.Text, "\n", 2)[0], "z") || !strings.Contains(m.Text, "cannot be used for this") || !strings.Contains(m.Text, "out of range") {
			t.Errorf("%q %q", m.Title, m.Text)
		}
		if m := r.messages()[notify.EntryID("a", "digest")]; m.Title != "17 alerts" {
			t.Errorf("%q %q", m.Title, m.Text)
		}
		dead, err := store.Find(t.Context(), notify.Query{Statuses: []notify.Status{notify.Dead}})
		if err != nil || len(dead) != 0 {
			t.Errorf("%+v %v", dead, err)
		}
	})
}
