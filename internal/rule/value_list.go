package rule

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"strings"

	"tocsin/internal/diag"
)

// The bounds of a value list. Kibana takes files of up to 9 MB unless it is told otherwise.
const (
	maxValueFile  = 32 << 20
	maxListValues = 500_000
	// maxListFaults is how many bad lines of a file are reported.
	maxListFaults = 20
)

// valueFolder is the directory in which value lists are looked for.
const valueFolder = "value_lists"

// valueListKey is a list as an entry names it: what its lines must be is said there.
type valueListKey struct {
	dir string
	id  string
	as  ValueType
}

// readList is a list that has been looked for.
type readList struct {
	values []string
	faulty string
}

// fillLists reads the value lists of an item's entries. An item that lacks one does not count.
func (e *exceptions) fillLists(item *ExceptionItem, entries []Entry, at string) diag.List {
	var list diag.List
	for i := range entries {
		entry := &entries[i]
		key := fmt.Sprintf("%s[%d].", at, i)
		list = append(list, e.fillLists(item, entry.Entries, key+"entries")...)
		if entry.Type != EntryList || entry.List == nil {
			continue
		}
		found, more := e.valueList(item, *entry.List, key+"list.id")
		list = append(list, more...)
		if entry.List.Values = found.values; found.faulty != "" {
			item.faulty = found.faulty
		}
	}
	return list
}

// valueList finds and reads one list, once for all items of a directory.
func (e *exceptions) valueList(item *ExceptionItem, l ValueList, at string) (readList, diag.List) {
	key := valueListKey{item.located.name(item.located.dir), l.ID, l.Type}
	if known, ok := e.read[key]; ok {
		return known, nil
	}
	found, list := e.readValueList(item, l, at)
	if e.read == nil {
		e.read = map[valueListKey]readList{}
	}
	e.read[key] = found
	return found, list
}

func (e *exceptions) readValueList(item *ExceptionItem, l ValueList, at string) (readList, diag.List) {
	for _, place := range e.places(item, l.ID) {
		file := path.Join(place.dir, place.path)
		info, err := fs.Stat(place.fsys, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		content := ""
		if err == nil && info.Size() > maxValueFile {
			err = fmt.Errorf("the file has more than %d bytes", maxValueFile)
		}
		if err == nil {
			var data []byte
			data, err = fs.ReadFile(place.fsys, file)
			content = string(data)
		}
		if err != nil {
			return readList{faulty: "value list " + l.ID + " cannot be read"},
				diag.List{item.Report(diag.Error, area+"/unreadable", at, "value list %s: %v", l.ID, err)}
		}
		return parseValues(newFile(place.name(file), content), l)
	}
	return readList{faulty: "value list " + l.ID + " is not there"},
		diag.List{item.Report(diag.Warning, area+"/missing-value-list", at,
			"value list %s is not there: want a file %s/%s beside this one, or its path in [lists] of an %s file",
			l.ID, valueFolder, l.ID, exceptionsExtension)}
}

// places are where a list may be, the likeliest first. An id is no path: it may come from anywhere.
func (e *exceptions) places(item *ExceptionItem, id string) []namedList {
	var places []namedList
	if named, ok := e.files[id]; ok {
		places = append(places, named)
	}
	if !fs.ValidPath(id) || path.Base(id) != id || strings.Contains(id, `\`) {
		return places
	}
	places = append(places, namedList{item.located, path.Join(valueFolder, id)}, namedList{item.located, id})
	for _, folder := range e.folders {
		places = append(places, namedList{folder, id})
	}
	return places
}

// parseValues reads one value a line; empty lines are none.
func parseValues(file diag.Text, l ValueList) (readList, diag.List) {
	var out readList
	var list diag.List
	offset := 0
	for line := range strings.Lines(file.Value) {
		start := offset
		offset += len(line)
		value := strings.TrimSpace(line)
		if value == "" {
			continue
		}
		out.values = append(out.values, value)
		err := checkValue(l.Type, value)
		if len(out.values) > maxListValues {
			err = fmt.Errorf("a value list has at most %d values", maxListValues)
		}
		if err == nil {
			continue
		}
		start += strings.Index(line, value)
		list = append(list, file.Report(diag.Error, area+"/bad-value-list", diag.Span{Start: start, End: start + len(value)}, "value list %s: %v", l.ID, err))
		if len(list) == maxListFaults || len(out.values) > maxListValues {
			break
		}
	}
	if len(list) > 0 {
		return readList{faulty: "value list " + l.ID + " has errors"}, list
	}
	return out, nil
}

// checkValue says what is wrong with a value of a type.
func checkValue(as ValueType, value string) error {
	switch as {
	case ValueIP:
		if _, err := netip.ParseAddr(value); err == nil {
			return nil
		}
		if _, err := netip.ParsePrefix(value); err == nil {
			return nil
		}
		return fmt.Errorf("%q is no IP address", value)
	case ValueIPRange:
		if _, _, err := ParseIPRange(value); err != nil {
			return err
		}
	case ValueKeyword, ValueText:
	}
	return nil
}

// ParseIPRange returns the first and the last address of a network, of a range such as
// 10.0.0.1-10.0.0.9, or of a single address.
func ParseIPRange(text string) (first, last netip.Addr, err error) {
	bad := fmt.Errorf("%q is no range of IP addresses: want 10.0.0.0/8 or 10.0.0.1-10.0.0.9", text)
	if low, high, isRange := strings.Cut(text, "-"); isRange {
		first, errLow := netip.ParseAddr(strings.TrimSpace(low))
		last, errHigh := netip.ParseAddr(strings.TrimSpace(high))
		if errLow != nil || errHigh != nil || first.Is4() != last.Is4() || last.Less(first) || first.Zone() != "" || last.Zone() != "" {
			return first, last, bad
		}
		return first, last, nil
	}
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return addr, addr, nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return first, last, bad
	}
	network = network.Masked()
	return network.Addr(), lastOf(network), nil
}

// lastOf returns the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Addr().AsSlice()
	for i := p.Bits(); i < len(bytes)*8; i++ {
		bytes[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}
