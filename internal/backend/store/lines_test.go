package store_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/backend/store"
)

func TestLines(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	tests := []struct {
		name, in string
		limit    int
		want     []store.Line
	}{
		{"empty", "", 10, nil},
		{"no newline at the end", "a\nbc", 10, []store.Line{{1, 0, 1, false, "a"}, {2, 2, 2, false, "bc"}}},
		{"blank lines have numbers", "\n\na\n", 10, []store.Line{{1, 0, 0, false, ""}, {2, 1, 0, false, ""}, {3, 2, 1, false, "a"}}},
		{"byte order mark", "\ufeffa\n", 10, []store.Line{{1, 3, 1, false, "a"}}},
		{"carriage return stays", "a\r\nb", 10, []store.Line{{1, 0, 2, false, "a\r"}, {2, 3, 1, false, "b"}}},
		{"longer than the buffer", long + "\nb", 1 << 20, []store.Line{{1, 0, len(long), false, long}, {2, int64(len(long)) + 1, 1, false, "b"}}},
		{"at the limit", "abc\nabcd\ne", 3, []store.Line{{1, 0, 3, false, "abc"}, {2, 4, 4, true, "abcd"}, {3, 9, 1, false, "e"}}},
		{"far over the limit", long + "\nb", 10, []store.Line{{1, 0, len(long), true, long[:256]}, {2, int64(len(long)) + 1, 1, false, "b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := store.Lines(strings.NewReader(tt.in), tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// FuzzLines: whatever the file, its lines are inside it, consecutive, and complete; each line is an
// event or has a fault inside it.
func FuzzLines(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "{}", "{\"a\":1}\n\n{\"_index\":\"i\",\"_id\":\"1\",\"_source\":{}}\r\n", "\ufeff{}", "{\"_id\":1}",
		"[1]\nnull\n{\"a\":\"\xff\"}", "{\"a\":{\"a\":[1e9999,-0,\"\\ud800\"]}} x", "{\"_index\":{\"_index\":\n", strings.Repeat("[", 500),
		"{\"_source\":{\"_source\":{}},\"_id\":\"\\u0000\",\"_id\":3}",
	} {
		f.Add([]byte(seed), 100)
	}
	f.Fuzz(func(t *testing.T, data []byte, limit int) {
		limit = max(1, limit)
		lines, err := store.Lines(bytes.NewReader(data), limit)
		if err != nil {
			t.Fatal(err)
		}
		next := int64(0)
		if bytes.HasPrefix(data, []byte("\ufeff")) {
			next = 3
		}
		for i, l := range lines {
			end := l.Offset + int64(l.Length)
			if l.Number != i+1 || l.Offset != next || end > int64(len(data)) {
				t.Fatalf("line %d of %d bytes: %+v, expected at %d", i+1, len(data), l, next)
			}
			if text := string(data[l.Offset:end]); !strings.HasPrefix(text, l.Text) || !l.TooLong && text != l.Text {
				t.Fatalf("line %d reads %q, the file has %q", l.Number, l.Text, text)
			}
			if l.TooLong != (l.Length > limit) {
				t.Fatalf("line %d of %d bytes, limit %d: too long %v", l.Number, l.Length, limit, l.TooLong)
			}
			checkLine(t, l.Text)
			next = end + 1
		}
		if next < int64(len(data)) {
			t.Fatalf("%d bytes were not read", int64(len(data))-next)
		}
	})
}

// checkLine compares the two ways to read a line.
func checkLine(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, text string,
) {
	t.Helper()
	want, at := store.ParseLine([]byte(text))
	got, source, ok := store.CutLine([]byte(text))
	switch {
	case at > len(text):
		t.Fatalf("%q: fault at %d", text, at)
	case ok != (at < 0):
		t.Fatalf("%q: fault at %d, taken apart: %v", text, at, ok)
	case !ok:
		return
	case !json.Valid([]byte(source)) || source[0] != '{' || source[len(source)-1] != '}':
		t.Fatalf("%q: source %q", text, source)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%q (-decoded +taken apart):\n%s", text, d)
	}
}
