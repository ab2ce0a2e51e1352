package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// fakeTools are the wanted ones, as texts.
func fakeTools(t testing.TB, a arch.Arch) tools {
	t.Helper()
	all := tools{}
	for _, name := range wantedTools {
		if err := all.take(name, "", strings.NewReader("not ELF: "+name)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := all.closure(a)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hostTools are the wanted tools and libraries of the system that runs the test.
func hostTools(t *testing.T) tools {
	t.Helper()
	all := tools{}
	take := func(file string) {
		link, _ := os.Readlink(file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.take(strings.TrimPrefix(file, "/"), link, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range wantedTools {
		if dir, base := filepath.Split(name); dir == "usr/sbin/" {
			name = hosttool.Find(t, base, "xfsprogs, e2fsprogs, dosfstools, fdisk")
			take(name)
			if target, err := filepath.EvalSymlinks(name); err == nil && target != name {
				take(target)
			}
			continue
		}
		take("/" + name)
	}
	for _, pattern := range []string{"/lib/*-linux-gnu/*.so*", "/lib64/*.so*"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
				take(f)
			}
		}
	}
	return all
}

// What the dynamic loader of this system says that a program needs is in the
// closure of the tools, and nothing else but the tools.
func TestToolsClosure(t *testing.T) {
	ldd := hosttool.Find(t, "ldd", "libc-bin")
	have := hostTools(t)
	all, err := have.closure(arch.Host())
	if err != nil {
		t.Skipf("this system is laid out in another way than Debian: %v", err)
	}
	needed := map[string]bool{}
	for name, f := range all {
		if !strings.HasPrefix(name, "usr/sbin/") || f.link != "" {
			continue
		}
		out, err := exec.Command(ldd, "/"+name).Output()
		if err != nil {
			t.Fatalf("ldd %s: %v", name, err)
		}
		for _, word := range strings.Fields(string(out)) {
			if base := filepath.Base(word); strings.HasPrefix(word, "/") {
				needed[base] = true
				if !slices.ContainsFunc(all.sorted(), func(f tool) bool { return filepath.Base(f.name) == base }) {
					t.Errorf("%s needs %s, which was left out", name, word)
				}
			}
		}
	}
	if len(needed) < 5 {
		t.Errorf("ldd names %v only", needed)
	}
	for name, f := range all {
		if isLibrary(name) && f.link == "" && !needed[filepath.Base(name)] && !linkedTo(all, name, needed) {
			t.Errorf("%s is there and nothing needs it", name)
		}
	}
	file := filepath.Join(t.TempDir(), "tools.tar")
	if err := all.store(context.Background(), file); err != nil {
		t.Fatal(err)
	}
	again, err := loadTools(file, arch.Host())
	if err != nil || len(again) != len(all) {
		t.Errorf("%d files of %d come back: %v", len(again), len(all), err)
	}
}

func linkedTo(all tools, name string, needed map[string]bool) bool {
	for _, f := range all {
		if f.link == name && needed[filepath.Base(f.name)] {
			return true
		}
	}
	return false
}

func TestToolsRefuse(t *testing.T) {
	have := fakeTools(t, arch.X86_64)
	delete(have, "usr/sbin/mkfs.xfs")
	if _, err := have.closure(arch.X86_64); err == nil || !strings.Contains(err.Error(), "no usr/sbin/mkfs.xfs for x86_64") {
		t.Errorf("a missing tool: %v", err)
	}
	have.take("sbin/mkfs.xfs", "mkfs.other", nil)
	if _, err := have.closure(arch.X86_64); err == nil || !strings.Contains(err.Error(), "no usr/sbin/mkfs.other for x86_64, needed by usr/sbin/mkfs.xfs") {
		t.Errorf("a link to nowhere: %v", err)
	}
	have.take("usr/sbin/mkfs.xfs", "", bytes.NewReader(fakeModule("x", "")))
	if _, err := have.closure(arch.AArch64); err == nil || !strings.Contains(err.Error(), "EM_X86_64") {
		t.Errorf("a program for another architecture: %v", err)
	}
}

func TestFindTools(t *testing.T) {
	o := cached(t, 0)
	if err := os.Remove(filepath.Join(o.CacheDir, "rehearsal", "tools-amd64.tar")); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(context.Background(), o, nil); !errors.Is(err, ErrNoTools) || !strings.Contains(err.Error(), "--offline") {
		t.Errorf("offline with no tools in the cache: %v", err)
	}
}
