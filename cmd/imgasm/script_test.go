// The command line as a user sees it: each testdata/script/*.txtar is a session.
// Update expected outputs with: go test ./cmd/imgasm -run Script -update

package main

import (
	"context"
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

var update = flag.Bool("update", false, "rewrite the expected outputs of the scripts")

func TestMain(m *testing.M) {
	qemutest.Main()
	testscript.Main(m, map[string]func(){
		"imgasm": func() {
			ctx, stop := interruptible(context.Background())
			code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, os.Getenv)
			stop()
			os.Exit(code)
		},
	})
}

func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true})
}
