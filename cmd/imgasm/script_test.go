// The command line as a user sees it: each testdata/script/*.txtar is a session.
// Update expected outputs with: go test ./cmd/imgasm -run Script -update

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	if len(os.Args) == 3 && os.Args[1] == superviseVerb { // of a machine that a test has left running
		main()
	}
	if len(os.Args) == 3 && os.Args[1] == targetVerb { // of imgasm build
		main()
	}
	if len(os.Args) > 1 && (os.Args[1] == remoteServeVerb || os.Args[1] == remoteJobVerb) { // as another host
		main()
	}
	testscript.Main(m, map[string]func(){"imgasm": main})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *golden.Update, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"smalldisk": smallDisk},
	})
}

// smallDiskPath is absolute: scripts run in folders of their own.
var smallDiskPath, _ = filepath.Abs("../../assemble/inspect/testdata/small.img.zst")

// smallDiskImage is the disk that assemble/inspect is tested with.
func smallDiskImage() ([]byte, error) {
	return golden.Unzstd(smallDiskPath)
}

// smallDisk writes it: smalldisk FILE [OLD NEW]... replaces texts in it.
func smallDisk(ts *testscript.TestScript, _ bool, args []string) {
	disk, err := smallDiskImage()
	ts.Check(err)
	for i := 1; i+1 < len(args); i += 2 {
		disk = bytes.ReplaceAll(disk, []byte(args[i]), []byte(args[i+1]))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), disk, 0o600))
}
