package convert_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// judged runs a program of testdata/judges, a module of its own, on a file.
func judged(t *testing.T, judge, path string) string {
	t.Helper()
	cmd := exec.Command("go", "run", ".", path)
	cmd.Dir = filepath.Join("testdata", "judges", judge)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", judge, err, out)
	}
	return string(out)
}

// Libraries of others read what we describe. They come by the Go module proxy.
func TestJudges(t *testing.T) {
	hosttool.Rest(t)
	b := make([]byte, 3<<20)
	mixed(b, 31)
	raw := rawDisk(t, 10<<20, b)
	for _, c := range []struct{ format, arch, judge, file, want string }{
		{"containerdisk", "aarch64", "oci", "", "linux/arm64 linux/arm64\n"},
		{"containerdisk", "x86_64", "oci", "", "linux/amd64 linux/amd64\n"},
		{"ova", "x86_64", "ovf", "machine.ovf", "file file1 disk.vmdk %d\ndisk disk1 file1 10485760 byte\nmachine <alma> & 10 <alma> & 10 otherLinux64Guest\nhardware vmx-14\n 3 4 6 17 10\n"},
	} {
		t.Run(c.format+" "+c.arch, func(t *testing.T) {
			dir := t.TempDir()
			path, unpacked := filepath.Join(dir, "out"), filepath.Join(dir, "unpacked")
			if err := write(t, path, open(t, raw), convert.Options{Format: c.format, Arch: c.arch, Name: "<alma> & 10"}); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(unpacked, 0o700); err != nil {
				t.Fatal(err)
			}
			run(t, "tar", "tar", "-xf", path, "-C", unpacked)
			want := c.want
			if strings.Contains(want, "%d") {
				want = fmt.Sprintf(want, sizeOf(t, filepath.Join(unpacked, "disk.vmdk")))
			}
			if got := judged(t, c.judge, filepath.Join(unpacked, c.file)); got != want {
				t.Errorf("%s\nwant\n%s", got, want)
			}
		})
	}
}
