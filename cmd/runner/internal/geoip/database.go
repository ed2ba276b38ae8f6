package geoip

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Database is a database in memory: its file may be replaced, or written over, at any time. It is safe for concurrent use.
type Database struct{ reader *maxminddb.Reader }

// maxFile is the greatest size of a database, in bytes.
const maxFile = 2 << 30

// Open reads a database.
func Open(path string) (*Database, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = errTooLarge
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path) //nolint:gosec // the user names the file
	}
	var r *maxminddb.Reader
	if err == nil {
		r, err = maxminddb.OpenBytes(data)
	}
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
	Postal struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"postal"`
	Number       uint64 `maxminddb:"autonomous_system_number"`
	Organization string `maxminddb:"autonomous_system_organization"`
}

var errTooLarge = fmt.Errorf("it has more than %d MiB", maxFile>>20)

type named struct {
	Code string `maxminddb:"iso_code"`
	// Short is the code of a continent.
	Short string `maxminddb:"code"`
	Names struct {
		English string `maxminddb:"en"`
	} `maxminddb:"names"`
}

// Locate returns what is known of an address, under the names that iplocation gives it; nil when it is no
// address, or not in the database.
func (d *Database) Locate(address string) map[string]string {
	r, found := d.find(address)
	if !found {
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

// find returns the entry of an address; false when it is no address, or not in the database.
func (d *Database) find(address string) (record, bool) {
	var r record
	a, err := netip.ParseAddr(address)
	if err != nil {
		return r, false
	}
	found := d.reader.Lookup(a.Unmap().WithZone(""))
	return r, found.Found() && found.Decode(&r) == nil
}

// Fields returns what is known of an address, under the names that ECS gives it below the owner of the address; nil
// when nothing is.
func (d *Database) Fields(address string) map[string]any {
	r, found := d.find(address)
	if !found {
		return nil
	}
	out := map[string]any{}
	for name, text := range map[string]string{
		"geo.city_name": r.City.Names.English, "geo.country_name": r.Country.Names.English, "geo.country_iso_code": r.Country.Code,
		"geo.continent_name": r.Continent.Names.English, "geo.continent_code": r.Continent.Short, "geo.timezone": r.Location.Zone, "geo.postal_code": r.Postal.Code,
		"as.organization.name": r.Organization,
	} {
		if text != "" {
			out[name] = text
		}
	}
	if len(r.Regions) > 0 {
		if name := r.Regions[0].Names.English; name != "" {
			out["geo.region_name"] = name
		}
		if code := r.Regions[0].Code; code != "" && r.Country.Code != "" {
			out["geo.region_iso_code"] = r.Country.Code + "-" + code
		}
	}
	if lat, lon := r.Location.Latitude, r.Location.Longitude; lat != nil && lon != nil {
		out["geo.location"] = map[string]any{"lat": *lat, "lon": *lon}
	}
	if r.Number > 0 {
		out["as.number"] = r.Number
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
