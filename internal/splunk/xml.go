package splunk

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// element is an XML element.
type element struct {
	name       string
	attributes []attribute
	inner      []*element
	text       string
}

type attribute struct{ name, value string }

// siblings are the child elements with one name, in order.
type siblings []*element

func (e *element) children(name string) siblings {
	var out siblings
	for _, c := range e.inner {
		if c.name == name {
			out = append(out, c)
		}
	}
	return out
}

// String returns the text of the element, or the XML of its child elements.
func (e *element) String() string {
	if len(e.inner) == 0 {
		return e.text
	}
	var b strings.Builder
	for _, c := range e.inner {
		c.write(&b)
	}
	return b.String()
}

func (e *element) write(b *strings.Builder) {
	b.WriteString("<" + e.name)
	for _, a := range e.attributes {
		b.WriteString(" " + a.name + `="`)
		_ = xml.EscapeText(b, []byte(a.value)) // Writing to a builder cannot fail.
		b.WriteString(`"`)
	}
	b.WriteString(">")
	if len(e.inner) == 0 {
		_ = xml.EscapeText(b, []byte(e.text)) // As above.
	}
	for _, c := range e.inner {
		c.write(b)
	}
	b.WriteString("</" + e.name + ">")
}

// readXML parses elements into a root without a name.
func readXML(s string) (*element, bool) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "<") {
		return nil, false
	}
	d := xml.NewDecoder(strings.NewReader(s))
	d.Strict = false
	root := &element{}
	if err := readElements(d, root, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, false
	}
	return root, len(root.inner) > 0
}

const maxXMLDepth = 100

func readElements(d *xml.Decoder, into *element, depth int) error {
	if depth > maxXMLDepth {
		return errors.New("elements are nested too deeply")
	}
	for {
		token, err := d.Token()
		if err != nil {
			return err //nolint:wrapcheck // The caller says only that it is none.
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name.Local}
			for _, a := range t.Attr {
				e.attributes = append(e.attributes, attribute{a.Name.Local, a.Value})
			}
			into.inner = append(into.inner, e)
			if err := readElements(d, e, depth+1); err != nil {
				return err
			}
		case xml.CharData:
			into.text += strings.TrimSpace(string(t))
		case xml.EndElement:
			return nil
		}
	}
}
