package publish

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/fault"
)

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "out.img")
	for _, text := range []string{"first", "second"} {
		err := File(p, func(f *os.File) error {
			if _, err := os.Stat(p); text == "first" && err == nil {
				t.Error("the name exists before the contents do")
			}
			_, err := f.WriteString(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(p); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	broken := errors.New("broken")
	if err := File(p, func(f *os.File) error { f.WriteString("third"); return broken }); err != broken {
		t.Errorf("got %v", err)
	}
	if b, _ := os.ReadFile(p); string(b) != "second" {
		t.Errorf("a failed write replaced the file: %q", b)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %q", got)
	}
}

// What a killed program has left goes, what a living one writes stays.
func TestFileAfterAKill(t *testing.T) {
	dir := t.TempDir()
	var living, killed string
	err := File(filepath.Join(dir, "slow"), func(f *os.File) error {
		living = f.Name()
		killed = filepath.Join(dir, ".imgasm-1")
		if err := os.Mkdir(killed, 0o700); err != nil {
			return err
		}
		for _, e := range []string{"out", ".imgasm.lock"} {
			if err := os.WriteFile(filepath.Join(killed, e), nil, 0o600); err != nil {
				return err
			}
		}
		return File(filepath.Join(dir, "other"), func(*os.File) error { return nil })
	})
	if err != nil {
		t.Errorf("%s was not left alone: %v", living, err)
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("left behind: %q", got)
	}
}

// Who waits for a slow disk can be stopped, and nothing appears.
func TestSyncIsInterrupted(t *testing.T) {
	begun, slow := make(chan struct{}), make(chan struct{})
	syncFile = func(*os.File) error { close(begun); <-slow; return nil }
	t.Cleanup(func() { close(slow); syncFile = (*os.File).Sync })
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("asked to stop")
	go func() { <-begun; cancel(asked) }()
	dir := t.TempDir()
	err := FileContext(ctx, filepath.Join(dir, "out.img"), func(f *os.File) error { _, err := f.WriteString("text"); return err })
	if err != asked {
		t.Errorf("got %v, want %v", err, asked)
	}
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestFileInAClosedFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(dir, "x")); err == nil {
		f.Close()
		t.Skip("this user, or this system, writes into any folder")
	}
	err := File(filepath.Join(dir, "out"), func(*os.File) error { t.Error("called"); return nil })
	if !errors.Is(err, ErrPlace) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(fault.Hint(err, nil), "ls -ld "+dir) || strings.Contains(err.Error(), "partial") {
		t.Errorf("%v", err)
	}
}

func TestFileRefuses(t *testing.T) {
	dir := t.TempDir()
	never := func(*os.File) error { t.Error("called"); return nil }
	if err := File(dir, never); !errors.Is(err, ErrNotFile) {
		t.Errorf("a folder: %v", err)
	}
	if err := File(filepath.Join(dir, "no", "out"), never); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	link := filepath.Join(dir, "link")
	if os.Symlink("elsewhere", link) == nil {
		if err := File(link, never); !errors.Is(err, ErrPlace) || !errors.Is(err, ErrNotFile) || !strings.Contains(fault.Hint(err, nil), "ls -l "+link) {
			t.Errorf("a link: %v", err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := File(filepath.Join(file, "out"), never); err == nil {
		t.Error("a file for a folder was accepted")
	}
}
