// Both stages of the test's system. In the initrd: loads the modules, mounts the
// root as the system's fstab calls it and goes there, to what init= names. In
// the root: shows what is there, writes, and powers off.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	defer time.Sleep(time.Hour) // the end of init is a panic
	if len(os.Args) > 1 && os.Args[1] == "stage-2" {
		stage2()
		return
	}
	for _, m := range []struct{ name, kind string }{{"/dev", "devtmpfs"}, {"/proc", "proc"}} {
		os.Mkdir(m.name, 0o755)
		must(syscall.Mount(m.kind, m.name, m.kind, 0, ""))
	}
	console, err := os.OpenFile("/dev/console", os.O_RDWR, 0)
	must(err)
	os.Stdout, os.Stderr = console, console
	modules, err := filepath.Glob("/modules/*.ko")
	must(err)
	for range modules { // one may need any of the others
		for _, m := range modules {
			data, err := os.ReadFile(m)
			must(err)
			none := []byte{0}
			syscall.Syscall(syscall.SYS_INIT_MODULE, uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)), uintptr(unsafe.Pointer(&none[0])))
		}
	}
	line, err := os.ReadFile("/proc/cmdline")
	must(err)
	_, init, _ := strings.Cut(string(line), "init=")
	init, _, _ = strings.Cut(init, " ")
	must(os.Mkdir("/new", 0o755))
	for range 600 {
		if err = syscall.Mount("/dev/vda2", "/new", "ext4", 0, ""); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	must(err)
	must(syscall.Mount("/dev", "/new/dev", "", syscall.MS_MOVE, ""))
	must(syscall.Chroot("/new"))
	must(os.Chdir("/"))
	fmt.Println("STAGE-1 goes to", init)
	must(syscall.Exec(init, []string{init, "stage-2"}, nil))
}

func stage2() {
	console, err := os.OpenFile("/dev/console", os.O_RDWR, 0)
	must(err)
	os.Stdout, os.Stderr = console, console
	system, err := filepath.EvalSymlinks("/nix/var/nix/profiles/system")
	must(err)
	files, bytes := 0, int64(0)
	must(filepath.WalkDir(filepath.Dir(system), func(path string, d fs.DirEntry, err error) error {
		files++
		if err == nil && d.Type().IsRegular() {
			var data []byte
			data, err = os.ReadFile(path)
			bytes += int64(len(data))
		}
		return err
	}))
	must(os.WriteFile("/etc/written", []byte("by the system\n"), 0o644))
	syscall.Sync()
	must(syscall.Mount("", "/", "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	fmt.Printf("STAGE-2 of %s: %d files, %d bytes\n", system, files, bytes)
	must(syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF))
}

func must(err error) {
	if err != nil {
		fmt.Println("INIT FAILED:", err)
		time.Sleep(time.Second)
		_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
	}
}
