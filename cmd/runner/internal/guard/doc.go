// Package guard decides who may use the status page and the API.
//
// It knows no page and no API. The flow: [Guard.Protect] wraps a handler; each request is let in by a session, a token, or
// a user with a password, and is refused otherwise, in the form that the caller gives. [Guard.Login] makes the session of a
// browser. Requests that change something must not come from another site. The number of failed attempts is limited for
// each client.
//
// Without credentials everybody is let in whose request names this machine itself: a name that was made to point here by
// somebody else's DNS is refused. That is for loopback addresses; for others the caller says that nobody is let in.
package guard
