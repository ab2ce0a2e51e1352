package xfs_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

// TestFilledByKernel compares what the kernel wrote, and read, with what the
// image has: names, modes, owners, sizes, times, links, SHA-256.
func TestFilledByKernel(t *testing.T) {
	for _, args := range []string{"-i nrext64=1", "-b size=1024", "-s size=4096 -n size=16384 -i size=1024"} {
		t.Run(args, func(t *testing.T) {
			image := mkfs(t, strings.Fields(args)...)
			dir, unmount := nodefstest.Mount(t, "xfs", image)
			nodefstest.Fill(t, dir)
			want := nodefstest.Tree(t, os.DirFS(dir), nodefstest.KernelSays)
			syscall.Sync()
			if !open(t, image).Unclean {
				t.Error("it is mounted, and said to be clean")
			}
			unmount()
			if len(want) < 1100 {
				t.Fatalf("only %d files", len(want))
			}
			fsys := open(t, image)
			if fsys.Unclean {
				t.Error("it was unmounted, and is said not to be clean")
			}
			nodefstest.Compare(t, nodefstest.Tree(t, fsys, describe), want)
			nodefstest.CheckReadAt(t, fsys)
		})
	}
}

// TestHundredThousandFiles: half of them in one directory, the others in 500.
func TestHundredThousandFiles(t *testing.T) {
	hosttool.Rest(t)
	image := mkfsOf(t, 2<<30, "-i", "nrext64=1")
	dir, unmount := nodefstest.Mount(t, "xfs", image)
	nodefstest.FillMany(t, dir)
	want := nodefstest.Tree(t, os.DirFS(dir), nodefstest.KernelSays)
	unmount()
	if len(want) < 100_000 {
		t.Fatalf("only %d files", len(want))
	}
	nodefstest.Compare(t, nodefstest.Tree(t, open(t, image), describe), want)
}
