package anaconda

import (
	"testing"
	"time"

	"github.com/imgasm/imgasm/qemu/console"
)

// What the first stage only remarks before it tries the next place ends nothing
// (anaconda rhel-10 dracut/anaconda-lib.sh, anaconda-netroot.sh, fetch-kickstart-net.sh).
func TestStage1TriesFurther(t *testing.T) {
	for said, all := range map[string]string{
		"Warning: can't find installer main image path in .treeinfo":              "",
		"Warning: anaconda: failed to fetch stage2 from http://10.0.2.2/a":        " inst.stage2.all",
		"Warning: anaconda: failed to fetch kickstart from http://10.0.2.2/a.cfg": " inst.ks.all",
	} {
		d := newDrive(t, Config{})
		d.step(Console(console.Record{Source: "kernel", Text: "Command line: console=ttyS0 inst.ks=http://10.0.2.2/a.cfg inst.stage2=http://10.0.2.2/a" + all}))
		d.step(Console(console.Record{Source: "dracut-initqueue", Text: said}))
		d.wait(2 * time.Second)
		d.want(Running, "")
	}
}

// A drive without stage 2 is another failure than one that is not there.
func TestStage1NamesTheDrive(t *testing.T) {
	d := newDrive(t, Config{})
	for _, said := range []string{
		"Warning: no suitable images",
		`Warning: /lib/dracut/hooks/initqueue/finished/devexists-\x2fdev\x2froot.sh: "[ -e "/dev/root" ]"`,
		"Warning: ############# Anaconda installer errors begin #############",
		"Warning: ############# Anaconda installer errors end ###############",
	} {
		d.step(Console(console.Record{Source: "dracut-initqueue", PID: 834, Text: said}))
	}
	d.wait(2 * time.Second)
	d.want(Failed, "stage2-not-there")
}

// A login prompt says that no installer was booted, but of an image that it is up.
func TestLoginPromptInsteadOfAnInstaller(t *testing.T) {
	for installed, rule := range map[bool]string{false: "login-prompt", true: ""} {
		d := newDrive(t, Config{Installed: installed})
		d.console("Welcome to AlmaLinux 10.1 (Heliotrope Lion)!")
		d.step(Console(console.Record{Text: "localhost login: ", Partial: true}))
		d.wait(2 * time.Second)
		want := Failed
		if installed {
			want = Running
		}
		d.want(want, rule)
	}
}

// Files that find no room explain why stage 2 cannot be mounted.
func TestStage1WithoutMemory(t *testing.T) {
	d := newDrive(t, Config{})
	for _, said := range []string{"curl: (23) Failure writing output to destination", "mount: /run/initramfs/squashfs: wrong fs type, bad option, bad superblock on /dev/loop0, missing codepage or helper program, or other error."} {
		d.step(Console(console.Record{Source: "dracut-initqueue", Text: said}))
	}
	d.step(Console(console.Record{Source: "dracut", Text: "FATAL: Failed to find a root filesystem in /tmp/curl_fetch_url1/install.img."}))
	d.wait(2 * time.Second)
	d.want(Failed, "stage1-memory")
}

// A system that cannot be read explains why its first process died.
func TestStage2Damaged(t *testing.T) {
	d := newDrive(t, Config{})
	for _, said := range []string{"SQUASHFS error: Failed to read block 0x1ab: -5", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000007"} {
		d.step(Console(console.Record{Source: "kernel", Text: said}))
	}
	d.wait(2 * time.Second)
	d.want(Failed, "stage2-damaged")
	if p := d.m.Phase(); p >= PhaseInstaller {
		t.Errorf("in phase %v, and no installer has run", p)
	}
}
