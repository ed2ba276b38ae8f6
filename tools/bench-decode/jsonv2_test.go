//go:build goexperiment.jsonv2

package benchdecode

import (
	"bytes"
	"encoding/json/jsontext"
)

func init() {
	contestants = append(contestants, contestant{"jsontext tokens", false, openJSONText})
}

func openJSONText() func([]byte, sink) error {
	dec := jsontext.NewDecoder(bytes.NewReader(nil))
	reader := bytes.NewReader(nil)
	var walk func(at *tree, found sink) error
	walk = func(at *tree, found sink) error {
		if at == nothing {
			return dec.SkipValue()
		}
		token, err := dec.ReadToken()
		if err != nil {
			return err
		}
		switch token.Kind() {
		case '{':
			for dec.PeekKind() != '}' {
				key, err := dec.ReadToken()
				if err != nil {
					return err
				}
				if err := walk(at.step(key.String()), found); err != nil {
					return err
				}
			}
			_, err = dec.ReadToken()
			return err
		case '[':
			for dec.PeekKind() != ']' {
				if err := walk(at, found); err != nil {
					return err
				}
			}
			_, err = dec.ReadToken()
			return err
		case 'n':
			return nil
		}
		if at.field >= 0 {
			found(at.field, token.String())
		}
		return nil
	}
	return func(source []byte, found sink) error {
		reader.Reset(source)
		dec.Reset(reader)
		return walk(names, found)
	}
}
