// The host that a build runs on, as far as a plan depends on it.

package alma

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/imgasm/imgasm/assemble/media"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/freespace"
)

// Host is what a plan may depend on besides the Spec. ThisHost fills it in.
type Host struct {
	OS       string // as runtime.GOOS
	CPUs     int
	CacheDir string // downloads and everything else that can be made again
	Getenv   func(string) string
	Now      func() time.Time
	// Transport makes the connections for downloads; nil: one with the proxy of the environment.
	Transport http.RoundTripper
	// Free tells what can still be written to the file system of a folder, in bytes.
	Free func(dir string) (int64, error)
	// ProgramDir and WorkDir are where the rehearsal's guest is looked for.
	ProgramDir, WorkDir string
	Version             string // imgasm's own
	// Command is the command that runs, which a failure's summary repeats; nil: not known.
	Command []string
}

// ThisHost describes the host that the program runs on.
func ThisHost(getenv func(string) string, version string) (Host, error) {
	h := Host{OS: runtime.GOOS, CPUs: runtime.NumCPU(), Getenv: getenv, Now: time.Now, Free: freespace.Bytes, Version: version}
	if h.CacheDir = getenv("IMGASM_CACHE"); h.CacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return h, &HostError{Err: err, Do: "name a folder for downloads in the variable IMGASM_CACHE"}
		}
		h.CacheDir = filepath.Join(base, "imgasm")
	}
	if exe, err := os.Executable(); err == nil {
		h.ProgramDir = filepath.Dir(exe)
	}
	h.WorkDir, _ = os.Getwd()
	return h, nil
}

// firmwareTrees are packages that `imgasm firmware extract` has unpacked.
func (h Host) firmwareTrees() []string {
	return firmware.Trees(filepath.Join(h.CacheDir, "firmware"))
}

// sourceDate is SOURCE_DATE_EPOCH (reproducible-builds.org/specs), and whether it is set.
func (h Host) sourceDate() (time.Time, bool, error) {
	text := h.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, false, nil
	}
	t, err := media.Date(text, "")
	if err != nil {
		return time.Time{}, false, &InputError{Err: err, Do: "unset it, or give the seconds since 1970-01-01 UTC"}
	}
	return t, true, nil
}
