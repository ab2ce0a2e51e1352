package rehearsal

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

func readDeb(data []byte) (map[string]string, error) {
	got := map[string]string{}
	err := walkDeb(bytes.NewReader(data), func(name, link string, content io.Reader) error {
		b, err := io.ReadAll(content)
		if link != "" {
			b = []byte("->" + link)
		}
		got[name] = string(b)
		return err
	})
	return got, err
}

func TestWalkDeb(t *testing.T) {
	files := []file{{"boot/vmlinuz-1", strings.Repeat("kernel", 1000)}, {"usr/link", "->target"}, {"empty", ""}}
	for _, member := range []string{"data.tar", "data.tar.gz", "data.tar.xz", "data.tar.zst"} {
		got, err := readDeb(fakeDeb(t, member, files...))
		if err != nil {
			t.Errorf("%s: %v", member, err)
		}
		for _, f := range files {
			if got[f.name] != f.data {
				t.Errorf("%s: %s has %d bytes, want %d", member, f.name, len(got[f.name]), len(f.data))
			}
		}
	}
}

func TestWalkDebRefuses(t *testing.T) {
	good := fakeDeb(t, "data.tar.gz", file{"a", strings.Repeat("x", 5000)})
	for name, data := range map[string][]byte{
		"nothing": nil, "no archive": []byte("PK\x03\x04 a zip"), "only the magic": good[:8], "in a header": good[:30],
		"in a member": good[:140], "in data.tar": good[:len(good)-40], "no data.tar": good[:8+60+4],
		"broken header": append([]byte("!<arch>\n"), bytes.Repeat([]byte("x"), 80)...),
	} {
		if _, err := readDeb(data); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// dpkg-deb makes the package, walkDeb reads it.
func TestWalkDebReadsDpkgs(t *testing.T) {
	dpkg := hosttool.Find(t, "dpkg-deb", "dpkg")
	dir := t.TempDir()
	for name, text := range map[string]string{"DEBIAN/control": "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n", "boot/vmlinuz-9": "kernel"} {
		os.MkdirAll(filepath.Join(dir, "p", filepath.Dir(name)), 0o755)
		os.WriteFile(filepath.Join(dir, "p", name), []byte(text), 0o644)
	}
	for _, z := range []string{"xz", "gzip", "none", "zstd"} {
		out := filepath.Join(dir, z+".deb")
		if text, err := exec.Command(dpkg, "-Z"+z, "--root-owner-group", "-b", filepath.Join(dir, "p"), out).CombinedOutput(); err != nil {
			t.Logf("dpkg-deb -Z%s: %s", z, text) // old ones know no zstd
			continue
		}
		s := newSupply(arch.X86_64)
		if err := takeDeb(context.Background(), out, s.take); err != nil || s.Release != "9" || string(s.Kernel) != "kernel" {
			t.Errorf("%s: release %q, %v", z, s.Release, err)
		}
	}
}

func FuzzWalkDeb(f *testing.F) {
	f.Add(fakeDeb(f, "data.tar", file{"boot/vmlinuz-1", "k"}))
	f.Add(fakeDeb(f, "data.tar.xz", file{"a", "->b"}))
	f.Add([]byte("!<arch>\ndata.tar/       0           0     0     100644  99999999999`\n"))
	f.Add([]byte("!<arch>\ndata.tar.gz     0           0     0     100644  -1        `\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		total := int64(0)
		walkDeb(bytes.NewReader(data), func(name, _ string, content io.Reader) error {
			if strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
				t.Errorf("name %q leads out of the package", name)
			}
			n, err := io.Copy(io.Discard, io.LimitReader(content, 1<<20))
			if total += n; total > 1<<24 {
				return io.ErrShortBuffer
			}
			return err
		})
	})
}
