// Where the guest's program comes from: inside this program, beside it, or
// built from the source tree that the program is run in.

package rehearsal

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// ErrNoGuest says that the guest's program is nowhere to be found.
var ErrNoGuest = errors.New("the rehearsal's guest program is not part of this imgasm")

// maxGuest bounds the guest's program unpacked.
const maxGuest = 128 << 20

// GuestFile is the name of the packed guest for an architecture: what `make
// build` embeds, and what is looked for beside the executable.
func GuestFile(a arch.Arch) string { return "guest-" + a.GOARCH + ".gz" }

// guestProgram returns the guest's ELF file. dir is a folder that is looked in
// after the embedded files; the executable's own, usually.
func guestProgram(ctx context.Context, a arch.Arch, dir, sourceDir string) ([]byte, error) {
	if f, err := embeddedGuests.Open("guests/" + GuestFile(a)); err == nil {
		defer f.Close()
		return unpackGuest("embedded "+GuestFile(a), f, a)
	}
	if dir != "" {
		f, err := smallfile.Open(filepath.Join(dir, GuestFile(a)))
		if err == nil {
			defer f.Close()
			return unpackGuest(f.Name(), f, a)
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	if root := sourceTree(sourceDir); root != "" {
		return buildGuest(ctx, root, a)
	}
	return nil, fmt.Errorf("%w: build it with `make build`, or put %s beside the program", ErrNoGuest, GuestFile(a))
}

// unpackGuest checks that the packed file is a program for the architecture.
func unpackGuest(name string, r io.Reader, a arch.Arch) ([]byte, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	data, err := io.ReadAll(io.LimitReader(z, maxGuest+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxGuest {
		return nil, fmt.Errorf("%s: unpacks to more than %d MiB", name, maxGuest>>20)
	}
	return data, checkProgram(name, data, a)
}

func checkProgram(name string, data []byte, a arch.Arch) error {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if uint16(f.Machine) != a.Elf {
		return fmt.Errorf("%s: a program for %s, not for %s", name, f.Machine, a.Name)
	}
	return nil
}

// guestPackage is the guest's folder in the source tree.
const guestPackage = "cmd/imgasm-guest"

// sourceTree returns the root of imgasm's source tree if dir is inside it.
func sourceTree(dir string) string {
	for dir != "" {
		if _, err := os.Stat(filepath.Join(dir, guestPackage, "main.go")); err == nil {
			if mod, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && bytes.HasPrefix(mod, []byte("module github.com/imgasm/imgasm\n")) {
				return dir
			}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
	return ""
}

// buildGuest compiles the guest with the Go toolchain. What `make build` does
// is the same command.
func buildGuest(ctx context.Context, root string, a arch.Arch) ([]byte, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return nil, fmt.Errorf("%w, and there is no Go toolchain to build it: install Go, or run `make build`", ErrNoGuest)
	}
	dir, remove, err := tmpdir.New("")
	if err != nil {
		return nil, err
	}
	defer remove()
	out := filepath.Join(dir, "init")
	build := proc.Cmd{
		Path: "go", Args: []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", out, "./" + guestPackage},
		Dir: root, Env: append(os.Environ(), "GOOS=linux", "GOARCH="+a.GOARCH, "CGO_ENABLED=0"),
	}
	if err := build.Run(ctx); err != nil {
		return nil, fmt.Errorf("building the rehearsal's guest for %s: %w", a.Name, err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	return data, checkProgram(out, data, a)
}
