//go:build unix

package nixdisk_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/nixdisk"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/hosttool/contest"
)

func TestMain(m *testing.M) {
	contest.Main(m, map[string]func([]string) error{"assemble": func(args []string) error { return assemble(args[0], args[1]) }})
}

func assemble(toplevel, disk string) error {
	ctx := context.Background()
	s, err := nixdisk.Check(ctx, nixdisk.Config{Toplevel: toplevel})
	if err != nil {
		return err
	}
	f, err := os.Create(disk)
	if err != nil {
		return err
	}
	return errors.Join(s.Write(ctx, f), f.Close())
}

// BenchmarkWrite is a system of 2 GB in 50,000 files, from its closure to a disk,
// beside mke2fs -d, mtools and sgdisk on the store's folder. The other side
// neither asks Nix, nor compares a size, nor registers anything.
func BenchmarkWrite(b *testing.B) {
	mke2fs, mformat := hosttool.Find(b, "mke2fs", "e2fsprogs"), hosttool.Find(b, "mformat", "mtools")
	mcopy, sgdisk := hosttool.Find(b, "mcopy", "mtools"), hosttool.Find(b, "sgdisk", "gdisk")
	n, toplevel := built(b, map[string]string{"PACKAGES": "200", "COUNT": "245", "SIZE": "41000"}, nil)
	for _, v := range n.Env {
		name, value, _ := strings.Cut(v, "=")
		b.Setenv(name, value)
	}
	store := filepath.Dir(toplevel)
	files, bytes := int64(0), int64(0)
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
	contest.Run(b, func(s *contest.Side) {
		s.Self("assemble", toplevel, s.Dir+"/disk")
	}, func(s *contest.Side) {
		disk, esp := s.Dir+"/disk", s.Dir+"/esp"
		size := bytes + files*8192 + 1<<30
		s.Command("truncate", "-s", fmt.Sprint(size), disk)
		s.Command(mke2fs, "-q", "-t", "ext4", "-d", store, "-E", fmt.Sprintf("root_owner=0:0,offset=%d", 513<<20), disk, fmt.Sprint((size-514<<20)>>10)+"K")
		s.Command("truncate", "-s", "512M", esp)
		s.Command(mformat, "-i", esp, "-F", "::")
		s.Command(mcopy, "-i", esp, toplevel+"/kernel", toplevel+"/init", "::")
		s.Command("dd", "if="+esp, "of="+disk, "bs=1M", "seek=1", "conv=notrunc,sparse", "status=none")
		s.Command(sgdisk, "-n", "1:2048:+512M", "-n", "2:0:0", disk)
	})
}
