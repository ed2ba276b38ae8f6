package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// change replaces a part of a file with another text. Line numbers stay the same.
type change struct {
	in       *pkg
	path     string
	src      []byte
	line     int
	from, to int
	text     string
	what     string
}

func (c change) String() string {
	return fmt.Sprintf("%s:%d: %s", filepath.Join(filepath.Base(filepath.Dir(c.path)), filepath.Base(c.path)), c.line, c.what)
}

func (c change) apply() []byte { return slices.Concat(c.src[:c.from], []byte(c.text), c.src[c.to:]) }

// matching returns the changes whose text contains a string.
func matching(changes []change, want string) []change {
	return slices.DeleteFunc(changes, func(c change) bool { return !strings.Contains(c.String(), want) })
}

// finder collects the changes of a file.
type finder struct {
	path  string
	src   []byte
	files *token.FileSet
	found []change
}

// changesOf returns all changes of a file.
func changesOf(path string, src []byte) ([]change, error) {
	f := &finder{path: path, src: src, files: token.NewFileSet()}
	file, err := parser.ParseFile(f.files, path, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.Field:
			return false // Import paths, types and tags.
		case *ast.FuncDecl:
			f.returns(n)
			// Parameters and names are not code.
			if n.Body != nil {
				ast.Inspect(n.Body, f.node)
			}
			return false
		}
		return f.node(n)
	})
	return f.found, nil
}

// add adds a change of the text of a node.
func (f *finder) add(from, to token.Pos, text, what string, args ...any) {
	start, end := f.files.Position(from), f.files.Position(to)
	f.found = append(f.found, change{
		path: f.path, src: f.src, line: start.Line, from: start.Offset, to: end.Offset, text: text, what: fmt.Sprintf(what, args...),
	})
}

// short returns the source of a node on one line.
func (f *finder) short(n ast.Node) string {
	text := strings.Join(strings.Fields(f.text(n)), " ")
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}

func (f *finder) text(n ast.Node) string {
	return string(f.src[f.files.Position(n.Pos()).Offset:f.files.Position(n.End()).Offset])
}

// instead maps operators to their replacements.
var instead = map[token.Token]token.Token{
	token.EQL: token.NEQ, token.NEQ: token.EQL, token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.LAND: token.LOR, token.LOR: token.LAND, token.AND: token.OR, token.OR: token.AND, token.SHL: token.SHR, token.SHR: token.SHL,
	token.INC: token.DEC, token.DEC: token.INC, token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN,
	token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN, token.BREAK: token.CONTINUE, token.CONTINUE: token.BREAK,
}

func (f *finder) operator(at token.Pos, op token.Token, n ast.Node) {
	if other, ok := instead[op]; ok {
		f.add(at, at+token.Pos(len(op.String())), other.String(), "%s: %s becomes %s", f.short(n), op, other)
	}
}

// node adds the changes of one node, and returns whether to visit its children.
func (f *finder) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.Field:
		return false
	case *ast.BinaryExpr:
		f.operator(n.OpPos, n.Op, n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT || n.Op == token.SUB {
			f.add(n.OpPos, n.OpPos+1, "", "%s: without %s", f.short(n), n.Op)
		}
	case *ast.IfStmt:
		f.negated(n.Cond)
		f.emptied(n.Body, n.Cond)
		if n.Else != nil {
			if block, ok := n.Else.(*ast.BlockStmt); ok {
				f.emptied(block, n.Cond)
			}
		}
	case *ast.ForStmt:
		if n.Cond != nil {
			f.negated(n.Cond)
		}
	case *ast.IncDecStmt:
		f.operator(n.TokPos, n.Tok, n)
		f.dropped(n)
	case *ast.AssignStmt:
		f.operator(n.TokPos, n.Tok, n)
		if n.Tok != token.DEFINE {
			f.dropped(n)
		}
	case *ast.ExprStmt, *ast.SendStmt, *ast.DeferStmt:
		f.dropped(n)
	case *ast.BranchStmt:
		f.operator(n.TokPos, n.Tok, n)
	case *ast.BasicLit:
		f.literal(n)
	case *ast.Ident:
		if n.Name == "true" || n.Name == "false" {
			f.add(n.Pos(), n.End(), strconv.FormatBool(n.Name == "false"), "%s becomes %t", n.Name, n.Name == "false")
		}
	}
	return true
}

// negated negates a condition. The operator of a comparison is replaced instead.
func (f *finder) negated(cond ast.Expr) {
	if binary, ok := cond.(*ast.BinaryExpr); ok && (binary.Op == token.EQL || binary.Op == token.NEQ) {
		return
	}
	if not, ok := cond.(*ast.UnaryExpr); ok && not.Op == token.NOT {
		return
	}
	f.add(cond.Pos(), cond.End(), "!("+f.text(cond)+")", "%s is negated", f.short(cond))
}

// emptied removes the statements of a block.
func (f *finder) emptied(block *ast.BlockStmt, cond ast.Node) {
	if len(block.List) > 0 {
		f.add(block.Lbrace+1, block.Rbrace, f.lines(block), "the block at %s is dropped", f.short(cond))
	}
}

func (f *finder) dropped(n ast.Node) {
	f.add(n.Pos(), n.End(), f.lines(n), "%s is dropped", f.short(n))
}

// lines returns the newlines of a node, so that the following lines keep their numbers.
func (f *finder) lines(n ast.Node) string {
	return strings.Repeat("\n", strings.Count(f.text(n), "\n"))
}

// literal changes a constant: it increments a number, and replaces a text.
func (f *finder) literal(n *ast.BasicLit) {
	text := ""
	switch n.Kind {
	case token.INT, token.FLOAT:
		text = "(" + n.Value + "+1)"
	case token.CHAR:
		text = "(" + n.Value + "+1)"
	case token.STRING:
		text = `""`
		if s, err := strconv.Unquote(n.Value); err == nil && s == "" {
			text = `"changed"`
		}
	default:
		return
	}
	f.add(n.Pos(), n.End(), text+f.lines(n), "%s becomes %s", f.short(n), text)
}

// returns makes a function return zero values at once.
func (f *finder) returns(n *ast.FuncDecl) {
	if n.Body == nil || len(n.Body.List) == 0 {
		return
	}
	var zeros []string
	if n.Type.Results != nil {
		for _, field := range n.Type.Results.List {
			for range max(1, len(field.Names)) {
				zeros = append(zeros, "*new("+f.text(field.Type)+")")
			}
		}
	}
	at := n.Body.Lbrace + 1
	f.add(at, at, " return "+strings.Join(zeros, ", ")+";", "%s returns at once", n.Name.Name)
}
