//go:build unix

package nixdisk_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/nixdisk"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixglue"
)

// benchSelf in the environment makes the test's own binary write a disk and end,
// so that it is measured as others' programs are: as a process. It has the
// system and the disk, a line each; nix is the host's, of the same environment.
const benchSelf = "IMGASM_NIXDISK_BENCH"

func TestMain(m *testing.M) {
	toplevel, disk, ours := strings.Cut(os.Getenv(benchSelf), "\n")
	if !ours {
		os.Exit(m.Run())
	}
	if err := assemble(toplevel, disk); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.TrimSpace(after[:strings.Index(after+"\n", "\n")]))
	os.Exit(0)
}

func assemble(toplevel, disk string) error {
	ctx := context.Background()
	s, err := nixdisk.Check(ctx, nixdisk.Config{Nix: nixglue.Nix{}, Toplevel: toplevel})
	if err != nil {
		return err
	}
	f, err := os.Create(disk)
	if err != nil {
		return err
	}
	return errors.Join(s.Write(ctx, f), f.Close())
}

// cost is what a side of the contest takes, with its children.
type cost struct{ cpu, wall, peak float64 }

func measured(b *testing.B, cmds ...*exec.Cmd) (c cost) {
	b.Helper()
	began := time.Now()
	for _, cmd := range cmds {
		out, err := cmd.CombinedOutput()
		if err != nil {
			b.Fatalf("%s: %v\n%s", cmd.Path, err, out)
		}
		c.cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
		if n, _ := fmt.Sscanf(string(out), "%g kB", &c.peak); n == 1 {
			c.peak /= 1024
		}
	}
	c.wall = time.Since(began).Seconds()
	return c
}

// BenchmarkWrite is a system of 2 GB in 50,000 files, from its closure to a disk,
// beside mke2fs -d, mtools and sgdisk on the store's folder. The other side
// neither asks Nix, nor compares a hash, nor registers anything.
func BenchmarkWrite(b *testing.B) {
	mke2fs, mformat := hosttool.Find(b, "mke2fs", "e2fsprogs"), hosttool.Find(b, "mformat", "mtools")
	mcopy, sgdisk := hosttool.Find(b, "mcopy", "mtools"), hosttool.Find(b, "sgdisk", "gdisk")
	n, toplevel := built(b, map[string]string{"PACKAGES": "200", "COUNT": "245", "SIZE": "41000"}, nil)
	dir := b.TempDir()
	disk, esp := filepath.Join(dir, "disk"), filepath.Join(dir, "esp")
	store := filepath.Dir(toplevel)
	files, bytes := 0, int64(0)
	err := filepath.WalkDir(store, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			info, ierr := d.Info()
			files, bytes, err = files+1, bytes+info.Size(), ierr
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d files, %d MB", files, bytes/1e6)
	ours := func() cost {
		os.Remove(disk)
		self, err := os.Executable()
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(self)
		cmd.Env = append(slices.Clone(n.Env), benchSelf+"="+toplevel+"\n"+disk)
		return measured(b, cmd)
	}
	others := func() cost {
		os.Remove(disk)
		os.Remove(esp)
		size := bytes + int64(files)*8192 + 1<<30
		commands := [][]string{
			{"truncate", "-s", fmt.Sprint(size), disk}, {"truncate", "-s", "512M", esp},
			{mke2fs, "-q", "-t", "ext4", "-d", store, "-E", fmt.Sprintf("root_owner=0:0,offset=%d", 513<<20), disk, fmt.Sprint((size-514<<20)>>10) + "K"},
			{mformat, "-i", esp, "-F", "::"}, {mcopy, "-i", esp, toplevel + "/kernel", toplevel + "/init", "::"},
			{"dd", "if=" + esp, "of=" + disk, "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none"},
			{sgdisk, "-n", "1:2048:+512M", "-n", "2:0:0", disk},
		}
		var cmds []*exec.Cmd
		for _, c := range commands {
			cmds = append(cmds, exec.Command(c[0], c[1:]...))
		}
		return measured(b, cmds...)
	}
	const pairs = 7
	var cpu, wall, peak []float64
	for b.Loop() {
		for range pairs {
			var x, y cost
			if rand.IntN(2) == 0 {
				x, y = ours(), others()
			} else {
				y, x = others(), ours()
			}
			cpu, wall, peak = append(cpu, x.cpu/y.cpu), append(wall, x.wall/y.wall), append(peak, x.peak)
			b.Logf("CPU %5.1f s against %5.1f s, wall %5.1f s against %5.1f s, peak %.0f MiB", x.cpu, y.cpu, x.wall, y.wall, x.peak)
		}
	}
	for unit, all := range map[string][]float64{"cpu-ratio": cpu, "wall-ratio": wall, "peak-MiB": peak} {
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2], unit)
	}
}
