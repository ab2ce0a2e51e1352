package remote

// The binary that is copied to a host that has no imgasm of our version.

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// ErrVersion says that a host has no imgasm of our version, and can be given none.
var ErrVersion = fault.Class(fault.Host, "another host without imgasm of the same version")

// platform is what a host says of itself.
type platform struct {
	system, machine string // as uname -s and uname -m
	version         string // of the imgasm in its PATH; "": there is none
}

// systems are what uname -s calls the systems that imgasm runs on, and Go calls them.
var systems = map[string]string{"Linux": "linux", "Darwin": "darwin"}

// binary is the path of an imgasm for a host: the one that Options names, else our
// own where it runs there too, else imgasm-OS-ARCH from beside ours
// or the folder remote of our cache, where make remote-binaries puts it.
func (o Options) binary(p platform) (string, error) {
	if o.Binary != "" {
		return o.Binary, nil
	}
	has := "no imgasm in its PATH"
	if p.version != "" {
		has = "imgasm " + p.version + ", and this is " + o.Version
	}
	goos := systems[p.system]
	a, err := arch.Parse(p.machine)
	if goos == "" || err != nil {
		return "", o.otherVersion("install imgasm "+o.Version+" there", "%s has %s, and imgasm knows no %s on %s", o.Host, has, p.system, p.machine)
	}
	name := "imgasm-" + goos + "-" + a.GOARCH
	candidates := []string{filepath.Join(filepath.Dir(o.Self), name), filepath.Join(o.Cache, "remote", name)}
	if goos == runtime.GOOS && a.GOARCH == runtime.GOARCH {
		candidates = append([]string{o.Self}, candidates...)
	}
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path, nil
		}
	}
	return "", o.otherVersion("make remote-binaries in imgasm's source makes it (else give {RemoteBinary}, or install imgasm "+o.Version+" there)",
		"%s has %s; there is no %s here that could be copied", o.Host, has, name)
}

func (o Options) otherVersion(do, format string, args ...any) error {
	return &fault.Error{Class: ErrVersion, Err: fmt.Errorf(format, args...), Do: do}
}

// copied says what is wrong with a binary that was copied and is of another version.
func (o Options) copied(path, says string) error {
	return o.otherVersion("make remote-binaries in imgasm's source makes those of a version anew (or give {RemoteBinary})",
		"%s was copied to %s; it should say that it is %s, and says: %s", path, o.Host, o.Version, cmp.Or(says, "nothing"))
}
