package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// number is a number that a mapping may also write as text.
type number float64

// UnmarshalJSON accepts 256 and "256".
func (n *number) UnmarshalJSON(data []byte) error {
	x, err := strconv.ParseFloat(string(bytes.Trim(data, `"`)), 64)
	if string(data) == "null" {
		return nil
	}
	*n = number(x)
	if err != nil {
		return fmt.Errorf("%s is not a number", data)
	}
	return nil
}

// flag is a boolean parameter that may be absent, and that a mapping may also write as text.
type flag []byte

// UnmarshalJSON accepts false and "false".
func (f *flag) UnmarshalJSON(data []byte) error {
	*f = bytes.Trim(bytes.Clone(data), `"`)
	if s := string(*f); s != "true" && s != "false" && s != "null" {
		return fmt.Errorf("%s is neither true nor false", data)
	}
	return nil
}

func (f flag) orTrue() bool  { return string(f) != "false" }
func (f flag) orFalse() bool { return string(f) == "true" }

// names is a name or a list of names.
type names []string

// UnmarshalJSON accepts "a" and ["a", "b"].
func (n *names) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]string)(n))
	}
	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	*n = names{one}
	return nil
}
