package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// fakeTools are the wanted ones, as texts.
func fakeTools(t testing.TB, a arch.Arch) tools {
	t.Helper()
	all := tools{}
	for _, s := range toolSources {
		for _, pattern := range strings.Fields(s.files) {
			name := strings.ReplaceAll(pattern, "*", s.pkg)
			if err := all.take(s.pkg, name, "", strings.NewReader("not ELF: "+name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := all.wanted(a)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hostTools are the files of the packages that this system has, and makes them
// the only ones that are wanted.
func hostTools(t *testing.T) tools {
	t.Helper()
	dpkg := hosttool.Find(t, "dpkg-query", "dpkg")
	all := tools{}
	var there []toolSource
	for _, s := range toolSources {
		out, err := exec.Command(dpkg, "-L", s.pkg).Output()
		if err != nil {
			t.Logf("NOT CHECKED with the package %s: it is not installed", s.pkg)
			continue
		}
		there = append(there, s)
		for _, file := range strings.Fields(string(out)) {
			info, err := os.Stat(file)
			if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(file, "/usr/share/") {
				continue
			}
			link, _ := os.Readlink(file)
			data, err := os.ReadFile(file)
			if errors.Is(err, os.ErrPermission) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := all.take(s.pkg, strings.TrimPrefix(file, "/"), link, bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, ok := all["usr/sbin/mkfs.xfs"]; !ok {
		t.Skip("mkfs.xfs is not installed as Debian's package xfsprogs has it")
	}
	before := toolSources
	t.Cleanup(func() { toolSources = before })
	toolSources = there
	return all
}

// What the dynamic loader of this system says that a program needs is in the
// closure of the tools, and nothing else but the tools.
func TestToolsClosure(t *testing.T) {
	ldd := hosttool.Find(t, "ldd", "libc-bin")
	have := hostTools(t)
	all, err := have.wanted(arch.Host())
	if err != nil {
		t.Fatal(err)
	}
	var programs []string
	there := map[string]bool{}
	for name, f := range all {
		there[filepath.Base(name)] = true
		if f.link == "" && bytes.HasPrefix(f.data, []byte("\x7fELF")) && !isLibrary(name) {
			programs = append(programs, "/"+name)
		}
	}
	out, err := exec.Command(ldd, programs...).Output()
	if err != nil {
		t.Fatalf("ldd: %v", err)
	}
	needed := map[string]bool{}
	for _, word := range strings.Fields(string(out)) {
		if base := filepath.Base(word); strings.HasPrefix(word, "/") && !strings.HasSuffix(word, ":") {
			if needed[base] = true; !there[base] {
				t.Errorf("a program needs %s, which was left out", word)
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
	defer func(s []toolSource) { toolSources = s }(toolSources)
	if err := all.store(context.Background(), file); err != nil {
		t.Fatal(err)
	}
	again, err := loadTools(file, arch.Host())
	if err != nil || len(again) != len(all) {
		t.Errorf("%d files of %d come back: %v", len(again), len(all), err)
	}
	toolSources = toolSources[1:]
	if _, err := loadTools(file, arch.Host()); err == nil || !strings.Contains(err.Error(), "wanted then") {
		t.Errorf("tools of another imgasm: %v", err)
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
	if _, err := have.wanted(arch.X86_64); err == nil || !strings.Contains(err.Error(), "tools for x86_64: no usr/sbin/mkfs.xfs in the package xfsprogs") {
		t.Errorf("a missing tool: %v", err)
	}
	have.take("xfsprogs", "sbin/mkfs.xfs", "mkfs.other", nil)
	if _, err := have.wanted(arch.X86_64); err == nil || !strings.Contains(err.Error(), "no usr/sbin/mkfs.other for x86_64, needed by usr/sbin/mkfs.xfs") {
		t.Errorf("a link to nowhere: %v", err)
	}
	have.take("xfsprogs", "usr/sbin/mkfs.xfs", "", bytes.NewReader(fakeModule("x", "")))
	if _, err := have.wanted(arch.AArch64); err == nil || !strings.Contains(err.Error(), "EM_X86_64") {
		t.Errorf("a program for another architecture: %v", err)
	}
}

func TestFindTools(t *testing.T) {
	o := cached(t, 0)
	if err := os.Remove(filepath.Join(o.CacheDir, "rehearsal", "tools-amd64.tar")); err != nil {
		t.Fatal(err)
	}
	if _, err := Build(context.Background(), o, nil); !errors.Is(err, ErrNoTools) || !strings.Contains(err.Error(), "Offline: ") {
		t.Errorf("offline with no tools in the cache: %v", err)
	}
}
