package main

import (
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble"
)

// The last lines of a build: what was made, who may log in, what one does with it.
func TestPrintNext(t *testing.T) {
	r := &assemble.Result{
		Out: "my image.qcow2", Also: []string{"my image.vhd"},
		Image: &assemble.Image{Product: "AlmaLinux", Version: "10.1", Arch: "x86_64", Format: "qcow2", Output: assemble.File{Size: 800 << 20}, Virtual: 10 << 30},
		Next: assemble.Next{
			Image: "/x/my image.qcow2", Boot: []string{"qemu", "-drive", "/x/my image.qcow2"}, SSH: []string{"ssh", "root@127.0.0.1"},
			Logins: []string{"root (your ssh key)", "admin (your ssh key)"},
		},
	}
	var b strings.Builder
	printNext(&b, r)
	want := `
made        my image.qcow2: AlmaLinux 10.1 for x86_64, qcow2 of 800.0 MiB with a disk of 10.0 GiB
also        my image.vhd
log in as   root (your ssh key) or admin (your ssh key)
run it      imgasm run '/x/my image.qcow2'
            imgasm ssh, in another terminal, when it is up
by hand     qemu -drive '/x/my image.qcow2'
            (the console is on the terminal; Ctrl-A X ends QEMU; the image stays as it is)
            ssh root@127.0.0.1
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", &b, want)
	}
	b.Reset()
	if printNext(&b, &assemble.Result{Out: "my image.qcow2"}); b.String() != "log in as   not known here: imgasm inspect 'my image.qcow2' lists the users that stand in the image\n" {
		t.Error(b.String())
	}
}
