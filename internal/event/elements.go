package event

// Elements calls visit for every element of an array of JSON, as it is written. It returns false when
// the text is not one array.
func Elements(array []byte, visit func(value []byte)) bool {
	i := blanks(array, 0)
	if i >= len(array) || array[i] != '[' {
		return false
	}
	if i = blanks(array, i+1); i < len(array) && array[i] == ']' {
		return blanks(array, i+1) == len(array)
	}
	for more := true; more; {
		end := skipValue(array, i, 1)
		if end < 0 {
			return false
		}
		visit(array[i:end])
		if i, more = nextMember(array, end, ']'); i < 0 {
			return false
		}
	}
	return blanks(array, i) == len(array)
}
