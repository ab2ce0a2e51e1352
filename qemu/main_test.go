package qemu_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	if binary := os.Getenv(parentVar); binary != "" {
		os.Exit(playParent(binary))
	}
	goleak.VerifyTestMain(m)
}
