package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// usable are the packages whose exported names an outsider can use: their
// signatures name no type of an internal package but by an alias of their own.
var usable = []string{
	"assemble", "assemble/alma", "assemble/anaconda", "assemble/anaconda/replay", "assemble/boot", "assemble/boottest", "assemble/convert", "assemble/disk", "assemble/ext4", "assemble/guest", "assemble/host", "assemble/inspect", "assemble/iso", "assemble/lima", "assemble/lock", "assemble/machine", "assemble/nixdisk", "assemble/nixos", "assemble/project", "assemble/provenance",
	"assemble/qcow2", "assemble/readback", "assemble/remote", "assemble/remote/transfer", "assemble/report", "assemble/rpmdb", "assemble/sbom", "assemble/seed", "assemble/source", "assemble/verify", "assemble/watch", "assemble/xfs", "firmware", "kickstart", "kickstart/lsp", "kickstart/render",
	"nixglue", "nixglue/nar", "nixos",
	"qemu", "qemu/accel", "qemu/console", "qemu/instance", "qemu/monitor",
}

func TestPublicSignatures(t *testing.T) {
	examples := map[string]bool{}
	seen := 0
	eachFile(t, func(file string, f *ast.File) {
		if slices.Contains(usable, filepath.ToSlash(filepath.Dir(file))) {
			seen++
			for _, name := range hiddenNames(f) {
				t.Errorf("%s: %s stands in an exported name: give it one of this package (type X = %s)", file, name, name)
			}
		}
	})
	if seen == 0 {
		t.Error("no file was looked at")
	}
	for _, dir := range usable {
		found, err := filepath.Glob(filepath.Join("../..", dir, "example_test.go"))
		if err != nil || len(found) != 1 {
			t.Errorf("%s has no example_test.go that an outsider can copy: %v", dir, err)
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), found[0], nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		examples[dir] = true
		if !strings.HasSuffix(f.Name.Name, "_test") {
			t.Errorf("%s: package %s: an outsider is another package", found[0], f.Name.Name)
		}
		for _, spec := range f.Imports {
			if strings.Contains(spec.Path.Value, "/internal/") {
				t.Errorf("%s imports %s, which no outsider can", found[0], spec.Path.Value)
			}
		}
	}
}

// hiddenNames lists the types of internal packages that stand in the exported
// declarations of a file.
func hiddenNames(f *ast.File) []string {
	internal := map[string]bool{}
	for _, spec := range f.Imports {
		if p := strings.Trim(spec.Path.Value, `"`); strings.Contains(p, "/internal/") {
			name := path.Base(p)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			internal[name] = true
		}
	}
	var found []string
	look := func(n ast.Node) {
		if n == nil {
			return
		}
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StructType:
				for _, field := range n.Fields.List {
					if len(field.Names) > 0 && !slices.ContainsFunc(field.Names, func(i *ast.Ident) bool { return i.IsExported() }) {
						field.Type = ast.NewIdent("hidden")
					}
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && internal[x.Name] {
					found = append(found, x.Name+"."+n.Sel.Name)
				}
			}
			return true
		})
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) {
				look(d.Type)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Name.IsExported() && !spec.Assign.IsValid() {
						look(spec.Type)
					}
				case *ast.ValueSpec:
					if spec.Names[0].IsExported() && spec.Type != nil {
						look(spec.Type)
					}
				}
			}
		}
	}
	return found
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	name, ok := t.(*ast.Ident)
	return ok && name.IsExported()
}

func TestHiddenNames(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
import ("m/internal/a"; b "m/internal/bee"; "m/c")
type Alias = a.T
type Struct struct { Shown a.One; hidden a.No; Embedded b.Two; Fine c.T }
type inner struct { X a.No }
func Do(f func(*a.Three)) (c.T, b.Four) { return a.No(f) }
func (s *Struct) Method(...a.Five) {}
func (s *inner) Method(a.No) {}
func do(a.No) {}
var Sentinel = a.No()
var Typed a.Six
`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(hiddenNames(f), " "); got != "a.One b.Two a.Three b.Four a.Five a.Six" {
		t.Error(got)
	}
}
