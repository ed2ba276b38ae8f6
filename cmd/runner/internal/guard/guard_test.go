package guard_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"pgregory.net/rapid"

	"tocsin/cmd/runner/internal/guard"
)

const (
	token    = "0123456789abcdef-token"
	user     = "ada"
	password = "correct horse"
)

var hash = func() []byte {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		panic(err)
	}
	return h
}()

// status sends a request and returns the status of the answer; 200 means that it was let in.
func status(g *guard.Guard, r *http.Request) int {
	got, _ := letIn(g, r)
	return got
}

// letIn sends a request, and also returns who has sent it.
func letIn(g *guard.Guard, r *http.Request) (status int, caller string) {
	w := httptest.NewRecorder()
	g.Protect(refuse, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { caller = guard.Caller(r.Context()) })).ServeHTTP(w, r)
	return w.Code, caller
}

func refuse(w http.ResponseWriter, _ *http.Request, r guard.Refusal) { w.WriteHeader(r.Status) }

func request(method, host string) *http.Request {
	return httptest.NewRequestWithContext(context.Background(), method, "http://"+host+"/x", http.NoBody)
}

// session logs in and returns the cookie.
func session(t interface{ Fatal(...any) }, g *guard.Guard, name, secret string) *http.Cookie {
	w := httptest.NewRecorder()
	if refusal := g.Login(w, request(http.MethodPost, "page.example"), name, secret); refusal != nil {
		t.Fatal(refusal.Text)
	}
	return w.Result().Cookies()[0]
}

// TestMatrix asks with all combinations of settings, ways to give credentials, methods and origins, and compares with what the
// rules of access say in words.
func TestMatrix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens, users, off := rapid.Bool().Draw(t, "tokens"), rapid.Bool().Draw(t, "users"), rapid.Bool().Draw(t, "off")
		o := guard.Options{}
		if tokens {
			o.Tokens = []guard.Token{{Secret: "another-token-0123456789"}, {Name: "robot", Secret: token}}
		}
		if users {
			o.Users = guard.Users{"bob": hash, user: hash}
		}
		if off {
			o.Off = "off"
		}
		g := guard.New(o)
		method := rapid.SampledFrom([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}).Draw(t, "method")
		host := rapid.SampledFrom([]string{"127.0.0.1:9464", "localhost:9464", "[::1]:9464", "page.example:9464", "127.0.0.1.evil.example", "localhost.evil.example"}).Draw(t, "host")
		r := request(method, host)
		way := rapid.SampledFrom([]string{"nothing", "right token", "wrong token", "prefix of token", "right password", "wrong password", "unknown user", "token as password", "session", "old session", "made up session", "other scheme"}).Draw(t, "way")
		right := false
		switch way {
		case "right token":
			r.Header.Set("Authorization", "Bearer "+token)
			right = tokens
		case "wrong token":
			r.Header.Set("Authorization", "Bearer "+strings.ToUpper(token))
		case "prefix of token":
			r.Header.Set("Authorization", "Bearer "+token[:len(token)-1])
		case "right password":
			r.SetBasicAuth(user, password)
			right = users
		case "wrong password":
			r.SetBasicAuth(user, password+" ")
		case "unknown user":
			r.SetBasicAuth("eve", password)
		case "token as password":
			r.SetBasicAuth("", token)
		case "session":
			if tokens {
				r.AddCookie(session(t, g, "", token))
			} else if users {
				r.AddCookie(session(t, g, user, password))
			}
			right = tokens || users
		case "old session":
			if tokens {
				c := session(t, g, "", token)
				old := request(http.MethodPost, host)
				old.AddCookie(c)
				g.Logout(httptest.NewRecorder(), old)
				r.AddCookie(c)
			}
		case "made up session":
			r.AddCookie(&http.Cookie{Name: "tocsin", Value: "made-up"})
		case "other scheme":
			r.Header.Set("Authorization", "Digest x")
		}
		from := rapid.SampledFrom([]string{"", "same-origin", "none", "cross-site", "same-site", "origin here", "origin elsewhere", "null"}).Draw(t, "from")
		foreign, said := false, true
		switch from {
		case "":
			said = false
		case "origin here":
			r.Header.Set("Origin", "http://"+host)
		case "origin elsewhere":
			r.Header.Set("Origin", "http://evil.example")
			foreign = true
		case "null":
			r.Header.Set("Origin", "null")
			foreign = true
		default:
			r.Header.Set("Sec-Fetch-Site", from)
			foreign = from == "cross-site" || from == "same-site"
		}
		changes := method != http.MethodGet && method != http.MethodHead
		local := !strings.Contains(host, "example")
		want := http.StatusOK
		switch {
		case off:
			want = http.StatusForbidden
		case !tokens && !users && !local:
			want = http.StatusForbidden
		case foreign && changes:
			want = http.StatusForbidden
		case !tokens && !users:
		case !right:
			want = http.StatusUnauthorized
		case way == "session" && changes && !said:
			want = http.StatusForbidden
		}
		caller := ""
		switch {
		case want != http.StatusOK || !right:
		case way == "right token", way == "session" && tokens:
			caller = "robot"
		case way == "right password", way == "session":
			caller = user
		}
		if got, who := letIn(g, r); got != want || who != caller {
			t.Errorf("status %d of %q, want %d of %q", got, who, want, caller)
		}
	})
}

// TestAccept: whichever credentials are accepted after each other, a request is let in with those of the moment alone, also in a session,
// and with a password that was right a moment ago; and it is whose they are.
func TestAccept(t *testing.T) {
	other, err := bcrypt.GenerateFromPassword([]byte("another"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{token, "another-token-0123456789", "a-third-token-0123456789"}
	passwords := map[string][]byte{password: hash, "another": other}
	rapid.Check(t, func(t *rapid.T) {
		tokens, users := map[string]string{}, map[string]string{} // names by token, passwords by user
		draw := func() (list []guard.Token, all guard.Users) {
			clear(tokens)
			clear(users)
			all = guard.Users{}
			for _, s := range rapid.SliceOfDistinct(rapid.SampledFrom(secrets), rapid.ID).Draw(t, "tokens") {
				tokens[s] = rapid.SampledFrom([]string{"", "robot", user}).Draw(t, "name")
				list = append(list, guard.Token{Name: tokens[s], Secret: s})
			}
			for _, name := range []string{user, "bob"} {
				if p := rapid.SampledFrom([]string{"", password, "another"}).Draw(t, name); p != "" {
					users[name], all[name] = p, passwords[p]
				}
			}
			return list, all
		}
		list, all := draw()
		now := time.Unix(1e9, 0) // so much later with each look that failed attempts do not add up
		g := guard.New(guard.Options{Tokens: list, Users: all, Now: func() time.Time { now = now.Add(7 * time.Second); return now }})
		type begun struct {
			cookie       *http.Cookie
			name, secret string
		}
		var sessions []begun
		for range rapid.IntRange(1, 4).Draw(t, "turns") {
			if len(tokens)+len(users) == 0 {
				g.Accept(draw())
				continue
			}
			for secret := range tokens {
				sessions = append(sessions, begun{session(t, g, "", secret), tokens[secret], secret})
			}
			for name, secret := range users {
				sessions = append(sessions, begun{session(t, g, name, secret), name, secret})
			}
			g.Accept(draw())
			if len(tokens)+len(users) == 0 {
				continue // nothing is asked for
			}
			check := func(way string, r *http.Request, right bool, name string) {
				want := http.StatusOK
				if !right {
					want, name = http.StatusUnauthorized, ""
				}
				if got, who := letIn(g, r); got != want || who != name {
					t.Fatalf("%s: status %d of %q, want %d of %q", way, got, who, want, name)
				}
			}
			for _, s := range sessions {
				r := request(http.MethodGet, "page.example")
				r.AddCookie(s.cookie)
				name, byToken := tokens[s.secret]
				check("session", r, byToken && name == s.name || s.secret == users[s.name] && s.name != "", s.name)
			}
			for _, secret := range secrets {
				r := request(http.MethodGet, "page.example")
				r.Header.Set("Authorization", "Bearer "+secret)
				name, right := tokens[secret]
				check("token", r, right, name)
			}
			for _, name := range []string{user, "bob"} {
				for secret := range passwords {
					r := request(http.MethodGet, "page.example")
					r.SetBasicAuth(name, secret)
					check("password", r, users[name] == secret, name)
				}
			}
		}
	})
}

// TestAttempts: after many failures a client cannot try passwords any more, nor use the form, even with right ones; others can, and
// it can later. A right token lets in always, and so does a password that was right a moment ago.
func TestAttempts(t *testing.T) {
	now := time.Unix(1e9, 0)
	g := guard.New(guard.Options{Tokens: []guard.Token{{Secret: token}}, Users: guard.Users{user: hash, "bob": hash}, Now: func() time.Time { return now }})
	from := func(address, scheme, name, secret string) int {
		r := request(http.MethodGet, "page.example")
		r.RemoteAddr = address
		if scheme == "Bearer" {
			r.Header.Set("Authorization", "Bearer "+secret)
		} else {
			r.SetBasicAuth(name, secret)
		}
		return status(g, r)
	}
	form := func(address, name, secret string) int {
		r := request(http.MethodPost, "page.example")
		r.RemoteAddr = address
		if refusal := g.Login(httptest.NewRecorder(), r, name, secret); refusal != nil {
			return refusal.Status
		}
		return http.StatusOK
	}
	const bad = "[2001:db8::1]:1"
	if got := from(bad, "Basic", "bob", password); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	for _, scheme := range []string{"Bearer", "Basic"} {
		wrong := 0
		for wrong < 1000 && from(bad, scheme, user, "wrong") == http.StatusUnauthorized {
			wrong++
		}
		if scheme == "Bearer" && (wrong < 3 || wrong > 50) || scheme == "Basic" && wrong > 0 {
			t.Errorf("%d attempts may fail with %s", wrong, scheme)
		}
	}
	for _, tt := range []struct {
		name       string
		got, limit int
	}{
		{"right password", from(bad, "Basic", user, password), http.StatusTooManyRequests},
		{"right password from its network", from("[2001:db8::2]:1", "Basic", user, password), http.StatusTooManyRequests},
		{"right password in the form", form(bad, user, password), http.StatusTooManyRequests},
		{"right token in the form", form(bad, "", token), http.StatusTooManyRequests},
		{"right token", from(bad, "Bearer", "", token), http.StatusOK},
		{"password that was right", from(bad, "Basic", "bob", password), http.StatusOK},
		{"another network", from("[2001:db8:0:1::1]:1", "Basic", user, password), http.StatusOK},
		{"another address", form("192.0.2.1:1", user, password), http.StatusOK},
	} {
		if tt.got != tt.limit {
			t.Errorf("%s: status %d, want %d", tt.name, tt.got, tt.limit)
		}
	}
	now = now.Add(time.Minute)
	if got := form(bad, user, password); got != http.StatusOK {
		t.Errorf("later: status %d", got)
	}
	for range 100 { // successes do not count
		if got := form("192.0.2.7:1", "", token); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
}

// TestSessionsEnd: a session ends after its time, and a new one takes the place of the oldest.
func TestSessionsEnd(t *testing.T) {
	now := time.Unix(1e9, 0)
	g := guard.New(guard.Options{Tokens: []guard.Token{{Secret: token}}, Now: func() time.Time { return now }})
	first := session(t, g, "", token)
	in := func(c *http.Cookie) bool {
		r := request(http.MethodGet, "page.example")
		r.AddCookie(c)
		return status(g, r) == http.StatusOK
	}
	if !in(first) {
		t.Fatal("the session does not let in")
	}
	for range 1000 {
		now = now.Add(time.Millisecond)
		session(t, g, "", token)
	}
	if in(first) {
		t.Error("sessions are not bounded")
	}
	last := session(t, g, "", token)
	now = now.Add(13 * time.Hour)
	if in(last) {
		t.Error("the session does not end")
	}
}

func TestCookie(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, proxied := range []bool{false, true} {
			g := guard.New(guard.Options{Tokens: []guard.Token{{Secret: token}}, Secure: secure})
			w, r := httptest.NewRecorder(), request(http.MethodPost, "page.example")
			if proxied {
				r.Header.Set("X-Forwarded-Proto", "https")
			}
			g.Login(w, r, "", token)
			c := w.Result().Cookies()[0]
			if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure != (secure || proxied) || c.Domain != "" {
				t.Errorf("secure %t, proxied %t: cookie %v", secure, proxied, c)
			}
			if secure != strings.HasPrefix(c.Name, "__Host-") {
				t.Errorf("secure %t: cookie %s", secure, c.Name)
			}
		}
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFiles: files of credentials that cannot be used are told without what is in them.
func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		users, ok  bool
	}{
		{"tokens", "# for the dashboard\n" + token + "\n\n other-token-0123456789 \n", false, true},
		{"short token", "s3cret\n", false, false},
		{"token with a name", "robot " + token + "\nsoar\t " + token + "2\n", false, true},
		{"token before its name", "s3cret-s3cret-s3cret robot\n", false, false},
		{"token with spaces", "s3cret s3cret s3cret-s3cret-s3cret s3cret\n", false, false},
		{"no token", "# nothing\n\n", false, false},
		{"users", user + ":" + string(hash) + "\n", true, true},
		{"as htpasswd writes it", user + ":$2y$" + strings.TrimPrefix(string(hash), "$2a$") + "\n", true, true},
		{"password in plain text", user + ":s3cret\n", true, false},
		{"MD5", user + ":$apr1$s3cret$x\n", true, false},
		{"no name", ":" + string(hash) + "\n", true, false},
		{"twice", user + ":" + string(hash) + "\n" + user + ":" + string(hash) + "\n", true, false},
		{"no user", "\n", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := write(t, tt.text)
			var err error
			if tt.users {
				var users guard.Users
				users, err = guard.ReadUsers(name)
				if tt.ok {
					r := request(http.MethodGet, "page.example")
					r.SetBasicAuth(user, password)
					if got := status(guard.New(guard.Options{Users: users}), r); got != http.StatusOK {
						t.Errorf("status %d", got)
					}
				}
			} else {
				_, err = guard.ReadTokens(name)
			}
			if (err == nil) != tt.ok {
				t.Errorf("error %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

// TestRenewedCertificate: a certificate that was renewed is used without a new start.
func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certify(t, certFile, keyFile, 1)
	config, err := guard.TLS(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		c, err := config.GetCertificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	certify(t, certFile, keyFile, 2)
	if err := os.Chtimes(certFile, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if n := serial(); n != 2 {
		t.Errorf("certificate %d", n)
	}
	if _, err := guard.TLS(certFile, certFile); err == nil {
		t.Error("no key is needed")
	}
}

func certify(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "page"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLocal: only names that nobody else can give to this machine are local.
func TestLocal(t *testing.T) {
	g := guard.New(guard.Options{})
	for host, local := range map[string]bool{
		"localhost": true, "LOCALHOST:80": true, "localhost.": true, "a.localhost:1": true, "127.0.0.1": true, "127.9.9.9:1": true, "[::1]": true, "[::1]:9464": true, "[::ffff:127.0.0.1]:1": true,
		"": false, "localhost.example": false, "127.0.0.1.example": false, "10.0.0.1": false, "0.0.0.0:9464": false, "notlocalhost": false, "2130706433": false, "[::]:1": false,
	} {
		r := request(http.MethodGet, "x")
		r.Host = host
		if got := status(g, r) == http.StatusOK; got != local {
			t.Errorf("%q: let in %t", host, got)
		}
	}
}
