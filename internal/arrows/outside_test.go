package arrows

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outside is a program of somebody else's: it imports every public package, has
// a machine described, and tells errors apart.
const outside = `package main

import (
	"errors"
	"fmt"

IMPORTS
)

func main() {
	machine := qemu.Config{
		Arch:   "aarch64",
		Drives: []qemu.Drive{{ID: "disk", Path: "alma.qcow2", Format: "qcow2"}},
		Kernel: &qemu.Kernel{Image: "vmlinuz"},
	}
	fmt.Println(machine.Argv(qemu.Links{})[0])
	machine.CPUs = -1
	_, notFound := qemu.Find("qemu-system-none")
	_, unparsed := kickstart.Parse("x.ks", make([]byte, kickstart.MaxSize+1))
	fmt.Println(errors.Is(machine.Validate(), qemu.ErrConfig), errors.Is(notFound, qemu.ErrMissing), errors.Is(unparsed, kickstart.ErrParse))
	var advice interface{ Hint() string }
	fmt.Println(errors.As(notFound, &advice) && advice.Hint() != "")
}
`

// What is said to be public can be used by a module that is not ours.
func TestOutsideModule(t *testing.T) {
	if testing.Short() {
		t.Skip("links a program")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var imports []string
	for _, p := range usable {
		name := "_ "
		if p == "qemu" || p == "kickstart" {
			name = ""
		}
		imports = append(imports, "\t"+name+`"`+module+"/"+p+`"`)
	}
	// Our requirements are taken over: nothing is looked up.
	_, require, _ := strings.Cut(read("go.mod"), "\n")
	file("go.mod", "module example.org/outside\n"+require+"\nrequire "+module+" v0.0.0\nreplace "+module+" => "+filepath.ToSlash(root)+"\n")
	file("go.sum", read("go.sum"))
	file("main.go", strings.Replace(outside, "IMPORTS", strings.Join(imports, "\n"), 1))
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if want := "qemu-system-aarch64\ntrue true true\ntrue\n"; err != nil || string(out) != want {
		t.Errorf("%v: %s\nwant %s", err, out, want)
	}
}
