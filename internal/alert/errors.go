package alert

import "errors"

// ErrNotFound is returned by [Reader.Get] for an unknown id.
var ErrNotFound = errors.New("no such alert")

// errSource: an alert names more indices than contents, or fewer.
var errSource = errors.New("tocsin.source: index and content differ in length")
