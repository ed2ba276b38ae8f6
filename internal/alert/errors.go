package alert

import "errors"

// ErrNotFound is returned by [Reader.Get] for an id that no alert has.
var ErrNotFound = errors.New("no such alert")

// errSource is what is wrong with an alert that names more indices than contents, or fewer.
var errSource = errors.New("tocsin.source: index and content differ in length")
