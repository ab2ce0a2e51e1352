package boot_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/tree"
)

var update = flag.Bool("update", false, "rewrite the committed hashes of media")

// hashFile holds a hash for every medium below. Whoever changes a writer so
// that these change must say so in the changelog: users pin media by hash.
const hashFile = "testdata/media.sha256"

// media makes one of each kind from fixed input and returns their hashes.
func mediaHashes(t *testing.T) string {
	when := time.Date(2025, 3, 30, 1, 30, 1, 0, time.UTC) // in many zones, an hour that does not exist
	ks := tree.Bytes("ks.cfg", []byte("text\npoweroff\n"))
	files := []tree.File{
		ks, tree.Bytes("Extra/größe.tar.gz", pattern(5000)), tree.Dir("empty"), tree.Bytes("zero", nil),
		tree.Bytes("large.img", pattern(2<<20)), tree.Bytes(strings.Repeat("long", 60), []byte("x")),
	}
	var lines []string
	add := func(name string, write func(w io.Writer) error) {
		h := sha256.New()
		if err := write(h); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", h.Sum(nil), name))
	}
	file := func(path string) func(io.Writer) error {
		return func(w io.Writer) error {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		}
	}
	add("oemdrv-plain.iso", func(w io.Writer) error { return iso.WriteOEMDRV(w, []tree.File{ks}, when) })
	add("oemdrv-names.iso", func(w io.Writer) error { return iso.WriteOEMDRV(w, files, when) })
	add("installer.iso", func(w io.Writer) error { return iso.WriteInstallerTree(w, "Label-1", files, when) })
	for _, mib := range []int64{33, 261} {
		add(fmt.Sprintf("fat32-%d.img", mib), func(w io.Writer) error {
			path := filepath.Join(t.TempDir(), "fat.img")
			f, err := os.Create(path)
			if err != nil {
				return err
			}
			defer f.Close()
			err = disk.WriteFAT32(f, 0, disk.FAT32{SizeBytes: mib << 20, Label: "L", VolumeID: 1, Time: when, Files: files}, true)
			return errors.Join(err, f.Truncate(mib<<20), file(path)(w))
		})
	}
	add("initrd.img", func(w io.Writer) error {
		f, err := boot.WithFiles(tree.Bytes("initrd.img", []byte("initrd")), files, when)
		if err != nil {
			return err
		}
		return tree.Copy(w, f)
	})
	out := filepath.Join(t.TempDir(), "out.img")
	for _, a := range arch.All() {
		s := boot.Source{ISO: installerISO(t, a), Installer: true, Volume: &boot.Volume{Kickstart: kickstart(t)}, KernelArgs: []string{"console=" + a.Console}}
		if _, err := boot.WriteBoot(t.Context(), out, s, ""); err != nil {
			t.Fatal(err)
		}
		add("stick-"+a.Name+".img", file(out))
		s.Deliver = boot.DeliverBoth
		if _, err := boot.WriteBoot(t.Context(), out, s, ""); err != nil {
			t.Fatal(err)
		}
		add("stick-both-"+a.Name+".img", file(out))
	}
	if err := boot.WriteDisk(out, "64M", "esp:40M,linux:rest:root"); err != nil {
		t.Fatal(err)
	}
	add("disk.raw", file(out))
	return strings.Join(lines, "")
}

// Media are the same on every host and operating system, for ever.
func TestMediaHashes(t *testing.T) {
	got := mediaHashes(t)
	if *update {
		if err := os.WriteFile(hashFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	checkHashes(t, got)
}

// The clock does not show: in a test's bubble it begins in the year 2000.
func TestMediaHashesInAnotherYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(366 * 24 * time.Hour)
		if now := time.Now(); now.Year() > 2001 {
			t.Fatalf("the clock says %s", now)
		}
		checkHashes(t, mediaHashes(t))
	})
}

// checkHashes compares with what is committed.
func checkHashes(t *testing.T, got string) {
	t.Helper()
	want, err := os.ReadFile(hashFile)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if got != string(want) {
		t.Errorf("media are not what they were. If that is meant: go test ./assemble/boot -run Hashes -update\ngot\n%swant\n%s", got, want)
	}
}

// Time zone, locale, umask and SOURCE_DATE_EPOCH, which only the command reads, do not show.
func TestMediaHashesElsewhere(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a shell sets the umask: not on Windows")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range [][]string{
		{"TZ=Pacific/Kiritimati", "LC_ALL=tr_TR.UTF-8", "UMASK=077"},
		{"TZ=America/St_Johns", "LC_ALL=C", "UMASK=000", "SOURCE_DATE_EPOCH=1"},
	} {
		cmd := exec.Command("/bin/sh", "-c", `umask $UMASK; exec "$0" -test.run='^TestMediaHashes$'`, self)
		cmd.Env = append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("with %q: %v\n%s", env, err, out)
		}
	}
}
