package tally_test

import (
	"errors"
	"testing"

	"tocsin/internal/search"
	"tocsin/internal/search/tally"
)

// TestMissing wants groups with missing values, which are not counted in memory, to be refused before anything is read.
func TestMissing(t *testing.T) {
	_, err := tally.Groups(t.Context(), nil, search.GroupRequest{Missing: true}, tally.Options{}, nil)
	if !errors.Is(err, search.ErrUngroupable) {
		t.Errorf("%v", err)
	}
}
