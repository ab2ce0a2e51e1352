//go:build unix

package qemu_test

// QEMU dies with us, whatever happens to us.

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/qemu"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

// parentVar names the QEMU that this test's binary, started once more, starts.
const parentVar = "IMGASM_QEMU_TEST_PARENT"

// playParent starts a machine, says its process number and waits to be killed.
func playParent(binary string) int {
	vm, err := qemu.Start(context.Background(), qemu.Config{Arch: "x86_64", Binary: binary}, qemu.Options{})
	if err == nil {
		err = vm.Cont(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(vm.Pid())
	io.Copy(io.Discard, vm.Serial)
	return 0
}

func TestDiesWithKilledParent(t *testing.T) {
	binaries := map[string]string{"fake": qemutest.Executable(t, qemutest.Script{IgnoreTERM: true, Steps: qemutest.Steps(qemutest.Hang())})}
	if path, err := exec.LookPath("qemu-system-x86_64"); err == nil && os.Getenv("IMGASM_E2E") != "" {
		binaries["QEMU"] = path
	}
	for name, binary := range binaries {
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGABRT} {
			t.Run(name+" "+sig.String(), func(t *testing.T) {
				self, err := os.Executable()
				if err != nil {
					t.Fatal(err)
				}
				parent := exec.Command(self)
				parent.Env = append(os.Environ(), parentVar+"="+binary, "TMPDIR="+t.TempDir())
				out, err := parent.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := parent.Start(); err != nil {
					t.Fatal(err)
				}
				line, _ := bufio.NewReader(out).ReadString('\n')
				pid, err := strconv.Atoi(strings.TrimSpace(line))
				if err != nil {
					t.Fatalf("no process number: %q", line)
				}
				parent.Process.Signal(sig)
				parent.Wait()
				for deadline := time.Now().Add(time.Minute); running(pid); time.Sleep(5 * time.Millisecond) {
					if time.Now().After(deadline) {
						syscall.Kill(pid, syscall.SIGKILL)
						t.Fatal("QEMU lives on")
					}
				}
			})
		}
	}
}

// running tells whether a process exists and is no zombie: in a container
// nobody may collect those.
func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
