package firmware

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// Every pair that this machine has is started in QEMU without any disk, until
// the firmware looks for something to boot: proof that code and variables fit
// together, and that padding and blank variables are what virt wants.
func TestE2EFirmwareStarts(t *testing.T) {
	hosttool.Machines(t)
	for _, a := range arch.All() {
		binary, err := exec.LookPath(a.QEMU)
		if err != nil {
			t.Logf("%s is missing (apt-get install qemu-system): its firmware was not started", a.QEMU)
			continue
		}
		pairs, _ := List(context.Background(), Query{Arch: a.Name, Getenv: os.Getenv, Binary: binary})
		for i, p := range pairs {
			t.Run(fmt.Sprintf("%s %d", a.Name, i), func(t *testing.T) {
				t.Parallel()
				t.Log(p)
				startFirmware(t, a, binary, &p)
			})
		}
		if len(pairs) == 0 {
			t.Logf("no firmware for %s: nothing was started", a.Name)
			continue
		}
		// The same as qcow2, as Fedora ships it.
		t.Run(a.Name+" qcow2", func(t *testing.T) {
			t.Parallel()
			p := pairs[len(pairs)-1]
			p.Code.Path, p.Code.Format = qemuImg(t, copyOf(t, p.Code.Path)), Qcow2
			if p.Vars.Path != "" {
				p.Vars.Path, p.Vars.Format = qemuImg(t, copyOf(t, p.Vars.Path)), Qcow2
			}
			startFirmware(t, a, binary, &p)
		})
	}
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	f, err := CopyRaw(File{Path: path}, filepath.Join(t.TempDir(), "x"), 0)
	if err != nil {
		t.Fatal(err)
	}
	return f.Path
}

func startFirmware(t *testing.T, a arch.Arch, binary string, p *Pair) {
	t.Helper()
	code, vars, err := Prepare(p, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	serial := filepath.Join(t.TempDir(), "serial")
	machine, cpu := a.Machine+",accel=tcg", "max"
	if a.PflashSize != 0 {
		cpu = "cortex-a72" // max is slow under TCG: pointer authentication
	}
	args := []string{"-nodefaults", "-no-user-config", "-display", "none", "-m", "512", "-cpu", cpu, "-serial", "file:" + serial,
		"-drive", fmt.Sprintf("if=pflash,unit=0,format=%s,readonly=on,file=%s", code.Format, code.Path),
		"-drive", fmt.Sprintf("if=pflash,unit=1,format=%s,file=%s", vars.Format, vars.Path)}
	if p.SMM {
		machine += ",smm=on"
		args = append(args, "-global", "driver=cfi.pflash01,property=secure,value=on")
	}
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, binary, append([]string{"-machine", machine}, args...)...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { cmd.Process.Kill(); <-ended }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("QEMU ended: %v: %s", err, talk.Bytes())
		case <-tick.C:
			// BdsDxe is the part that looks for something to boot.
			if b, _ := os.ReadFile(serial); bytes.Contains(b, []byte("BdsDxe")) {
				return
			}
		}
	}
}
