package alert

import "errors"

// ErrNotFound is returned by [Reader.Get] for an id that no alert has.
var ErrNotFound = errors.New("no such alert")
