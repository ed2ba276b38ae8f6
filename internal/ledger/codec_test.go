package ledger_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/ledger"
)

var day = time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)

func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := ledger.Page{RuleID: "r", Day: day}
		slot := day
		for range rapid.IntRange(0, 50).Draw(t, "entries") {
			slot = slot.Add(time.Duration(rapid.Int64Range(0, 3_600_000).Draw(t, "gap")) * time.Millisecond)
			small := rapid.Int64Range(0, 15)
			e := ledger.Entry{
				Slot: slot, Status: ledger.Status(rapid.IntRange(0, 5).Draw(t, "status")),
				Attempts: small.Draw(t, "attempts"), Fence: rapid.Int64().Draw(t, "fence"), Read: rapid.Int64().Draw(t, "read"),
				Hits: small.Draw(t, "hits"), Created: small.Draw(t, "created"), Duplicates: small.Draw(t, "duplicates"),
				Suppressed: small.Draw(t, "suppressed"), Queued: small.Draw(t, "queued"),
				Took:  time.Duration(small.Draw(t, "took")) * time.Millisecond,
				Error: rapid.SampledFrom([]string{"", "", "broken", rapid.String().Draw(t, "text")}).Draw(t, "error"),
			}
			if rapid.Bool().Draw(t, "ended") {
				e.Ended = slot.Add(time.Duration(rapid.Int64Range(0, 14).Draw(t, "late")) * time.Second)
			}
			p.Entries = append(p.Entries, e)
		}
		data, err := ledger.Encode(p)
		if err != nil {
			t.Fatal(err)
		}
		got := ledger.Page{RuleID: "r", Day: day}
		if err := ledger.Decode(&got, data); err != nil {
			t.Fatal(err)
		}
		if len(p.Entries) == 0 {
			p.Entries = []ledger.Entry{}
		}
		if diff := cmp.Diff(p.Entries, got.Entries); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestCodecAgain: encoders and decoders are reused, concurrently and after a damaged page.
func TestCodecAgain(t *testing.T) {
	page := func(n int) ledger.Page {
		p := ledger.Page{RuleID: "r", Day: day, Entries: []ledger.Entry{}}
		for i := range n {
			p.Entries = append(p.Entries, ledger.Entry{Slot: day.Add(time.Duration(i) * time.Minute), Hits: int64(i * n), Error: strings.Repeat("x", i)})
		}
		return p
	}
	var running sync.WaitGroup
	for first := range 8 {
		running.Go(func() {
			for n := first; n < 200; n += 8 {
				want := page(n)
				data, err := ledger.Encode(want)
				if err != nil {
					t.Error(err)
					return
				}
				damaged := ledger.Page{Day: day}
				if err := ledger.Decode(&damaged, data[:len(data)/2]); !errors.Is(err, ledger.ErrLayout) {
					t.Errorf("half a page: %v", err)
				}
				got := ledger.Page{RuleID: "r", Day: day}
				if err := ledger.Decode(&got, data); err != nil {
					t.Error(err)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	running.Wait()
}

// TestRough: durations keep their magnitude.
func TestRough(t *testing.T) {
	for _, took := range []time.Duration{0, 3 * time.Millisecond, 123 * time.Millisecond, 4567 * time.Millisecond, time.Hour} {
		p := ledger.Page{Day: day, Entries: []ledger.Entry{{Slot: day, Took: took}}}
		data, err := ledger.Encode(p)
		if err == nil {
			err = ledger.Decode(&p, data)
		}
		if got := p.Entries[0].Took; err != nil || got > took || got < took-took/8 {
			t.Errorf("%s became %s, %v", took, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, _ := ledger.Encode(ledger.Page{Day: day, Entries: []ledger.Entry{{Slot: day, Error: "x"}, {Slot: day.Add(time.Minute)}}})
	f.Add(data)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		p := ledger.Page{Day: day}
		if err := ledger.Decode(&p, data); err != nil && !errors.Is(err, ledger.ErrLayout) {
			t.Error(err)
		}
	})
}

// TestPageSize: the arithmetic of docs/operations.md. A day of a rule that runs every minute, with
// times, numbers of documents and occasional hits that differ from slot to slot.
func TestPageSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same every time
	p := ledger.Page{RuleID: "r", Day: day}
	for i := range 24 * 60 {
		e := ledger.Entry{
			Slot: day.Add(time.Duration(i) * time.Minute), Status: ledger.Covered, Attempts: 1, Fence: 7, Read: 20_000 + random.Int64N(5_000),
			Took: time.Duration(random.Int64N(400)) * time.Millisecond,
		}
		e.Ended = e.Slot.Add(time.Duration(random.Int64N(4)) * time.Second)
		if random.IntN(20) == 0 {
			e.Hits = random.Int64N(50)
			e.Created, e.Duplicates = e.Hits/2, e.Hits-e.Hits/2
		}
		p.Entries = append(p.Entries, e)
	}
	data, err := ledger.Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	const pages = 1000 * 90
	t.Logf("%d bytes a day, %.1f a slot; a thousand rules for 90 days: %.0f MB", len(data), float64(len(data))/float64(len(p.Entries)), float64(len(data))*pages/1e6)
	if len(data) > 12_000 {
		t.Errorf("a page of %d bytes: a thousand rules for 90 days would take more than a GB", len(data))
	}
}

func TestPut(t *testing.T) {
	at := day.Add(time.Hour)
	for _, tt := range []struct {
		name      string
		have, put ledger.Entry
		want      bool
	}{
		{"over a failure", ledger.Entry{Status: ledger.Failed, Fence: 3}, ledger.Entry{Status: ledger.Covered, Fence: 3}, true},
		{"from a successor", ledger.Entry{Status: ledger.Running, Fence: 3}, ledger.Entry{Status: ledger.Running, Fence: 4}, true},
		{"from who was replaced", ledger.Entry{Status: ledger.Running, Fence: 4}, ledger.Entry{Status: ledger.Covered, Fence: 3}, false},
		{"a final one is not opened", ledger.Entry{Status: ledger.Covered, Fence: 3}, ledger.Entry{Status: ledger.Failed, Fence: 3}, false},
		{"a covered one is not given up", ledger.Entry{Status: ledger.Covered, Fence: 3}, ledger.Entry{Status: ledger.GivenUp, Fence: 3}, false},
		{"a final one may be corrected", ledger.Entry{Status: ledger.GivenUp, Fence: 3}, ledger.Entry{Status: ledger.Covered, Fence: 3}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := ledger.Page{Day: day}
			tt.have.Slot, tt.put.Slot = at, at
			p.Put(ledger.Entry{Slot: at.Add(time.Minute)})
			p.Put(tt.have)
			if got := p.Put(tt.put); got != tt.want {
				t.Error(got)
			}
			want := tt.have
			if tt.want {
				want = tt.put
			}
			if got, _ := p.Find(at); got != want || len(p.Entries) != 2 || !p.Entries[0].Slot.Equal(at) {
				t.Error(p.Entries)
			}
		})
	}
}
