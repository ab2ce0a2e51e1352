package nixdisk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/nixdisk"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixglue"
)

const espBytes = 34 << 20

// assembled writes the disk of a system.
func assembled(t testing.TB, c nixdisk.Config) string {
	t.Helper()
	s, err := nixdisk.Check(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "disk.raw"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Write(t.Context(), f), f.Close()); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// run runs a judge, which must be content.
func run(t testing.TB, name, debianPackage string, args ...string) string {
	t.Helper()
	out, err := exec.Command(hosttool.Find(t, name, debianPackage), args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// judged has a disk looked at by the programs of others. It gives the EFI system
// partition as a file of its own, and the root as the programs of e2fsprogs know it.
func judged(t testing.TB, disk string, espBytes int64) (esp, root string) {
	t.Helper()
	if said := run(t, "sgdisk", "gdisk", "-v", disk); !strings.Contains(said, "No problems found") {
		t.Errorf("sgdisk: %s", said)
	}
	esp = filepath.Join(t.TempDir(), "esp")
	run(t, "dd", "coreutils", "if="+disk, "of="+esp, "bs=1M", "skip=1", fmt.Sprint("count=", espBytes>>20), "conv=sparse", "status=none")
	if err := os.Truncate(esp, espBytes); err != nil {
		t.Fatal(err)
	}
	root = fmt.Sprint(disk, "?offset=", rootStart(espBytes))
	run(t, "fsck.vfat", "dosfstools", "-n", esp)
	run(t, "e2fsck", "e2fsprogs", "-fn", root)
	return esp, root
}

// rootStart is where the root begins on a disk.
func rootStart(espBytes int64) int64 { return 1<<20 + espBytes }

// verified has nix compare the contents of a root with its registration.
func verified(t testing.TB, n nixglue.Nix, toplevel, root string) {
	t.Helper()
	dir := t.TempDir()
	// Who owns what is not compared, and only root could copy it.
	run(t, "debugfs", "e2fsprogs", "-R", "rdump / "+dir, root)
	store := "local?root=" + dir + "&real=" + dir + filepath.Dir(toplevel)
	for _, args := range [][]string{{"--verify", "--check-contents"}, {"--query", "--requisites", toplevel}} {
		cmd := exec.Command(hosttool.Find(t, "nix-store", "nix-bin"), append([]string{"--store", store}, args...)...)
		cmd.Env = n.Env
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "error:") || strings.Contains(string(out), "modified") || strings.Contains(string(out), "disappeared") {
			t.Errorf("nix-store %q: %v\n%s", args, err, out)
		}
		infos, err := n.PathInfo(t.Context(), true, toplevel)
		if args[0] == "--query" && (err != nil || len(infos) != strings.Count(string(out), "\n")) {
			t.Errorf("%d paths, %v:\n%s", len(infos), err, out)
		}
	}
	run(t, "chmod", "coreutils", "-R", "u+w", dir)
}

// What is not as the store has registered it makes no disk; and files that an
// optimised store keeps as one are one on the disk.
func TestStore(t *testing.T) {
	n, toplevel := built(t, nil, nil)
	c := nixdisk.Config{Nix: n, Toplevel: toplevel, FreeBytes: 1 << 20, ESPBytes: espBytes}
	plain := assembled(t, c)
	cmd := exec.Command(hosttool.Find(t, "nix-store", "nix-bin"), "--optimise")
	cmd.Env = n.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Dir(toplevel) + "/*-files-0")
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	for disk, links := range map[string]string{plain: "Links: 1 ", assembled(t, c): "Links: 2 "} {
		_, root := judged(t, disk, espBytes)
		if said := run(t, "debugfs", "e2fsprogs", "-R", "stat "+found[0]+"/d0/same", root); !strings.Contains(said, links) {
			t.Errorf("no %q: %s", links, said)
		}
	}
	quick, err := nixdisk.Check(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Verify = true
	assembled(t, c)
	verifying, err := nixdisk.Check(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	file := found[0] + "/d1/105"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[0] ^= 1
	for i, text := range [][]byte{data, data[1:], data[10:], nil} {
		if err := errors.Join(os.Chmod(filepath.Dir(file), 0o700), os.RemoveAll(file)); err != nil {
			t.Fatal(err)
		}
		if text != nil {
			if err := os.WriteFile(file, text, 0o444); err != nil {
				t.Fatal(err)
			}
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "disk.raw"))
		if err != nil {
			t.Fatal(err)
		}
		s := quick
		if i < 2 { // as large as before, or padded to be
			s = verifying
		}
		if err := s.Write(t.Context(), f); !errors.Is(err, nixglue.ErrDamaged) || !strings.Contains(err.Error(), found[0]) || fault.Hint(err, nil) == "" {
			t.Errorf("%d bytes: %v", len(text), err)
		}
		f.Close()
	}
}

// "/tmp/…/store/rbai883gsrhdj7yb050ar0lnpr26a29j-", and the same on a FAT
var hashes = regexp.MustCompile(`(/\S*/store/)?[0-9a-df-np-sv-z]{32}-`)

func TestDisk(t *testing.T) {
	n, toplevel := built(t, nil, nil)
	c := nixdisk.Config{Nix: n, Toplevel: toplevel, FreeBytes: 20 << 20, ESPBytes: espBytes, Seed: "test", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	disk := assembled(t, c)
	esp, root := judged(t, disk, espBytes)
	verified(t, n, toplevel, root)
	said := listing(run(t, "mdir", "mtools", "-i", esp, "-/", "-b"))
	for _, name := range []string{"loader.conf", "entries/nixos-generation-1.conf", "entries/nixos-generation-1-specialisation-rescue.conf"} {
		said += "== " + name + "\n" + hashes.ReplaceAllString(run(t, "mtype", "mtools", "-i", esp, "::loader/"+name), "HASH-")
	}
	for _, dir := range []string{"/", "/etc", "/nix/var/nix", "/nix/var/nix/db", "/nix/var/nix/gcroots", "/nix/var/nix/profiles", filepath.Dir(toplevel), toplevel} {
		said += "== " + strings.Replace(hashes.ReplaceAllString(dir, "HASH-"), filepath.Dir(toplevel), "the store", 1) + "\n" + listing(run(t, "debugfs", "e2fsprogs", "-R", "ls -l "+dir, root))
	}
	said += run(t, "sgdisk", "gdisk", "-i", "1", "-i", "2", disk)
	for _, start := range []int64{1 << 20, rootStart(espBytes)} {
		said += strings.ReplaceAll(run(t, "blkid", "util-linux", "-p", "-O", fmt.Sprint(start), disk), disk, "volume")
	}
	golden.Check(t, "disk.txt", []byte(said))

	run(t, "cmp", "diffutils", disk, assembled(t, c))
	// The same closure by way of a binary cache.
	cache := "file://" + t.TempDir()
	if err := n.Copy(t.Context(), nixglue.CopyOptions{Installables: []string{toplevel}, To: cache, Unsigned: true}); err != nil {
		t.Fatal(err)
	}
	c.Nix.Store = cache
	run(t, "cmp", "diffutils", disk, assembled(t, c))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := nixdisk.Check(cancelled, c); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// listing is what mdir or debugfs list, sorted, without what each run has of its own.
func listing(text string) string {
	var kept []string
	for line := range strings.Lines(hashes.ReplaceAllString(text, "HASH-")) {
		f := strings.Fields(line)
		if len(f) > 7 && strings.HasPrefix(f[2], "(") { // debugfs: inode, mode, type, owner, group, size, date, time, name
			line = strings.Join([]string{f[1], f[3], f[4], f[8]}, " ") + "\n"
			if f[6] == "1-Jan-1970" {
				line = strings.TrimSpace(line) + " mtime 1\n"
			}
		}
		if len(f) > 0 && f[0] != "debugfs" { // its version
			kept = append(kept, line)
		}
	}
	slices.Sort(kept)
	return strings.Join(kept, "")
}

// What a system boots must be files of its closure: a disk is no good else.
func TestNoFile(t *testing.T) {
	for what, set := range map[string]map[string]string{
		"no boot manager":       {"EFI": "none.efi"},
		"no init":               {"EXTENSION": `"org.nixos.systemd-boot": {}, "org.nixos.bootspec.v1": { "init": "${toplevel}/nosuch" }`},
		"a folder, a link away": {"EXTENSION": `"org.nixos.systemd-boot": { "devicetree": "${toplevel}/systemd" }`},
	} {
		n, toplevel := built(t, set, nil)
		s, err := nixdisk.Check(t.Context(), nixdisk.Config{Nix: n, Toplevel: toplevel, FreeBytes: 1 << 20, ESPBytes: espBytes})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "disk.raw"))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(t.Context(), f); !errors.Is(err, nixdisk.ErrSystem) || !strings.Contains(err.Error(), "no file of its closure") {
			t.Errorf("%s: %v", what, err)
		}
		f.Close()
	}
}

// An initrd for which the EFI system partition is too small.
func TestESPTooSmall(t *testing.T) {
	large := filepath.Join(t.TempDir(), "initrd")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, 40<<20)); err != nil {
		t.Fatal(err)
	}
	n, toplevel := built(t, nil, map[string]string{"initrd": large})
	s, err := nixdisk.Check(t.Context(), nixdisk.Config{Nix: n, Toplevel: toplevel, FreeBytes: 1 << 20, ESPBytes: espBytes})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "disk.raw"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var wrong *fault.Error
	if err := s.Write(t.Context(), f); !errors.Is(err, nixdisk.ErrSize) || !errors.As(err, &wrong) || wrong.Field != "ESPBytes" {
		t.Error(err)
	}
}

// A disk that is too small for the bytes of a system, or for how many files it has.
func TestTooSmall(t *testing.T) {
	for _, set := range []map[string]string{{"COUNT": "3000", "SIZE": "100"}, {"COUNT": "200", "SIZE": "100000"}} {
		n, toplevel := built(t, set, nil)
		s, err := nixdisk.Check(t.Context(), nixdisk.Config{Nix: n, Toplevel: toplevel, SizeBytes: espBytes + 16<<20, ESPBytes: espBytes})
		if err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(t.TempDir(), "disk.raw"))
		if err != nil {
			t.Fatal(err)
		}
		var wrong *fault.Error
		if err := s.Write(t.Context(), f); !errors.Is(err, nixdisk.ErrSize) || !errors.As(err, &wrong) || wrong.Field != "SizeBytes" || strings.Contains(err.Error(), "Inodes") {
			t.Error(err)
		}
		f.Close()
	}
}
