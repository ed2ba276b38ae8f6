package suppress_test

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert/suppress"
)

func TestCountedForgets(t *testing.T) {
	var marks []suppress.Mark
	for i := range 3 * suppress.Remembered {
		marks = append(marks, suppress.Mark{At: int64(i / 2), Hash: uint64(i)})
	}
	c := suppress.Counted{}.With(marks[:suppress.Remembered]).With(marks[suppress.Remembered:])
	for _, m := range marks {
		if !c.Has(0, m) {
			t.Fatalf("%v is not known any more", m)
		}
	}
	last := marks[len(marks)-1]
	for _, test := range []struct {
		name string
		m    suppress.Mark
		want bool
	}{
		{"late, among the remembered", suppress.Mark{At: last.At - 3, Hash: 1 << 40}, false},
		{"later", suppress.Mark{At: last.At + 1, Hash: 1 << 40}, false},
		{"so late that nobody can tell", suppress.Mark{At: 3, Hash: 1 << 40}, true},
		{"before the alert", suppress.Mark{At: -1, Hash: 1 << 40}, false},
		{"remembered, with another time", suppress.Mark{At: last.At + 99, Hash: last.Hash}, true},
	} {
		if got := c.Has(0, test.m); got != test.want {
			t.Errorf("%s: %t", test.name, got)
		}
	}
	if n := len(c.Text()); n > 24*suppress.Remembered {
		t.Errorf("the text has %d bytes", n)
	}
}

func TestUnknown(t *testing.T) {
	c := suppress.Unknown(time.UnixMilli(5))
	if !c.Has(0, suppress.Mark{At: 5, Hash: math.MaxUint64}) || c.Has(0, suppress.Mark{At: 6}) || c.Has(2, suppress.Mark{At: 1}) {
		t.Error("all up to the end and from the start on has to be known, nothing else")
	}
}

func TestParseCountedRefuses(t *testing.T) {
	good := suppress.Counted{}.With([]suppress.Mark{{At: 1, Hash: 2}}).Text()
	for _, text := range []string{"", "A", "!", good[:len(good)-3], "AQA", "AwA", "AgI", "AgE"} {
		if _, err := suppress.ParseCounted(text); err == nil {
			t.Errorf("%q can be read", text)
		}
	}
}

// A memory is unchanged after encoding and decoding.
func TestCountedText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mark := rapid.Custom(func(t *rapid.T) suppress.Mark {
			return suppress.Mark{At: rapid.Int64().Draw(t, "at") >> rapid.IntRange(0, 60).Draw(t, "shift"), Hash: rapid.Uint64().Draw(t, "hash"), Index: rapid.Uint32().Draw(t, "index"), Content: rapid.Uint32().Draw(t, "content")}
		})
		c := suppress.Counted{}.With(rapid.SliceOf(mark).Draw(t, "marks"))
		if rapid.Bool().Draw(t, "lost") {
			c = suppress.Unknown(time.UnixMilli(rapid.Int64Range(-1e12, 1e13).Draw(t, "end"))).With(rapid.SliceOf(mark).Draw(t, "marks"))
		}
		again, err := suppress.ParseCounted(c.Text())
		if err != nil {
			t.Fatal(err)
		}
		if again.Text() != c.Text() {
			t.Fatalf("%s became %s", c.Text(), again.Text())
		}
		m := mark.Draw(t, "other")
		if c.Has(0, m) != again.Has(0, m) {
			t.Fatalf("%v is known to one only", m)
		}
	})
}

func FuzzParseCounted(f *testing.F) {
	f.Add(suppress.Counted{}.With([]suppress.Mark{{At: 1, Hash: 2}, {At: -7, Hash: 3}}).Text())
	f.Add(suppress.Unknown(time.UnixMilli(5)).Text())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := suppress.ParseCounted(text)
		if err != nil {
			return
		}
		if again, err := suppress.ParseCounted(c.Text()); err != nil || again.Text() != c.Text() {
			t.Errorf("%q: %v", text, err)
		}
	})
}
