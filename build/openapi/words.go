package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// words are the comments and constants of the packages whose types are
// described, read from their source when first asked for.
type words struct {
	root string
	read map[string]bool     // by package path
	docs map[string]string   // by package path, type and field
	enum map[string][]string // by package path and type
	open map[string]bool     // types that have other words, too
	err  error               // the first
}

func newWords(root string) *words {
	return &words{root: root, read: map[string]bool{}, docs: map[string]string{}, enum: map[string][]string{}, open: map[string]bool{}}
}

// of is the comment of a type, or of a field of it, on one line.
func (w *words) of(t reflect.Type, field string) string {
	w.load(t.PkgPath())
	return w.docs[t.PkgPath()+"."+t.Name()+"."+field]
}

// values are the constants of a type of string, in the order of the source.
func (w *words) values(t reflect.Type) []string {
	w.load(t.PkgPath())
	key := t.PkgPath() + "." + t.Name()
	if w.open[key] {
		return nil
	}
	return w.enum[key]
}

func (w *words) load(pkg string) {
	dir, own := strings.CutPrefix(pkg, "holdfast/")
	if !own || w.read[pkg] {
		return
	}
	w.read[pkg] = true
	folder := filepath.Join(w.root, filepath.FromSlash(dir))
	entries, err := os.ReadDir(folder)
	if err != nil {
		w.fail(err)
		return
	}
	for _, e := range entries {
		if isSource(e) {
			w.loadFile(pkg, filepath.Join(folder, e.Name()))
		}
	}
}

func isSource(e fs.DirEntry) bool {
	return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go")
}

func (w *words) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *words) loadFile(pkg, path string) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		w.fail(err)
		return
	}
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				w.addType(pkg, decl, spec)
			case *ast.ValueSpec:
				w.addConstant(pkg, decl, spec)
			}
		}
	}
}

func (w *words) addType(pkg string, decl *ast.GenDecl, spec *ast.TypeSpec) {
	key := pkg + "." + spec.Name.Name + "."
	doc := spec.Doc
	if doc == nil {
		doc = decl.Doc
	}
	w.docs[key] = flat(doc.Text())
	body, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range body.Fields.List {
		text := flat(f.Doc.Text() + " " + f.Comment.Text())
		for _, name := range f.Names {
			w.docs[key+name.Name] = text
		}
	}
}

func (w *words) addConstant(pkg string, decl *ast.GenDecl, spec *ast.ValueSpec) {
	kind, ok := spec.Type.(*ast.Ident)
	if decl.Tok != token.CONST || !ok || len(spec.Values) != 1 {
		return
	}
	key := pkg + "." + kind.Name
	value, ok := spec.Values[0].(*ast.BasicLit)
	if !ok || value.Kind != token.STRING {
		// A word taken from elsewhere: this list of words is not the whole.
		w.open[key] = true
		return
	}
	text, err := strconv.Unquote(value.Value)
	if err != nil {
		w.fail(err)
		return
	}
	w.enum[key] = append(w.enum[key], text)
}

// flat is a comment on one line.
func flat(doc string) string { return strings.Join(strings.Fields(doc), " ") }
