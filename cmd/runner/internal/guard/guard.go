package guard

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Options are the settings of a guard.
type Options struct {
	// Tokens are those that are accepted, Users the passwords by name. Without both nobody can log in. [Guard.Accept] replaces them.
	Tokens []Token
	Users  Users
	// Off, unless it is "", is why nobody is let in.
	Off string
	// Secure: the connection is encrypted here.
	Secure bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Guard lets requests in or refuses them. It is safe for concurrent use.
type Guard struct {
	o        Options
	accepted atomic.Pointer[credentials]
	origin   *http.CrossOriginProtection
	sessions sessions
	attempts attempts
	verified verified
	// hashing bounds the comparisons of passwords, which are expensive on purpose.
	hashing chan struct{}
}

// maxHashing is how many passwords are compared at the same time.
const maxHashing = 2

// New returns a guard.
func New(o Options) *Guard {
	if o.Now == nil {
		o.Now = time.Now
	}
	g := &Guard{o: o, origin: http.NewCrossOriginProtection(), hashing: make(chan struct{}, maxHashing)}
	g.Accept(o.Tokens, o.Users)
	_, _ = rand.Read(g.verified.key[:]) // it never fails
	return g
}

// Asks reports whether credentials are asked for.
func (g *Guard) Asks() bool { return g.Tokened() || g.Named() }

// Named reports whether there are users with passwords.
func (g *Guard) Named() bool { return len(g.accepted.Load().users) > 0 }

// Tokened reports whether there are tokens.
func (g *Guard) Tokened() bool { return len(g.accepted.Load().tokens) > 0 }

// Refusal is why a request is not let in.
type Refusal struct {
	// Status is the status of the answer.
	Status int
	// Text says why, for people.
	Text string
	// Login: the request has no credentials, and they would let it in.
	Login bool
}

// The reasons.
var (
	refusedHost   = Refusal{Status: http.StatusForbidden, Text: "without credentials only requests to localhost are answered"}
	refusedOrigin = Refusal{Status: http.StatusForbidden, Text: "the request comes from another site"}
	refusedMany   = Refusal{Status: http.StatusTooManyRequests, Text: "too many failed attempts, try again later"}
	refusedWrong  = Refusal{Status: http.StatusUnauthorized, Text: "the credentials are wrong"}
	refusedNone   = Refusal{Status: http.StatusUnauthorized, Text: "credentials are required", Login: true}
)

// Refuse answers a request that was refused.
type Refuse func(http.ResponseWriter, *http.Request, Refusal)

// Protect lets those requests through to next that may pass.
func (g *Guard) Protect(refuse Refuse, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, refusal := g.judge(r)
		if refusal != nil {
			g.challenge(w, *refusal)
			refuse(w, r, *refusal)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who.name)))
	})
}

// Reachable lets requests through that need no credentials, such as those for the form that asks for them.
func (g *Guard) Reachable(refuse Refuse, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusal := g.misplaced(r); refusal != nil {
			refuse(w, r, *refusal)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// challenge sets the headers of a refusal.
func (g *Guard) challenge(w http.ResponseWriter, r Refusal) {
	switch r.Status {
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(refill.Seconds())))
	case http.StatusUnauthorized:
		if g.Tokened() {
			w.Header().Add("WWW-Authenticate", `Bearer realm="tocsin"`)
		}
		if g.Named() {
			w.Header().Add("WWW-Authenticate", `Basic realm="tocsin", charset="UTF-8"`)
		}
	}
}

// callerKey is the key of the name of who sends a request, in its context.
type callerKey struct{}

// Caller returns the name of the user, or of the token, with which the request of a context was let in by [Guard.Protect]; "" if it has
// none.
func Caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// judge returns whose credentials a request has, or why it is refused.
func (g *Guard) judge(r *http.Request) (credential, *Refusal) {
	if refusal := g.misplaced(r); refusal != nil {
		return credential{}, refusal
	}
	if !g.Asks() {
		return credential{}, nil
	}
	if header := r.Header.Get("Authorization"); header != "" {
		return g.header(r, header)
	}
	who, known := g.sessions.known(cookieOf(r, g.cookie()), g.o.Now())
	if !known || !g.accepted.Load().has(who) { // a session ends with the credentials that began it
		return credential{}, &refusedNone
	}
	// A browser says where a request that changes something comes from: one that does not is none that this page made.
	if !safe(r.Method) && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return credential{}, &refusedOrigin
	}
	return who, nil
}

// misplaced returns why a request is refused whatever its credentials; nil if it is not.
func (g *Guard) misplaced(r *http.Request) *Refusal {
	switch {
	case g.o.Off != "":
		return &Refusal{Status: http.StatusForbidden, Text: g.o.Off}
	case !g.Asks() && !local(r.Host):
		return &refusedHost
	case g.origin.Check(r) != nil:
		return &refusedOrigin
	}
	return nil
}

// header judges the credentials of the header Authorization.
func (g *Guard) header(r *http.Request, header string) (credential, *Refusal) {
	scheme, rest, _ := strings.Cut(header, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		// A program with the right token, which nobody finds by trying, must not be kept out by others behind the same address.
		if who, right := g.accepted.Load().token(strings.TrimSpace(rest)); right {
			return who, nil
		}
		return g.try(r, func() (credential, bool) { return credential{}, false })
	case strings.EqualFold(scheme, "Basic"):
		name, password, ok := r.BasicAuth()
		if who, known := g.accepted.Load().user(name); ok && known && g.verified.known(who, password, g.o.Now()) {
			return who, nil
		}
		return g.try(r, func() (credential, bool) {
			if !ok {
				return credential{}, false
			}
			return g.password(name, password)
		})
	}
	return credential{}, &refusedWrong
}

// try checks credentials within the limit of the client's failed attempts. Right ones are refused, too, while the client is over it:
// otherwise the limit would not slow down a search for a password.
func (g *Guard) try(r *http.Request, check func() (credential, bool)) (credential, *Refusal) {
	client := clientOf(r)
	if !g.attempts.take(client, g.o.Now()) {
		return credential{}, &refusedMany
	}
	who, right := check()
	if !right {
		return credential{}, &refusedWrong
	}
	g.attempts.giveBack(client)
	return who, nil
}

// password checks a password. Of an unknown user it takes as long.
func (g *Guard) password(name, password string) (credential, bool) {
	accepted := g.accepted.Load()
	if len(accepted.users) == 0 {
		return credential{}, false
	}
	g.hashing <- struct{}{}
	defer func() { <-g.hashing }()
	who, _ := accepted.user(name)
	if !accepted.users.check(name, password) {
		return credential{}, false
	}
	g.verified.add(who, password, g.o.Now())
	return who, true
}

// Login checks a token, if the name is empty, or a user's password, and begins a session.
func (g *Guard) Login(w http.ResponseWriter, r *http.Request, name, secret string) *Refusal {
	who, refusal := g.try(r, func() (credential, bool) {
		if name == "" {
			return g.accepted.Load().token(secret)
		}
		return g.password(name, secret)
	})
	if refusal != nil {
		g.challenge(w, *refusal)
		w.Header().Del("WWW-Authenticate") // the form asks again
		return refusal
	}
	http.SetCookie(w, g.cookieFor(r, g.sessions.begin(who, g.o.Now()), int(sessionLength.Seconds())))
	return nil
}

// Logout ends the session of a request.
func (g *Guard) Logout(w http.ResponseWriter, r *http.Request) {
	g.sessions.end(cookieOf(r, g.cookie()))
	http.SetCookie(w, g.cookieFor(r, "", -1))
}

// safe reports whether requests of a method change nothing.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// local reports whether the host of a request is this machine by a name that nobody else can give to it.
func local(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// clientOf returns the network whose failed attempts are counted together.
func clientOf(r *http.Request) netip.Prefix {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	ip, bits := at.Addr().Unmap().WithZone(""), 32
	if ip.Is6() {
		bits = 64 // one machine has a whole such network
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
