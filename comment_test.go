package latchkey

import (
	"go/ast"
	"go/token"
	"regexp"
)

// documented: what another package can use says what it is, so that nobody has
// to read how it is done. Programs and tests are used by no package.
func documented(s source) (broken []string) {
	if s.test() || s.ast.Name.Name == "main" {
		return nil
	}
	miss := func(n ast.Node, name string) {
		broken = append(broken, s.at(n)+": "+name+" has no comment: say what it is, its unit and range, and which errors it has")
	}
	for _, d := range s.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && !known(d) {
				miss(d, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() && d.Doc == nil && spec.Doc == nil {
						miss(spec, spec.Name.Name)
					}
				case *ast.ValueSpec:
					if spec.Names[0].IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil && d.Tok != token.IMPORT {
						miss(spec, spec.Names[0].Name)
					}
				}
			}
		}
	}
	return broken
}

// known: a method whose meaning its interface gives, or of a type that no other
// package can name.
func known(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return false
	}
	e := f.Recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id := root(e); id != nil && !id.IsExported() {
		return true
	}
	return regexp.MustCompile(`^(Error|Unwrap|Is|String|GoString|Format|Len|Less|Swap|Read|Write|Close|MarshalJSON|UnmarshalJSON|MarshalText|UnmarshalText|ServeHTTP)$`).MatchString(f.Name.Name)
}

// contextFirst: a context is the first argument, and is not kept.
func contextFirst(s source) (broken []string) {
	ast.Inspect(s.ast, func(n ast.Node) bool {
		f, ok := n.(*ast.FuncType)
		if !ok || f.Params == nil || s.test() {
			return true
		}
		for i, p := range f.Params.List {
			if i > 0 && named(p.Type, "context", "Context") {
				broken = append(broken, s.at(p)+": the context is the first argument")
			}
		}
		return true
	})
	return broken
}

// nothingLeft: what is to be done later is an issue, not a comment.
func nothingLeft(s source) (broken []string) {
	later := regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)
	for _, group := range s.ast.Comments {
		for _, c := range group.List {
			if later.MatchString(c.Text) {
				broken = append(broken, s.at(c)+": do it, or write an issue: "+c.Text)
			}
		}
	}
	return broken
}
