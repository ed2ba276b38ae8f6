package event

// Members calls visit for every member of an object of JSON: its key, and its value as it is written.
// A key that stands there twice is visited twice. It returns false when the text is not one object.
func Members(object []byte, visit func(key string, value []byte)) bool {
	i := blanks(object, 0)
	if i >= len(object) || object[i] != '{' {
		return false
	}
	if i = blanks(object, i+1); i < len(object) && object[i] == '}' {
		return blanks(object, i+1) == len(object)
	}
	for more := true; more; {
		key, at := nextKey(object, i)
		if at < 0 {
			return false
		}
		end := skipValue(object, at, 1)
		if end < 0 {
			return false
		}
		name := object[key.start:key.end]
		if key.escaped || key.wide {
			name = appendText(nil, name)
		}
		visit(string(name), object[at:end])
		if i, more = nextMember(object, end, '}'); i < 0 {
			return false
		}
	}
	return blanks(object, i) == len(object)
}
