package geoip_test

import (
	"encoding/binary"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/geoip"
)

type object = map[string]any

// encode writes a value as the format has it: a control byte with type and size, then the value.
func encode(b []byte, v any) []byte {
	head := func(kind, size int) []byte {
		if kind > 7 {
			return append(b, byte(size), byte(kind-7))
		}
		return append(b, byte(kind<<5|size))
	}
	switch v := v.(type) {
	case string:
		if len(v) > 28 { // the rest of the length follows
			return append(append(head(2, 29), byte(len(v)-29)), v...)
		}
		return append(head(2, len(v)), v...)
	case float64:
		return binary.BigEndian.AppendUint64(head(3, 8), math.Float64bits(v))
	case uint16:
		return binary.BigEndian.AppendUint16(head(5, 2), v)
	case uint32:
		return binary.BigEndian.AppendUint32(head(6, 4), v)
	case uint64:
		return binary.BigEndian.AppendUint64(head(9, 8), v)
	case object:
		b = head(7, len(v))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = encode(encode(b, name), v[name])
		}
		return b
	case []any:
		b = head(11, len(v))
		for _, x := range v {
			b = encode(b, x)
		}
		return b
	}
	panic("no such value")
}

// database writes the file of a database that knows one network of IPv4 addresses.
func database(t *testing.T, network string, entry object) string {
	t.Helper()
	p := netip.MustParsePrefix(network)
	address, n := p.Addr().As4(), p.Bits()
	var tree []byte
	for i := range n {
		sides := [2]uint32{uint32(n), uint32(n)} // nothing
		next := uint32(i + 1)
		if i == n-1 {
			next = uint32(n) + 16 // the first value of the data
		}
		sides[address[i/8]>>(7-i%8)&1] = next
		for _, side := range sides {
			tree = append(tree, byte(side>>16), byte(side>>8), byte(side))
		}
	}
	data := append(append(tree, make([]byte, 16)...), encode(nil, entry)...)
	data = append(data, "\xab\xcd\xefMaxMind.com"...)
	data = encode(data, object{
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0), "build_epoch": uint64(1), "database_type": "Test-City",
		"description": object{"en": "test"}, "ip_version": uint16(4), "languages": []any{"en"}, "node_count": uint32(n), "record_size": uint16(24),
	})
	path := filepath.Join(t.TempDir(), "test.mmdb")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func name(text string) object { return object{"names": object{"en": text, "de": "anders"}} }

func TestLocate(t *testing.T) {
	db, err := geoip.Open(database(t, "192.0.2.0/24", object{
		"city": name("Springfield"), "country": name("Somewhere"), "continent": name("Far"), "subdivisions": []any{name("North"), name("Inner")},
		"location": object{"latitude": 12.5, "longitude": -7.25, "time_zone": "Etc/UTC", "metro_code": uint16(7)},
	}))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"City": "Springfield", "Country": "Somewhere", "Continent": "Far", "Region": "North", "lat": "12.50000", "lon": "-7.25000", "Timezone": "Etc/UTC", "MetroCode": "7",
	}
	for address, want := range map[string]map[string]string{
		"192.0.2.1": all, "192.0.2.255": all, "::ffff:192.0.2.1": all, "192.0.3.1": nil, "2001:db8::1": nil, "": nil, "host": nil,
	} {
		if diff := cmp.Diff(want, db.Locate(address)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
	less, err := geoip.Open(database(t, "192.0.2.0/24", object{"country": name("Somewhere")}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"Country": "Somewhere"}, less.Locate("192.0.2.1")); diff != "" {
		t.Errorf("a database of countries (-want +got):\n%s", diff)
	}
	bad := filepath.Join(t.TempDir(), "bad.mmdb")
	if err := os.WriteFile(bad, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{bad, filepath.Join(t.TempDir(), "missing")} {
		if _, err := geoip.Open(path); err == nil {
			t.Errorf("%s was opened", path)
		}
	}
}
