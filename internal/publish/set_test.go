package publish

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
)

// scene is a folder with an old set in it, and a new one to be put there.
type scene struct {
	dir, work string
	files     []Output
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{dir: t.TempDir()}
	s.work = filepath.Join(s.dir, "work")
	if err := os.Mkdir(s.work, 0o700); err != nil {
		t.Fatal(err)
	}
	s.put(t, "img", "old image")
	s.put(t, "img.json", "old json")
	s.put(t, "work/img", "new image")
	s.files = []Output{
		{To: filepath.Join(s.dir, "img.json"), Text: []byte("new json")},
		{To: filepath.Join(s.dir, "sums"), Text: []byte("new sums")},
		{To: filepath.Join(s.dir, "img"), From: filepath.Join(s.work, "img")},
	}
	return s
}

func (s *scene) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) places() (all []string) {
	for _, f := range s.files {
		all = append(all, f.To)
	}
	return all
}

// state is every file by name, the working folder's left out.
func (s *scene) state(t *testing.T) string {
	t.Helper()
	var all []string
	for _, name := range names(t, s.dir) {
		if name == "work" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name+"="+string(b))
	}
	return strings.Join(all, " ")
}

const (
	stateOld = "img=old image img.json=old json"
	stateNew = "img=new image img.json=new json sums=new sums"
)

func TestAll(t *testing.T) {
	s := newScene(t)
	if err := All(s.work, s.files); err != nil {
		t.Fatal(err)
	}
	if got := s.state(t); got != stateNew {
		t.Errorf("got %s", got)
	}
	if got := names(t, s.work); len(got) > 0 || Pending(s.work) {
		t.Errorf("the working folder keeps %v", got)
	}
	if info, err := os.Stat(filepath.Join(s.dir, "sums")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("%v, %v; want the mode 0600", info, err)
	}
}

// failAt lets the nth rename fail, or die as after a kill -9.
func failAt(t *testing.T, n int, after bool, err error) {
	t.Helper()
	count := 0
	rename = func(from, to string) error {
		count++
		if count != n {
			return os.Rename(from, to)
		}
		if after {
			_ = os.Rename(from, to)
		}
		if err == nil {
			panic("killed")
		}
		return err
	}
	t.Cleanup(func() { rename = os.Rename })
}

// An error at any rename takes back what was placed, and keeps the new image.
func TestAllTakesBack(t *testing.T) {
	for n := 1; n <= 3; n++ {
		s := newScene(t)
		failAt(t, n, false, syscall.ENOSPC)
		if err := All(s.work, s.files); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("rename %d: %v", n, err)
		}
		if got := s.state(t); got != stateOld {
			t.Errorf("after a failure of rename %d: %s", n, got)
		}
		if b, err := os.ReadFile(s.files[2].From); err != nil || string(b) != "new image" || Pending(s.work) {
			t.Errorf("rename %d: the new image is %q, %v; pending %v", n, b, err, Pending(s.work))
		}
	}
}

// After a kill at any rename the next run takes all back, or finds all done.
func TestRecover(t *testing.T) {
	for n := 1; n <= 3; n++ {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprint(n, after), func(t *testing.T) {
				s := newScene(t)
				failAt(t, n, after, nil)
				func() {
					defer func() { _ = recover() }()
					_ = All(s.work, s.files)
					t.Error("was not killed")
				}()
				if !Pending(s.work) {
					t.Fatal("no journal")
				}
				rename = os.Rename
				if err := Recover(s.work, s.places()); err != nil {
					t.Fatal(err)
				}
				want := stateOld
				if n == 3 && after {
					want = stateNew
				}
				if got := s.state(t); got != want || Pending(s.work) {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
	}
}

// A journal that came with a stranger's folder does nothing to other files.
func TestRecoverForged(t *testing.T) {
	for name, change := range map[string]func(p *placement, victim string){
		"removes a text":      func(p *placement, victim string) { p.From = victim },
		"removes an old file": func(p *placement, victim string) { p.Old = victim },
		"removes a hidden one": func(p *placement, victim string) {
			p.From = filepath.Join(filepath.Dir(victim), "."+filepath.Base(p.To)+".00.new")
		},
		"removes a file": func(p *placement, victim string) {
			p.To, p.From, p.Old = victim, hidden(victim, "new"), hidden(victim, "old")
		},
		"takes a file":       func(p *placement, victim string) { p.To, p.SHA256 = victim, "" },
		"takes a whole file": func(p *placement, victim string) { p.From, p.SHA256 = victim, "" },
	} {
		s := newScene(t)
		s.put(t, "precious", "treasure")
		victim := filepath.Join(t.TempDir(), "victim")
		if err := os.WriteFile(victim, []byte("treasure"), 0o600); err != nil {
			t.Fatal(err)
		}
		sum, _, err := digest.File(t.Context(), victim)
		if err != nil {
			t.Fatal(err)
		}
		to := s.files[0].To
		p := placement{From: hidden(to, "new"), To: to, Old: hidden(to, "old"), SHA256: sum}
		change(&p, victim)
		for _, staged := range []bool{false, true} {
			j := &journal{Staged: staged, Files: []placement{p, {From: filepath.Join(s.work, "img"), To: s.files[2].To, Old: hidden(s.files[2].To, "old")}}}
			if err := j.write(s.work); err != nil {
				t.Fatal(err)
			}
			var forged *ForeignError
			if err := Recover(s.work, s.places()); !errors.As(err, &forged) {
				t.Errorf("%s, staged %v: %v", name, staged, err)
			}
			if b, err := os.ReadFile(victim); err != nil || string(b) != "treasure" {
				t.Errorf("%s, staged %v: the victim has %q, %v", name, staged, b, err)
			}
			if got := s.state(t); got != stateOld+" precious=treasure" {
				t.Errorf("%s, staged %v: %s", name, staged, got)
			}
		}
	}
}

// Killed while the texts are written: they go, whatever was there stays.
func TestRecoverBeforeRenaming(t *testing.T) {
	s := newScene(t)
	s.put(t, "img.json", "new json") // by chance the same
	syncs := 0
	syncFile = func(f *os.File) error {
		if syncs++; syncs == 2 { // of the journal, and of the first text
			panic("killed")
		}
		return f.Sync()
	}
	func() {
		defer func() { _ = recover() }()
		_ = All(s.work, s.files)
	}()
	syncFile = (*os.File).Sync
	if err := Recover(s.work, s.places()); err != nil {
		t.Fatal(err)
	}
	if got := s.state(t); got != "img=old image img.json=new json" {
		t.Errorf("got %s", got)
	}
}

// What somebody has written since the kill is his.
func TestRecoverLeavesChanges(t *testing.T) {
	s := newScene(t)
	failAt(t, 3, false, nil)
	func() {
		defer func() { _ = recover() }()
		_ = All(s.work, s.files)
	}()
	rename = os.Rename
	s.put(t, "sums", "by another build")
	if err := Recover(s.work, s.places()); err != nil {
		t.Fatal(err)
	}
	if got := s.state(t); got != stateOld+" sums=by another build" {
		t.Errorf("got %s", got)
	}
}

func TestAllRefuses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	s := newScene(t)
	for name, plant := range map[string]func(path string) error{
		"folder": func(p string) error { return os.Mkdir(p, 0o700) },
		"link":   func(p string) error { return os.Symlink("img", p) },
	} {
		to := filepath.Join(s.dir, name)
		if err := plant(to); err != nil {
			t.Fatal(err)
		}
		files := append([]Output{s.files[0], {To: to, Text: []byte("x")}}, s.files[2])
		if err := All(s.work, files); !errors.Is(err, ErrNotFile) || !strings.Contains(err.Error(), to) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(to); err != nil {
			t.Fatal(err)
		}
		if got := s.state(t); got != stateOld {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestLockFolders(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	unlock, err := LockFolders(t.Context(), b, a, filepath.Join(a, "..", filepath.Base(a))) // one of them twice
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := LockFolders(ctx, a); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second one: %v", err)
	}
	unlock()
	unlock, err = LockFolders(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if runtime.GOOS == "linux" && len(names(t, a))+len(names(t, b)) > 0 {
		t.Errorf("left behind: %v %v", names(t, a), names(t, b))
	}
	if _, err := LockFolders(t.Context(), filepath.Join(a, "none")); err == nil {
		t.Error("a folder that is not there was locked")
	}
}
