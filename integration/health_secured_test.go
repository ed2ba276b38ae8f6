//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// secured is a service with real credentials of the least privileges, behind TLS with authorities of the test.
type secured struct {
	n       *Node
	front   *front
	dir     string
	rules   ruleDir
	login   secret
	address string
	// gaps is what was open when it was last looked at.
	gaps string

	mu sync.Mutex
	// lost are the privileges of the role that are taken away.
	lost map[[2]string]bool
	// written are the events that were taken.
	written map[string]time.Time
	told    []string
	lines   []securedLine
	all     []string
}

type securedLine struct {
	Level   string `json:"level"`
	Message string `json:"msg"`
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
	Advice  string `json:"advice"`
	Created int    `json:"created"`
	Address string `json:"address"`
}

// securedFault is something that is really wrong in the cluster, in the connection or in the files of the service.
type securedFault struct {
	name string
	// kind and subject are what is told, once; "" for a fault that must not be told.
	kind, subject string
	// says is in the line of the state, or in its advice.
	says       []string
	begin, end func(t *testing.T, s *secured)
	// settled: it begins when no window contains alerts any more that are older than the routes: those have to be looked up.
	settled bool
	// user: it is one of a user with a password, and not of an API key. key: the other way round.
	user, key bool
}

// secret is how the service authenticates.
type secret struct {
	flags []string
	// grant replaces the privileges, renew makes credentials that are valid, with these privileges, and puts them into the file.
	grant, renew func(t *testing.T, role object)
	// revoke takes the credentials away, expire ends their time.
	revoke, expire func(t *testing.T)
}

// role returns the role that setup prints, without what was taken away.
func (s *secured) role(t *testing.T) object {
	t.Helper()
	printed := s.printed(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := func(place string, all []any) []any {
		return slices.DeleteFunc(slices.Clone(all), func(p any) bool { return s.lost[[2]string{place, p.(string)}] })
	}
	out := object{"cluster": keep("cluster", printed["cluster"].([]any))}
	var grants []object
	for _, g := range printed["indices"].([]any) {
		g := g.(map[string]any)
		names := g["names"].([]any)
		if left := keep(s.placeOf(names[0].(string)), g["privileges"].([]any)); len(left) > 0 {
			grants = append(grants, object{"names": names, "privileges": left})
		}
	}
	out["indices"] = grants
	return out
}

// printed returns the role that setup prints.
func (s *secured) printed(t *testing.T) object {
	t.Helper()
	o := runner(t, nil, slices.Concat([]string{"setup", "role", "--format", "json"}, s.flags(""))...)
	if o.code != 0 {
		t.Fatalf("setup role: exit code %d\n%s%s", o.code, o.out, o.err)
	}
	var requests []struct{ Body object }
	must(t, json.Unmarshal([]byte(o.out), &requests))
	return requests[0].Body
}

func (s *secured) flags(address string) []string {
	out := []string{"--namespace", s.n.Prefix, "--rules", string(s.rules), "--notify", filepath.Join(s.dir, "routes.toml")}
	if address != "" {
		out = append(out, "--elasticsearch", address)
	}
	return out
}

// placeOf names the place of an index as faults do.
func (s *secured) placeOf(index string) string {
	for _, place := range securedPlaces {
		if strings.HasPrefix(index, "tocsin-"+place+"-") {
			return place
		}
	}
	return "events"
}

var securedPlaces = []string{"alerts", "ledger", "leases", "outbox"}

// indexOf is the index of a place.
func (s *secured) indexOf(place string) string {
	index := "tocsin-" + place + "-" + s.n.Prefix
	if place == "alerts" {
		index += "-000001"
	}
	return index
}

// taken is a fault of a privilege that is taken away and given back.
func taken(place, privilege, kind, subject string, says ...string) securedFault {
	change := func(lost bool) func(t *testing.T, s *secured) {
		return func(t *testing.T, s *secured) {
			t.Helper()
			s.mu.Lock()
			s.lost[[2]string{place, privilege}] = lost
			s.mu.Unlock()
			s.login.grant(t, s.role(t))
		}
	}
	return securedFault{name: "the privilege " + privilege + " on " + place + " is taken away", kind: kind, subject: subject, says: says, begin: change(true), end: change(false)}
}

// barred is a fault of a block of an index.
func barred(place, block, kind, subject string) securedFault {
	change := func(value any) func(t *testing.T, s *secured) {
		return func(t *testing.T, s *secured) {
			t.Helper()
			s.n.Must(t, http.MethodPut, "/"+s.indexOf(place)+"/_settings", object{block: value})
		}
	}
	return securedFault{name: place + " with " + block, kind: kind, subject: subject, begin: change(true), end: change(nil)}
}

// writesOf are the states of the places that are written to.
var writesOf = map[string][2]string{
	"alerts": {"alerts-not-writable", "alerts"}, "ledger": {"ledger-not-writable", "ledger"}, "leases": {"lease-lost", "lease"}, "outbox": {"outbox-not-writable", "outbox"},
}

// securedFaults is the table.
func securedFaults() []securedFault {
	const refused, cluster = "cluster-refused", "cluster"
	all := []securedFault{
		{
			name: "the server has the certificate of another authority", kind: refused, subject: cluster, says: []string{"authority"},
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.serve(newIssuer(t, "foreign").leaf(t, time.Hour, frontHost))
			},
			end: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.serve(s.front.issuer.leaf(t, time.Hour, frontHost))
			},
		},
		{
			name: "the server has the certificate of another host", kind: refused, subject: cluster, says: []string{"other.example"},
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.serve(s.front.issuer.leaf(t, time.Hour, "other.example"))
			},
			end: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.serve(s.front.issuer.leaf(t, time.Hour, frontHost))
			},
		},
		{
			name: "the certificate of the server has expired", kind: refused, subject: cluster, says: []string{"expired"},
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.serve(s.front.issuer.leaf(t, -time.Minute, frontHost))
			},
			end: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.serve(s.front.issuer.leaf(t, time.Hour, frontHost))
			},
		},
		{
			name: "the file of the authority has another", kind: refused, subject: cluster, says: []string{"authority", "ca.crt"},
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.write(t, "ca.crt", newIssuer(t, "foreign").pem())
				s.front.cut()
			},
			end: func(t *testing.T, s *secured) { t.Helper(); s.write(t, "ca.crt", s.front.issuer.pem()) },
		},
		{
			name: "the authority is another one, and its file is late", kind: refused, subject: cluster, says: []string{"authority", "ca.crt"},
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.issuer = newIssuer(t, "renewed")
				s.front.serve(s.front.issuer.leaf(t, time.Hour, frontHost))
			},
			end: func(t *testing.T, s *secured) { t.Helper(); s.write(t, "ca.crt", s.front.issuer.pem()) },
		},
		{
			name: "the file of the authority is broken", // what was read before still counts
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.write(t, "ca.crt", []byte("-----BEGIN CERT"))
				s.front.cut()
			},
			end: func(t *testing.T, s *secured) { t.Helper(); s.write(t, "ca.crt", s.front.issuer.pem()) },
		},
		{
			name: "the server trusts another authority of clients", kind: refused, subject: cluster, says: []string{"client certificate", "client.crt"},
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.front.clients = newIssuer(t, "clients")
				s.front.serve(s.front.leaf)
			},
			end: func(t *testing.T, s *secured) { t.Helper(); s.identify(t, s.front.clients, time.Hour) },
		},
		{
			name: "the client certificate has expired", kind: refused, subject: cluster, says: []string{"client certificate", "client.crt"},
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.identify(t, s.front.clients, -time.Minute)
				s.front.cut()
			},
			end: func(t *testing.T, s *secured) { t.Helper(); s.identify(t, s.front.clients, time.Hour) },
		},
		{
			name: "the client certificate is broken", // the one before still counts
			begin: func(t *testing.T, s *secured) {
				t.Helper()
				s.write(t, "client.crt", []byte("-----BEGIN CERT"))
				s.front.cut()
			},
			end: func(t *testing.T, s *secured) { t.Helper(); s.identify(t, s.front.clients, time.Hour) },
		},
		{
			name: "the API key has expired", kind: refused, subject: cluster, says: []string{"expired", "login"}, key: true,
			begin: func(t *testing.T, s *secured) { t.Helper(); s.login.expire(t) }, end: renewed,
		},
		{
			name: "the API key is revoked", kind: refused, subject: cluster, says: []string{"invalidated", "login"}, key: true,
			begin: func(t *testing.T, s *secured) { t.Helper(); s.login.revoke(t) }, end: renewed,
		},
		{
			name: "the password is changed", kind: refused, subject: cluster, says: []string{"unable to authenticate user", "login"}, user: true,
			begin: func(t *testing.T, s *secured) { t.Helper(); s.login.expire(t) }, end: renewed,
		},
		{
			name: "the user is deleted", kind: refused, subject: cluster, says: []string{"unable to authenticate user", "login"}, user: true,
			begin: func(t *testing.T, s *secured) { t.Helper(); s.login.revoke(t) }, end: renewed,
		},
	}
	// What each privilege of the role is for: the state without it.
	role := [2]string{"role-incomplete", "role"}
	for _, lost := range []struct {
		place, privileges string
		state             [2]string
	}{
		{"events", "read", [2]string{"privilege-missing", ""}},
		{"alerts", "read create_doc", writesOf["alerts"]},
		{"ledger", "read index", writesOf["ledger"]},
		{"leases", "read index", writesOf["leases"]},
		{"outbox", "read index maintenance", writesOf["outbox"]},
		{"cluster", "monitor", role},
		{"events", "view_index_metadata", role},
		{"alerts", "view_index_metadata maintenance", role},
		{"ledger", "view_index_metadata delete", role},
		{"leases", "view_index_metadata", role},
		{"outbox", "view_index_metadata delete", role},
	} {
		for privilege := range strings.FieldsSeq(lost.privileges) {
			says := []string{privilege}
			if lost.state != role {
				says = []string{"is unauthorized", lost.place + "-"}
			}
			if lost.place == "events" && lost.state != role {
				says = []string{"EVENTS", "right"}
			}
			f := taken(lost.place, privilege, lost.state[0], lost.state[1], says...)
			f.settled = lost.place == "alerts" && privilege == "maintenance"
			all = append(all, f)
		}
	}
	for _, place := range securedPlaces {
		for _, block := range []string{"index.blocks.read_only", flood, noWrites} {
			all = append(all, barred(place, block, writesOf[place][0], writesOf[place][1]))
		}
	}
	return all
}

func renewed(t *testing.T, s *secured) {
	t.Helper()
	s.login.renew(t, s.role(t))
}

func (s *secured) file(name string) string { return filepath.Join(s.dir, name) }

// write replaces a file of the service as tools for secrets do, at once.
func (s *secured) write(t *testing.T, name string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(s.file(name+".new"), data, 0o600))
	must(t, os.Rename(s.file(name+".new"), s.file(name)))
}

// identify gives the service a client certificate.
func (s *secured) identify(t *testing.T, by *issuer, valid time.Duration) {
	t.Helper()
	cert, key := by.files(t, valid, "tocsin")
	s.write(t, "client.key", key)
	s.write(t, "client.crt", cert)
}

// keyLogin is an API key in a file.
func keyLogin(t *testing.T, s *secured) secret {
	t.Helper()
	id := ""
	l := secret{flags: []string{"--api-key-file", s.file("login")}}
	l.renew = func(t *testing.T, role object) {
		t.Helper()
		key := s.n.Must(t, http.MethodPost, "/_security/api_key", object{"name": s.n.Name("key"), "role_descriptors": object{"least": role}})
		id = key.At("id").String()
		s.write(t, "login", []byte(key.At("encoded").String()+"\n"))
	}
	l.grant = func(t *testing.T, role object) {
		t.Helper()
		s.n.Do(t, http.MethodPut, "/_security/api_key/"+id, object{"role_descriptors": object{"least": role}}) // it may be revoked
	}
	l.revoke = func(t *testing.T) {
		t.Helper()
		s.n.Must(t, http.MethodDelete, "/_security/api_key", object{"ids": []string{id}})
	}
	l.expire = func(t *testing.T) {
		t.Helper()
		s.n.Must(t, http.MethodPut, "/_security/api_key/"+id, object{"expiration": "1ms"})
	}
	t.Cleanup(func() {
		_, _, _ = s.n.send(context.WithoutCancel(t.Context()), http.MethodDelete, "/_security/api_key", "application/json", object{"name": s.n.Name("key")})
	})
	return l
}

// userLogin is a user with a password in a file.
func userLogin(t *testing.T, s *secured) secret {
	t.Helper()
	name, round := s.n.Name("service"), 0
	l := secret{flags: []string{"--username", name, "--password-file", s.file("login")}}
	l.grant = func(t *testing.T, role object) {
		t.Helper()
		s.n.Must(t, http.MethodPut, "/_security/role/"+name, role)
	}
	l.renew = func(t *testing.T, role object) {
		t.Helper()
		round++
		password := fmt.Sprint("s3cret-renewed-", round)
		l.grant(t, role)
		s.n.Must(t, http.MethodPut, "/_security/user/"+name, object{"password": password, "roles": []string{name}})
		s.write(t, "login", []byte(password+"\n"))
	}
	l.expire = func(t *testing.T) {
		t.Helper()
		s.n.Must(t, http.MethodPost, "/_security/user/"+name+"/_password", object{"password": "another-s3cret"})
	}
	l.revoke = func(t *testing.T) { t.Helper(); s.n.Must(t, http.MethodDelete, "/_security/user/"+name, nil) }
	user(t, s.n, "service", s.role(t)) // it is deleted in the end
	return l
}

// newSecured sets a cluster up as docs/setup.md says, with rules, events and a receiver of notices.
func newSecured(t *testing.T, withUser bool) *secured {
	t.Helper()
	n := SecuredNode(t)
	s := &secured{n: n, dir: t.TempDir(), lost: map[[2]string]bool{}, written: map[string]time.Time{}}
	s.rules = ruleDir(s.file("rules"))
	must(t, os.Mkdir(string(s.rules), 0o700))
	n.CreateIndex(t, n.Name("events"), eventMapping())
	for _, id := range []string{"one", "two"} {
		file := s.rules.add(t, id, n.Name("events"), `any where event.action == "`+id+`"`, `interval = "4s"`)
		text, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, []byte(strings.Replace(string(text), `"now-10m"`, `"now-12s"`, 1)), 0o600)) // only slots that are run again find old events
	}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body struct {
			Notice struct {
				Key string `json:"key"`
			} `json:"notice"`
		}
		_ = json.NewDecoder(r.Body).Decode(&body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if key := stateKey(body.Notice.Key); strings.HasPrefix(key, "state/") && !slices.Contains(s.told, key) && !strings.HasPrefix(key, "state/index-unfit/index template") {
			s.told = append(s.told, key)
		}
	}))
	t.Cleanup(hook.Close)
	s.write(t, "routes.toml", []byte("[[route]]\nname = \"hook\"\ntype = \"webhook\"\nkinds = [\"alert\", \"state\", \"recovery\"]\nurl = \""+hook.URL+"\"\n"))
	s.front = newFront(t, n.URL)
	s.write(t, "ca.crt", s.front.issuer.pem())
	s.identify(t, s.front.clients, time.Hour)
	admin := []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + n.Password}
	if o := runner(t, admin, slices.Concat([]string{"setup", "templates", "--apply"}, s.flags(n.URL))...); o.code != 0 {
		t.Fatalf("setup templates: exit code %d\n%s%s", o.code, o.out, o.err)
	}
	t.Cleanup(func() { // what is blocked cannot be deleted
		for _, place := range securedPlaces {
			_, _, _ = n.send(context.WithoutCancel(t.Context()), http.MethodPut, "/"+s.indexOf(place)+"/_settings", "application/json", object{"index.blocks.read_only": nil, flood: nil})
		}
	})
	if s.login = keyLogin(t, s); withUser {
		s.login = userLogin(t, s)
	}
	renewed(t, s)
	return s
}

// start starts the service and reads its log.
func (s *secured) start(t *testing.T, more ...string) (stop func()) {
	t.Helper()
	s.mu.Lock()
	s.address = ""
	s.mu.Unlock()
	args := slices.Concat([]string{
		"run", "--listen", "127.0.0.1:0", "--log-format", "json", "--settle", "0s", "--ca-file", s.file("ca.crt"), "--client-cert", s.file("client.crt"), "--client-key", s.file("client.key"),
	}, s.flags(s.front.server.URL), s.login.flags, more)
	return startLogged(t, args, []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, func(text []byte) {
		var l securedLine
		_ = json.Unmarshal(text, &l) // other lines have nothing of it
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines, s.all = append(s.lines, l), append(s.all, string(text))
		if l.Message == "listening" {
			s.address = l.Address
		}
	})
}

// feed writes an event for each rule, again and again, until it is stopped.
func (s *secured) feed(t *testing.T) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-time.After(500 * time.Millisecond):
			}
			id, at := fmt.Sprint("e", n), time.Now()
			status, _ := s.n.Do(t, http.MethodPut, "/"+s.n.Name("events")+"/_create/"+id+"?refresh=true", object{"@timestamp": at.UTC().Format(time.RFC3339Nano), "event": object{"action": []string{"one", "two"}[n%2]}})
			if status == http.StatusCreated {
				s.mu.Lock()
				s.written[id] = at
				s.mu.Unlock()
			}
		}
	})
	return sync.OnceFunc(func() { close(done); running.Wait() })
}

// states returns the lines about states from a line on.
func (s *secured) states(message string, from int) []securedLine {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []securedLine
	for _, l := range s.lines[from:] {
		if l.Message == message && (l.Kind != "index-unfit" || !strings.HasPrefix(l.Subject, "index template")) {
			out = append(out, l)
		}
	}
	return out
}

func (s *secured) mark() (line, notice int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.lines), len(s.told)
}

// loud returns the warnings and errors from a line on.
func (s *secured) loud(from int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for i, l := range s.lines[from:] {
		if l.Level == "WARN" || l.Level == "ERROR" {
			out = append(out, s.all[from+i])
		}
	}
	return out
}

func (s *secured) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.all, "\n")
}

func (s *secured) notices(from int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told[from:])
}

// until waits for a condition.
func (s *secured) until(t *testing.T, what string, within time.Duration, met func() bool) {
	t.Helper()
	for begun := time.Now(); !met(); time.Sleep(100 * time.Millisecond) {
		if time.Since(begun) > within {
			t.Fatalf("not within %s: %s; states %+v, notices %v\n%s", within, what, s.states("state", 0), s.notices(0), s.gaps+"\n"+tail(s.log(), 40))
		}
	}
}

func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ask returns the answer of the service to a path.
func (s *secured) ask(t *testing.T, path string) string {
	t.Helper()
	address := ""
	s.until(t, "the service listens", toldWithin, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		address = s.address
		return address != ""
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
	must(t, err)
	response, err := client.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return string(text)
}

// standing returns the number of states of a kind, as the metrics have it.
func (s *secured) standing(t *testing.T, kind string) string {
	t.Helper()
	for line := range strings.Lines(s.ask(t, "/metrics")) {
		if rest, ok := strings.CutPrefix(line, `tocsin_states{kind="`+kind+`",`); ok {
			_, value, _ := strings.Cut(rest, "} ")
			return strings.TrimSpace(value)
		}
	}
	return "none"
}

// running waits until the service makes alerts of what is written from now on.
func (s *secured) running(t *testing.T) {
	t.Helper()
	from, _ := s.mark()
	s.until(t, "new alerts", toldWithin, func() bool {
		return slices.ContainsFunc(s.states("executed", from), func(l securedLine) bool { return l.Created > 0 })
	})
}

// whole checks that no slot is open, and that every event has one alert.
func (s *secured) whole(t *testing.T) {
	t.Helper()
	admin := []string{"TOCSIN_USERNAME=elastic", "TOCSIN_PASSWORD=" + s.n.Password}
	s.mu.Lock()
	last, written := time.Now(), maps.Clone(s.written)
	s.mu.Unlock()
	s.until(t, "no gap is left", 3*toldWithin, func() bool {
		o := runner(t, admin, slices.Concat([]string{"coverage", "gaps", "--to", last.UTC().Format(time.RFC3339)}, s.flags(s.n.URL))...)
		s.gaps = o.out + o.err
		return o.code == 0 && time.Since(last) > 3*securedSlot
	})
	alerts := map[string]int{}
	s.until(t, "each event has an alert", toldWithin, func() bool {
		s.n.Refresh(t, s.indexOf("alerts"))
		clear(alerts)
		for _, hit := range s.n.Must(t, http.MethodPost, "/"+s.indexOf("alerts")+"/_search?size=10000&_source=kibana.alert.ancestors", nil).At("hits", "hits").List() {
			id := hit.At("_source", "kibana.alert.ancestors", 0, "id").String()
			if id == "" || id == "null" {
				id = hit.At("_source", "kibana", "alert", "ancestors", 0, "id").String()
			}
			alerts[id]++
		}
		for id, at := range written {
			if at.Before(last.Add(-10*time.Second)) && alerts[id] == 0 {
				return false
			}
		}
		return true
	})
	for id, n := range alerts {
		if n != 1 {
			t.Errorf("event %s has %d alerts", id, n)
		}
	}
}

// TestFaultsSecured: real faults of access and of indices, on a service with real credentials: each is told in one clear line, stands in
// /readyz and in the metrics, is notified once, and ends by itself with what was missed made good. TOCSIN_SECURED_FAULTS is the number of
// the faults that are tried, or all; TOCSIN_SECURED_ROUNDS is the number of services on which some come one after another, and at once, by
// chance; without it there is one, always with the same.
func TestFaultsSecured(t *testing.T) {
	t.Parallel()
	all := securedFaults()
	if os.Getenv("TOCSIN_SECURED_FAULTS") != "all" {
		n := sizeOf(t, "TOCSIN_SECURED_FAULTS", 1)
		all = slices.DeleteFunc(all, func(f securedFault) bool { return f.kind == "role-incomplete" }) // that takes its time
		some := rand.New(rand.NewPCG(1, 0))
		some.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:min(n, len(all))]
	}
	places := make(chan struct{}, atATime)
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			s := newSecured(t, f.user || !f.key && rand.IntN(2) == 0)
			defer s.begin(t)()
			s.try(t, f)
			s.running(t)
			s.whole(t)
		})
	}
	rounds := sizeOf(t, "TOCSIN_SECURED_ROUNDS", 0)
	for i := range max(1, rounds) {
		seed := rand.Uint64()
		if rounds == 0 {
			seed = uint64(i) + 1
		}
		t.Run(fmt.Sprint("some, with the seed ", seed), func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			some := rand.New(rand.NewPCG(seed, 0))
			withUser := some.IntN(2) == 0
			fits := slices.DeleteFunc(securedFaults(), func(f securedFault) bool {
				return f.user && !withUser || f.key && withUser || f.kind == "role-incomplete" // that takes a minute
			})
			s := newSecured(t, withUser)
			defer s.begin(t)()
			for range sizeOf(t, "TOCSIN_SECURED_STEPS", 1) {
				first, second := fits[some.IntN(len(fits))], fits[some.IntN(len(fits))]
				if first.kind == "" || first.kind == second.kind {
					s.try(t, first)
				} else {
					s.overlap(t, first, second)
				}
				s.running(t)
			}
			s.whole(t)
		})
	}
}

// begin starts the service and the events, and waits for alerts.
func (s *secured) begin(t *testing.T) (stop func()) {
	t.Helper()
	stopService, stopEvents := s.start(t), s.feed(t)
	s.running(t)
	return func() { stopEvents(); stopService() }
}

// overlap makes two faults of which the second begins before the first has ended. Each is told at most once, the first in any case, and in
// the end nothing is left.
func (s *secured) overlap(t *testing.T, first, second securedFault) {
	t.Helper()
	t.Logf("%s, and meanwhile %s", first.name, second.name)
	line, notice := s.mark()
	first.begin(t, s)
	s.until(t, "the state", toldWithin, func() bool { return len(s.states("state", line)) > 0 })
	second.begin(t, s)
	time.Sleep(4 * securedSlot)
	first.end(t, s)
	time.Sleep(4 * securedSlot)
	second.end(t, s)
	s.until(t, "the end of all states", 2*toldWithin, func() bool {
		n := len(s.states("state", line))
		return n == len(s.states("state ended", line)) && len(s.notices(notice)) == 2*n && s.standing(t, first.kind) == "0" && (second.kind == "" || s.standing(t, second.kind) == "0")
	})
	time.Sleep(3 * securedSlot)
	told := map[string]int{}
	for _, l := range s.states("state", line) {
		told[l.Kind+" "+l.Subject]++
		if l.Kind != first.kind && l.Kind != second.kind {
			t.Errorf("neither of the faults: %+v", l)
		}
	}
	for name, n := range told {
		if n > 1 {
			t.Errorf("%s is told %d times", name, n)
		}
	}
	if n := len(s.states("state", line)); len(s.states("state ended", line)) != n || len(s.notices(notice)) != 2*n {
		t.Errorf("told %+v, ended %+v, notices %v", s.states("state", line), s.states("state ended", line), s.notices(notice))
	}
	if loud := s.loud(line); len(loud) > len(told)+2*mostLoud {
		t.Errorf("%d warnings and errors:\n%s", len(loud), strings.Join(loud, "\n"))
	}
}

// securedSlot is the interval of the rules.
const securedSlot = 4 * time.Second

// mostLoud bounds the warnings and errors about one fault, beside the line of its state.
const mostLoud = 14

// settle waits for what a fault needs before it begins.
func (s *secured) settle(f securedFault) {
	if f.settled {
		time.Sleep(10 * securedSlot)
	}
}

// try makes a fault, and ends it.
func (s *secured) try(t *testing.T, f securedFault) {
	t.Helper()
	s.settle(f)
	line, notice := s.mark()
	begun := time.Now()
	f.begin(t, s)
	if f.kind == "" {
		time.Sleep(4 * securedSlot)
		f.end(t, s)
		time.Sleep(4 * securedSlot)
		if states, notices := s.states("state", line), s.notices(notice); len(states)+len(notices) > 0 {
			t.Errorf("told of what changes nothing: %+v, %v", states, notices)
		}
		return
	}
	within := toldWithin
	if f.kind == "role-incomplete" {
		within = 2 * time.Minute // it is looked at every 30 s, and takes its time on a busy machine
	}
	s.until(t, "the state", within, func() bool { return len(s.states("state", line)) > 0 })
	told := s.states("state", line)[0]
	t.Logf("told after %s: %+v", time.Since(begun).Round(100*time.Millisecond), told)
	s.until(t, "the notice", toldWithin, func() bool { return len(s.notices(notice)) > 0 })
	s.until(t, "the metric", toldWithin, func() bool { return s.standing(t, f.kind) == "1" })
	if ready := s.ask(t, "/readyz"); !strings.Contains(ready, f.kind+" ") {
		t.Errorf("/readyz does not show %s: %s", f.kind, ready)
	}
	time.Sleep(3 * securedSlot)
	for _, part := range f.says {
		if part = strings.ReplaceAll(part, "EVENTS", s.n.Prefix); !strings.Contains(told.Text+" "+told.Advice, part) {
			t.Errorf("the line does not say %q: %+v", part, told)
		}
	}
	begun = time.Now()
	f.end(t, s)
	s.until(t, "the end of the state", within, func() bool { return len(s.states("state ended", line)) > 0 })
	t.Logf("ended after %s", time.Since(begun).Round(100*time.Millisecond))
	s.until(t, "the notice of the end", toldWithin, func() bool { return len(s.notices(notice)) > 1 })
	s.until(t, "the metric of the end", toldWithin, func() bool { return s.standing(t, f.kind) == "0" })
	time.Sleep(2 * securedSlot)
	states, ended := s.states("state", line), s.states("state ended", line)
	if len(states) != 1 || len(ended) != 1 || states[0].Kind != f.kind || ended[0].Kind != f.kind || f.subject != "" && states[0].Subject != f.subject {
		t.Errorf("want %s %s once, got %+v, ended %+v", f.kind, f.subject, states, ended)
	}
	if got := s.notices(notice); len(got) != 2 || !strings.HasSuffix(got[0], "/raised") || !strings.HasSuffix(got[1], "/recovered") {
		t.Errorf("notices: %v", got)
	}
	if loud := s.loud(line); len(loud) > 1+mostLoud {
		t.Errorf("%d warnings and errors:\n%s", len(loud), strings.Join(loud, "\n"))
	}
}
