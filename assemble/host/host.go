// Package host describes the host that a build runs on, as far as a plan depends
// on it, and looks at what it can do.
package host

import (
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/freespace"
)

// Classes of errors.
var (
	ErrCache = fault.Class(fault.Host, "no place for downloads")
	ErrDate  = fault.Class(fault.Input, "SOURCE_DATE_EPOCH is no date")
)

// Host is what a plan may depend on besides the Spec. This fills it in.
type Host struct {
	OS       string // as runtime.GOOS
	CPUs     int
	CacheDir string // downloads and everything else that can be made again
	Getenv   func(string) string
	Now      func() time.Time
	// Transport makes the connections for downloads; nil: one with the proxy of the environment.
	Transport http.RoundTripper
	// Free tells what can still be written to the file system of a folder, in bytes.
	Free    func(dir string) (int64, error)
	Version string // imgasm's own
	// Field is how advice calls the field of a Spec that is to be changed, such as
	// "DiskSize": a program's flag; nil: as it is.
	Field func(field string) string
	// Defaults are flags that were not given, but set elsewhere.
	Defaults []Default
	// Command is the command that runs, which a failure's summary repeats; nil: not known.
	Command []string
}

// Default is a flag that was set elsewhere than on the command line.
type Default struct {
	Flag   string   `json:"flag"`
	Values []string `json:"values"`
	From   string   `json:"from"` // a file with its line, or a variable of the environment
}

// Shown is defaults whose values went through hide.
func Shown(defaults []Default, hide func([]string) []string) (all []Default) {
	for _, d := range defaults {
		d.Values = hide(d.Values)
		all = append(all, d)
	}
	return all
}

// This describes the host that the program runs on.
func This(getenv func(string) string, version string) (Host, error) {
	h := Host{OS: runtime.GOOS, CPUs: runtime.NumCPU(), Getenv: getenv, Now: time.Now, Free: freespace.Bytes, Version: version}
	if h.CacheDir = getenv("IMGASM_CACHE"); h.CacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return h, &fault.Error{Class: ErrCache, Err: err, Do: "name a folder for downloads in the variable IMGASM_CACHE"}
		}
		h.CacheDir = filepath.Join(base, "imgasm")
	}
	return h, nil
}

// FirmwareTrees are packages that `imgasm firmware extract` has unpacked.
func (h Host) FirmwareTrees() []string {
	return firmware.Trees(filepath.Join(h.CacheDir, "firmware"))
}

// Memory is the folder in which it is remembered what QEMU's builds and the
// host's accelerators can do: see qemu.Recall and accel.Want.
func (h Host) Memory() string { return filepath.Join(h.CacheDir, "qemu") }

// SourceDate is SOURCE_DATE_EPOCH (reproducible-builds.org/specs), and whether it is set.
func (h Host) SourceDate() (time.Time, bool, error) {
	text := h.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, false, nil
	}
	t, err := boot.Date(text, "")
	if err != nil {
		return time.Time{}, false, &fault.Error{Class: ErrDate, Err: err, Do: "unset it, or give the seconds since 1970-01-01 UTC"}
	}
	return t, true, nil
}
