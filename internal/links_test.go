package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link matches a link in a comment to an exported name, as package go/doc/comment reads it: a name, a
// member of a type, or either with its package before it, by name or by import path.
var link = regexp.MustCompile(`(?:^|[^\w\[\]"` + "`" + `])\[\*?((?:[\w./]*\.)?[A-Z]\w*(?:\.\w+)?)\](?:[^\w\[\](:]|$)`)

// scope holds the names of a package that links can refer to. A nil set of members accepts any, as
// the type gets members from another type.
type scope struct {
	files   []*ast.File
	members map[string]map[string]bool
	imports map[string]string
}

func (s *scope) declare(name string) map[string]bool {
	if s.members[name] == nil {
		s.members[name] = map[string]bool{}
	}
	return s.members[name]
}

// spec declares a type with its fields or methods, a variable or a constant.
func (s *scope) spec(spec ast.Spec, open map[string]bool) {
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		s.declare(spec.Name.Name)
		list := (*ast.FieldList)(nil)
		switch t := spec.Type.(type) {
		case *ast.StructType:
			list = t.Fields
		case *ast.InterfaceType:
			list = t.Methods
		default:
			open[spec.Name.Name] = true
			return
		}
		for _, field := range list.List {
			open[spec.Name.Name] = open[spec.Name.Name] || len(field.Names) == 0
			for _, name := range field.Names {
				s.declare(spec.Name.Name)[name.Name] = true
			}
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			s.declare(name.Name)
		}
	}
}

// receiver returns the name of a method's type.
func receiver(list *ast.FieldList) string {
	t := list.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

func newScope(files []*ast.File) *scope {
	s := &scope{files: files, members: map[string]map[string]bool{}, imports: map[string]string{}}
	open := map[string]bool{}
	for _, file := range files {
		for _, spec := range file.Imports {
			target := strings.Trim(spec.Path.Value, `"`)
			name := path.Base(target)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			s.imports[name] = target
		}
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Recv == nil {
					s.declare(decl.Name.Name)
				} else {
					s.declare(receiver(decl.Recv))[decl.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					s.spec(spec, open)
				}
			}
		}
	}
	for name := range open {
		s.members[name] = nil
	}
	return s
}

// has reports whether the package has a name, or a member of it.
func (s *scope) has(name, member string) bool {
	members, known := s.members[name]
	return known && (member == "" || members == nil || members[member])
}

// resolves reports whether a link leads to a name of this package or of one that it imports. Names
// of other modules are not checked.
func (s *scope) resolves(target string, all map[string]*scope) bool {
	if first, rest, _ := strings.Cut(target, "."); s.has(first, rest) {
		return true
	}
	cut := strings.IndexByte(target[strings.LastIndexByte(target, '/')+1:], '.')
	if cut < 0 {
		return false
	}
	cut += strings.LastIndexByte(target, '/') + 1
	where := target[:cut]
	imported, ok := s.imports[where]
	if ok {
		where = imported
	}
	if !strings.HasPrefix(where, module+"/") {
		return imported != ""
	}
	other := all[strings.TrimPrefix(where, module+"/")]
	name, member, _ := strings.Cut(target[cut+1:], ".")
	return other != nil && other.has(name, member)
}

// scopes parses all packages of the module, by directory; tests belong to the package beside them.
func scopes(t *testing.T, files *token.FileSet) map[string]*scope {
	t.Helper()
	parsed := map[string][]*ast.File{}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" {
			return err
		}
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments)
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "../")
		parsed[dir] = append(parsed[dir], file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*scope{}
	for dir, list := range parsed {
		all[dir] = newScope(list)
	}
	return all
}

// TestLinks: what comments link to exists.
func TestLinks(t *testing.T) {
	var files token.FileSet
	all := scopes(t, &files)
	checked := 0
	for _, s := range all {
		for _, file := range s.files {
			for _, group := range file.Comments {
				for line := range strings.SplitSeq(group.Text(), "\n") {
					for _, m := range link.FindAllStringSubmatch(line, -1) {
						checked++
						if !s.resolves(m[1], all) {
							t.Errorf("%s: [%s] does not exist", files.Position(group.Pos()), m[1])
						}
					}
				}
			}
		}
	}
	if checked < 300 {
		t.Errorf("only %d links were found", checked)
	}
}
