package rule

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/rule/folder"
)

// The bounds of a value list. By default, Kibana accepts files of up to 9 MB.
const (
	maxValueFile  = 32 << 20
	maxListValues = 500_000
	// maxListFaults is how many bad lines of a file are reported.
	maxListFaults = 20
)

// valueFolder is the directory in which value lists are looked for.
const valueFolder = "value_lists"

// valueListKey is a list as an entry refers to it, including the type of its lines.
type valueListKey struct {
	dir string
	id  string
	as  ValueType
}

// readList is the result of reading a list.
type readList struct {
	values []string
	faulty string
}

// fillLists reads the value lists of an item's entries. If one is missing, the item's rules do not
// run.
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
		content, err := folder.ReadBelow(place.fsys, place.dir, place.path, maxValueFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return readList{faulty: "value list " + l.ID + " cannot be read"},
				diag.List{item.Report(diag.Error, area+"/unreadable", at, "value list %s: %v", l.ID, err)}
		}
		return parseValues(newFile(place.name(path.Join(place.dir, place.path)), string(content)), l)
	}
	return readList{faulty: "value list " + l.ID + " is not there"},
		diag.List{item.Report(diag.Error, area+"/missing-value-list", at,
			"value list %s is not there: want a file %s/%s beside this one, or its path in [lists] of an %s file",
			l.ID, valueFolder, l.ID, ExceptionsExtension)}
}

// places returns where a list may be, most likely first. An id is not a path: it may come from
// anywhere.
func (e *exceptions) places(item *ExceptionItem, id string) []namedList {
	var places []namedList
	if named, ok := e.files[id]; ok {
		places = append(places, named)
	}
	if !fs.ValidPath(id) || path.Base(id) != id || strings.Contains(id, `\`) {
		return places
	}
	beside := item.located
	beside.dir = path.Join(beside.dir, valueFolder)
	places = append(places, namedList{beside, id}, namedList{item.located, id})
	for _, folder := range e.folders {
		places = append(places, namedList{folder, id})
	}
	return places
}

// parseValues reads one value per line and skips empty lines.
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
