package geoip

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Database is an open database. It is safe for concurrent use, and stays open for as long as the process lives.
type Database struct{ reader *maxminddb.Reader }

// Open opens a database.
func Open(path string) (*Database, error) {
	r, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the database of addresses %s: %w", path, err)
	}
	return &Database{r}, nil
}

// record is what is read of an entry.
type record struct {
	City      named   `maxminddb:"city"`
	Country   named   `maxminddb:"country"`
	Continent named   `maxminddb:"continent"`
	Regions   []named `maxminddb:"subdivisions"`
	Location  struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
		Zone      string   `maxminddb:"time_zone"`
		Metro     uint64   `maxminddb:"metro_code"`
	} `maxminddb:"location"`
}

type named struct {
	Names struct {
		English string `maxminddb:"en"`
	} `maxminddb:"names"`
}

// Locate returns what is known of an address, under the names that iplocation gives it; nil when it is no
// address, or not in the database.
func (d *Database) Locate(address string) map[string]string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	found := d.reader.Lookup(a.Unmap())
	var r record
	if !found.Found() || found.Decode(&r) != nil {
		return nil
	}
	out := map[string]string{"City": r.City.Names.English, "Country": r.Country.Names.English, "Continent": r.Continent.Names.English, "Timezone": r.Location.Zone}
	if len(r.Regions) > 0 {
		out["Region"] = r.Regions[0].Names.English
	}
	for name, x := range map[string]*float64{"lat": r.Location.Latitude, "lon": r.Location.Longitude} {
		if x != nil {
			out[name] = strconv.FormatFloat(*x, 'f', 5, 64)
		}
	}
	if r.Location.Metro > 0 {
		out["MetroCode"] = strconv.FormatUint(r.Location.Metro, 10)
	}
	for name, text := range out {
		if text == "" {
			delete(out, name)
		}
	}
	return out
}
