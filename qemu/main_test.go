package qemu

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	goleak.VerifyTestMain(m)
}
