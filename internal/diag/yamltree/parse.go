package yamltree

import (
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"tocsin/internal/diag"
)

// The limits of a file: how many nodes its documents have once aliases are followed, and how deep
// they may be. An alias costs nothing to write.
const (
	maxNodes = 1 << 20
	maxDepth = 200
)

// Parse reads the documents of a file. An empty document is nil. What is no YAML is an error in the
// list, with the documents before it.
func Parse(file diag.Text, code string) ([]*Node, diag.List) {
	var docs []*Node
	r := reader{file: file, code: code, left: maxNodes}
	for dec := yaml.NewDecoder(strings.NewReader(file.Value)); ; {
		var root yaml.Node
		switch err := dec.Decode(&root); {
		case errors.Is(err, io.EOF):
			return docs, r.diags
		case err != nil:
			return docs, append(r.diags, syntaxError(file, code, err))
		}
		var doc *Node
		if len(root.Content) > 0 {
			doc = r.node(root.Content[0], 0)
		}
		if doc != nil && doc.Kind == Null {
			doc = nil
		}
		if len(r.diags) > 0 {
			return docs, r.diags
		}
		docs = append(docs, doc)
	}
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// syntaxError gives an error of the parser, which names a line, its place.
func syntaxError(file diag.Text, code string, err error) diag.Diagnostic {
	line, message := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = m[2]
	}
	start := Offset(file.Value, line, 1)
	for start < len(file.Value) && file.Value[start] == ' ' {
		start++
	}
	return file.Report(diag.Error, code, diag.Span{Start: start, End: start + 1}, "%s", message)
}

type reader struct {
	file  diag.Text
	code  string
	left  int
	diags diag.List
}

func (r *reader) node(y *yaml.Node, depth int) *Node {
	n := &Node{line: y.Line, column: y.Column}
	if r.left--; r.left < 0 || depth > maxDepth {
		if len(r.diags) == 0 {
			r.diags = append(r.diags, n.Report(r.file, diag.Error, r.code, "the file is too deep, or its aliases repeat too much"))
		}
		return n
	}
	switch y.Kind {
	case yaml.AliasNode:
		n = r.node(y.Alias, depth+1)
		n.line, n.column = y.Line, y.Column
	case yaml.SequenceNode:
		n.Kind = List
		n.Items = make([]*Node, len(y.Content))
		for i, item := range y.Content {
			n.Items[i] = r.node(item, depth+1)
		}
	case yaml.MappingNode:
		n.Kind = Map
		r.members(n, y, depth)
	default:
		n.scalar(y)
	}
	return n
}

// members reads those of a map. A map that is merged in (<<) gives what the map itself has not.
func (r *reader) members(n *Node, y *yaml.Node, depth int) {
	n.Members = make([]Member, 0, len(y.Content)/2)
	var merged []*Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		value := r.node(y.Content[i+1], depth+1)
		if y.Content[i].Tag != "!!merge" {
			n.Members = append(n.Members, Member{r.node(y.Content[i], depth+1), value})
			continue
		}
		if value.Kind == List {
			merged = append(merged, value.Items...)
		} else {
			merged = append(merged, value)
		}
	}
	for _, m := range merged {
		for _, member := range m.Members {
			if n.Get(member.Key.Value) == nil {
				n.Members = append(n.Members, member)
			}
		}
	}
}

func (n *Node) scalar(y *yaml.Node) {
	n.Kind, n.Value = Text, y.Value
	switch y.Tag {
	case "!!null":
		n.Kind, n.Value = Null, ""
	case "!!bool":
		n.Kind, n.Value = Bool, strings.ToLower(y.Value)
	case "!!int":
		n.Kind = Int
		plain := strings.ReplaceAll(y.Value, "_", "")
		if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
			n.Value = strconv.FormatInt(i, 10)
		} else if u, err := strconv.ParseUint(plain, 0, 64); err == nil {
			n.Value = strconv.FormatUint(u, 10)
		}
	case "!!float":
		n.Kind = Float
	}
}
