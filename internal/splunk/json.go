package splunk

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"tocsin/internal/translate/spl"
)

// readJSON reads one JSON value with the order of keys left out.
func readJSON(s string) (any, bool) {
	s = strings.TrimSpace(s)
	if s == "" || s[0] != '{' && s[0] != '[' {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, false
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	return v, true
}

// jsonText writes a value as a field holds it: texts as they are, objects as JSON.
func jsonText(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// walkPath returns what a path such as a.b{}.c{0} leads to. An index counts from 0; {} is all
// members; {@name} is an attribute of XML.
func walkPath(v any, path string) []any {
	values := []any{v}
	for step := range strings.SplitSeq(path, ".") {
		name, array, isArray := strings.Cut(step, "{")
		if name != "" {
			values = members(values, name)
		}
		for isArray {
			var inner string
			inner, array, _ = strings.Cut(array, "}")
			if strings.HasPrefix(inner, "@") {
				values = members(values, inner)
			} else {
				values = elements(values, inner)
			}
			_, array, isArray = strings.Cut(array, "{")
		}
	}
	return values
}

func members(values []any, name string) []any {
	var out []any
	for _, v := range values {
		if object, ok := v.(map[string]any); ok {
			if m, found := object[name]; found {
				out = append(out, m)
			}
		}
	}
	return out
}

func elements(values []any, index string) []any {
	var out []any
	for _, v := range values {
		list, ok := v.([]any)
		if !ok {
			continue
		}
		if index == "" {
			out = append(out, list...)
			continue
		}
		if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(list) {
			out = append(out, list[i])
		}
	}
	return out
}

func textsOf(values []any) Value {
	var out []Value
	for _, v := range values {
		if v != nil {
			out = append(out, Text(jsonText(v)))
		}
	}
	return Several(out...)
}

// spather takes values out of JSON or XML.
func spather(c *spl.Spath) func(Row) {
	return func(row Row) {
		var documents []any
		for _, x := range fieldOrRaw(row, c.Input).Each() {
			if v, ok := readJSON(x.String()); ok {
				documents = append(documents, v)
			} else if v, ok := readXML(x.String()); ok {
				documents = append(documents, v)
			}
		}
		if c.Path == "" {
			found := Row{}
			for _, d := range documents {
				flattenPaths(found, "", d)
			}
			for name, v := range found {
				row.set(name, v)
			}
			return
		}
		var values []any
		for _, d := range documents {
			values = append(values, walkPath(d, c.Path)...)
		}
		if v := textsOf(values); !v.IsNull() {
			row.set(c.Output, v)
		} else if len(documents) == 0 && c.Input == "_raw" {
			// The event has been read already: the path is the name of its field.
			if v := row.Get(c.Path); !v.IsNull() {
				row.set(c.Output, v)
			}
		}
	}
}

// flattenPaths is Flatten with {} behind arrays, as the names of spath are.
func flattenPaths(row Row, name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if name != "" {
			name += "."
		}
		for key, m := range v {
			flattenPaths(row, strings.TrimSuffix(name, attributeDot(key))+attributeKey(key), m)
		}
	case []any:
		for _, m := range v {
			flattenPaths(row, name+"{}", m)
		}
	default:
		if name == "" {
			name = "{}"
		}
		row.add(name, Text(jsonText(v)))
	}
}

// attributeDot is the point that does not stand before {@name}.
func attributeDot(key string) string {
	if strings.HasPrefix(key, "@") {
		return "."
	}
	return ""
}

func attributeKey(key string) string {
	if strings.HasPrefix(key, "@") {
		return "{" + key + "}"
	}
	return key
}

// readXML reads elements into objects: members are elements, @names attributes, several elements of
// a name an array; an element with nothing but text is the text.
func readXML(s string) (any, bool) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "<") {
		return nil, false
	}
	d := xml.NewDecoder(strings.NewReader(s))
	d.Strict = false
	root := map[string]any{}
	if err := readElements(d, root, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, false
	}
	return root, len(root) > 0
}

const maxXMLDepth = 100

func readElements(d *xml.Decoder, into map[string]any, depth int) error {
	if depth > maxXMLDepth {
		return errors.New("elements are nested too deeply")
	}
	for {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			element := map[string]any{}
			for _, a := range t.Attr {
				element["@"+a.Name.Local] = a.Value
			}
			err := readElements(d, element, depth+1)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			addMember(into, t.Name.Local, collapse(element))
			if err != nil {
				return err
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" {
				old, _ := into[""].(string)
				into[""] = old + text
			}
		case xml.EndElement:
			return nil
		}
	}
}

// collapse makes the text of an element that is nothing else.
func collapse(element map[string]any) any {
	text, hasText := element[""]
	switch {
	case len(element) == 0:
		return ""
	case hasText && len(element) == 1:
		return text
	}
	return element
}

func addMember(into map[string]any, name string, v any) {
	switch old := into[name].(type) {
	case nil:
		into[name] = v
	case []any:
		into[name] = append(old, v)
	default:
		into[name] = []any{old, v}
	}
}

// fromJSON makes fields of the members of an object.
func fromJSON(c *spl.FromJSON) func(Row) {
	return func(row Row) {
		v, ok := readJSON(row.Get(c.Field.Text).String())
		object, isObject := v.(map[string]any)
		if !ok || !isObject {
			return
		}
		for key, m := range object {
			if list, isList := m.([]any); isList {
				row.set(c.Prefix+key, textsOf(list))
				continue
			}
			row.set(c.Prefix+key, textsOf([]any{m}))
		}
	}
}

var xmlPair = regexp.MustCompile(`<([^/\s>]+)[^>]*>([^<]+)</`)

// xmlkv makes fields of elements that hold a text alone.
func xmlkv(c *spl.Xmlkv) func(Row) {
	return func(row Row) {
		for _, x := range fieldOrRaw(row, c.Field).Each() {
			for _, m := range xmlPair.FindAllStringSubmatch(x.String(), -1) {
				row.set(m[1], Text(m[2]))
			}
		}
	}
}

// extractor makes fields of key=value pairs.
func extractor(c *spl.Extract) func(Row) {
	return func(row Row) {
		for _, x := range fieldOrRaw(row, "_raw").Each() {
			pairs := strings.FieldsFunc(x.String(), func(r rune) bool { return strings.ContainsRune(c.PairDelim, r) })
			for _, pair := range pairs {
				i := strings.IndexAny(pair, c.KVDelim)
				if i <= 0 {
					continue
				}
				key := cleanKey(strings.TrimSpace(pair[:i]))
				value := strings.Trim(strings.TrimSpace(pair[i+1:]), `"`)
				if key != "" && value != "" && row[key].IsNull() {
					row.set(key, Text(value))
				}
			}
		}
	}
}

// cleanKey replaces what a name cannot have.
func cleanKey(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || r == '.' || r == '{' || r == '}' {
			return r
		}
		return '_'
	}, s), "_")
}

var jsonFunctions = map[string]function{
	"spath": func(_ *scope, a []Value) Value {
		return each(a[0], func(v Value) Value {
			if d, ok := readJSON(v.String()); ok {
				return textsOf(walkPath(d, a[1].String()))
			}
			if d, ok := readXML(v.String()); ok {
				return textsOf(walkPath(d, a[1].String()))
			}
			return Null
		})
	},
	"json_extract": func(_ *scope, a []Value) Value {
		d, ok := readJSON(a[0].String())
		if !ok {
			return Null
		}
		if len(a) == 1 {
			return Text(jsonText(d))
		}
		var values []any
		for _, path := range a[1:] {
			values = append(values, walkPath(d, path.String())...)
		}
		return textsOf(values)
	},
	"json_valid": func(_ *scope, a []Value) Value {
		if a[0].IsNull() {
			return Null
		}
		return truth(json.Valid([]byte(a[0].String())))
	},
}
