package event_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/match/event"
	"tocsin/internal/testkit/eventgen"
)

// decodesAlike compares with encoding/json, errors too.
func decodesAlike(t *testing.T, data []byte) {
	t.Helper()
	want, wantErr := event.DecodeSlowly(data)
	got, err := event.DecodeObject(data)
	if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
		t.Fatalf("%q: %v, want %v", data, err, wantErr)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%q (-encoding/json +ours):\n%s", data, diff)
	}
}

var objectTexts = []string{
	`{}`, ` { "a" : [ ] , "b" : { } } `, `{"a":{"b":1},"a":{"c":2}}`, `{"a":1,"a":null}`, `{"\u0061":"\ud83d\ude00\ud83d\"é"}`,
	`{"n":[0,-1.5e+10,12345678901234567890.000,-0]}`, `{"t":[true,false,null,"",[[]]]}`, "{\"a\":\"\xff\"}", `{"a.b":{"c":"x"}}`,
	`null`, `[]`, `{}{}`, `{"a":01}`, `{"a":+1}`, `{"a":1,}`, `{"a" 1}`, `{"a":"` + "\x01" + `"}`, `{"a":tru}`, ``, `{`, `{"a":[1,]}`,
	strings.Repeat(`{"a":`, 9999) + "1" + strings.Repeat("}", 9999), strings.Repeat(`{"a":`, 10001) + "1" + strings.Repeat("}", 10001),
	strings.Repeat(`{"a":[`, 5001) + strings.Repeat("]}", 5001),
}

func TestDecode(t *testing.T) {
	for _, text := range objectTexts {
		decodesAlike(t, []byte(text))
	}
	for n := range 200 {
		decodesAlike(t, eventgen.Event(3, n))
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range objectTexts {
		if len(text) < 100 {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { decodesAlike(t, data) })
}

// BenchmarkDecode compares with encoding/json.
func BenchmarkDecode(b *testing.B) {
	data := eventgen.Event(3, 1)
	for name, decode := range map[string]func([]byte) (map[string]any, error){"ours": event.DecodeObject, "encoding-json": event.DecodeSlowly} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
