// From a rule to its alert, 1 of 9: a rule file is parsed. Next: internal/query/binding/where.go.

package rule

import (
	"strings"

	"tocsin/internal/diag"
	"tocsin/internal/diag/tomltree"
)

// area is the first part of the code of every diagnostic of this package.
const area = "rule"

// byteOrderMark is what some Windows editors put before a file. It is not part of the first line.
const byteOrderMark = "\uFEFF"

// Parse parses one rule file. The rule is never nil, but usable only when the list has no errors;
// after a syntax error it has only its path. The list is in source order.
func Parse(path, content string) (*Rule, diag.List) {
	file := newFile(path, content)
	r := New(path)
	root, list := tomltree.Parse(file, area)
	doc := newDocument(file)
	r.Source = doc
	if root.Get("rule") == nil && !broken(list) {
		list = append(list, file.Report(diag.Error, area+"/missing-field", diag.Span{}, "no [rule] table"))
	}
	if root.Get("rule") == nil || broken(list) {
		list.Sort()
		return r, list
	}
	list = r.decode(doc, root, list, documentFields, unversioned)
	return r, list
}

// newFile makes the text of a file.
func newFile(path, content string) diag.Text {
	return diag.NewText(path, strings.TrimPrefix(content, byteOrderMark))
}

// decode fills a rule from its document, and adds diagnostics to the list.
func (r *Rule) decode(doc *document, root *tomltree.Value, list diag.List, fields tomltree.Fields[Rule], without []string) diag.List {
	r.Source = doc
	d := tomltree.Decoder{File: doc.file, Area: area, List: list, Hint: misplaced}
	tomltree.Into(&d, root, fields, r)
	r.fillDefaults()
	r.ContentHash = hash(root, without)
	d.List = append(d.List, check(r, root)...)
	d.List.Sort()
	return d.List
}

// broken reports whether the parser gave up: the rest is unknown, so missing keys are not reported.
func broken(list diag.List) bool {
	for _, d := range list {
		if d.Code == area+"/syntax" {
			return true
		}
	}
	return false
}

// document is the origin of a rule or an exception. Its tree is not kept: it takes more memory than
// the rule, and positions are rarely needed.
type document struct {
	file diag.Text
	// again parses the document again.
	again func() *tomltree.Value
}

func newDocument(file diag.Text) *document {
	return &document{file: file, again: func() *tomltree.Value {
		root, _ := tomltree.Parse(file, area)
		return root
	}}
}

// Place implements [Source].
func (d *document) Place(path string) (file diag.Text, s diag.Span, found bool) {
	v, found := d.again().Find(path)
	return d.file, v.Span, found
}

// misplaced explains a key that TOML has put into another table than the author meant: keys after a
// header such as [[rule.threat]] belong to that header's table.
func misplaced(key string) string {
	if _, ok := ruleFields[key]; ok {
		return key + " belongs to [rule], before the header of another table"
	}
	if _, ok := metadataFields[key]; ok {
		return key + " belongs to [metadata]"
	}
	return ""
}
