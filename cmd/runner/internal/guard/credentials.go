package guard

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
)

// Token is a token that is accepted.
type Token struct {
	// Name is whose it is; "" if nobody is named.
	Name string
	// Secret is the token.
	Secret string
}

// credential is what a request was let in with.
type credential struct {
	// name is that of the user or the token; "" if the token has none.
	name string
	// proof is a digest of the token, or of the hash of the user's password.
	proof [sha256.Size]byte
}

// credentials are those that are accepted.
type credentials struct {
	tokens []credential
	users  Users
}

// Accept replaces the credentials that are accepted. Sessions that others began end.
func (g *Guard) Accept(tokens []Token, users Users) {
	c := &credentials{users: users}
	for _, t := range tokens {
		c.tokens = append(c.tokens, credential{t.Name, sha256.Sum256([]byte(t.Secret))})
	}
	g.accepted.Store(c)
}

// token compares a token with all that are accepted, in a time that does not depend on them.
func (c *credentials) token(given string) (credential, bool) {
	sum, at := sha256.Sum256([]byte(given)), 0
	for i, t := range c.tokens {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], t.proof[:]), i+1, at)
	}
	if at == 0 {
		return credential{}, false
	}
	return c.tokens[at-1], true
}

// user returns what the user of a name is let in with; false if there is none.
func (c *credentials) user(name string) (credential, bool) {
	hash, known := c.users[name]
	return credential{name, sha256.Sum256(hash)}, known
}

// has reports whether a credential is still accepted.
func (c *credentials) has(who credential) bool {
	user, known := c.user(who.name)
	return known && user == who || slices.Contains(c.tokens, who)
}
