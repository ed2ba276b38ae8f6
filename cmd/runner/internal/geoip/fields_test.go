package geoip_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/runner/internal/geoip"
)

func TestFields(t *testing.T) {
	place := func(code string, more object) object {
		more["iso_code"] = code
		return more
	}
	for title, test := range map[string]struct{ entry, want object }{
		"a city": {
			object{
				"city": name("Springfield"), "country": place("US", name("Somewhere")), "continent": object{"code": "NA", "names": object{"en": "Far"}},
				"subdivisions": []any{place("OR", name("North"))}, "postal": object{"code": "97477"}, "location": object{"latitude": 12.5, "longitude": -7.25, "time_zone": "Etc/UTC"},
			},
			object{
				"geo.city_name": "Springfield", "geo.country_name": "Somewhere", "geo.country_iso_code": "US", "geo.continent_name": "Far", "geo.continent_code": "NA",
				"geo.region_name": "North", "geo.region_iso_code": "US-OR", "geo.postal_code": "97477", "geo.timezone": "Etc/UTC", "geo.location": object{"lat": 12.5, "lon": -7.25},
			},
		},
		"a network":    {object{"autonomous_system_number": uint32(64500), "autonomous_system_organization": "Example"}, object{"as.number": uint64(64500), "as.organization.name": "Example"}},
		"nothing":      {object{"x": "y"}, nil},
		"half a place": {object{"location": object{"latitude": 12.5}, "subdivisions": []any{place("OR", object{})}}, nil},
	} {
		db, err := geoip.Open(database(t, "192.0.2.0/24", test.entry))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, db.Fields("192.0.2.9")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", title, diff)
		}
		for _, other := range []string{"192.0.3.1", "", "host", "fe80::1%eth0"} {
			if got := db.Fields(other); got != nil {
				t.Errorf("%q: %v", other, got)
			}
		}
	}
}
