// Package notify tells people of alerts and of the state of the service.
//
// A [Notice] is something to tell. [Outbox.Add] stores an [Entry] for each route that wants it, in the store of the alerts; the
// entry's id is made of the notice's key and the route, and entries are only ever created, so that a notice that is added again,
// by this runner or by another, is not told again. A [Sender] delivers entries, of all runners one at a time.
//
//	Notice ─► Routes ─► Outbox ─► Store ─► Sender ─► Channel
//
// A notice is delivered at least once. It is delivered again, with the same key, only if a runner was killed between the delivery
// and its record.
package notify
