// Lint: all findings of a file.

package kickstart

// LintOptions say what to hold a file against. The zero value is a complete
// kickstart for RHEL 10 on an unknown machine.
type LintOptions struct {
	Dialect Dialect
	// Fragment says that the file is a piece of a kickstart: nothing is
	// demanded that may stand elsewhere.
	Fragment bool
	// Target is the machine that imgasm is about to install, nil when unknown.
	// With a target, what surely fails there is an error.
	Target *Target
	// Profile is what the image is to be; the zero value demands nothing.
	Profile Profile
	// ReadInclude reads the file or URL of a %include line, as written there.
	// Whoever wrote the kickstart chose that name: os.Root keeps it from
	// naming other people's files. Nil, or an error: the file is not looked at,
	// and nothing is demanded that may stand in it. An error that wraps
	// fs.ErrNotExist says that it surely does not exist; without a %pre script
	// to write it, the installation fails. Of an *IncludeError, lint warns.
	// All files together have at most MaxSize bytes.
	ReadInclude func(path string) ([]byte, error)
}

// IncludeError is a file that ReadInclude will not read, although it may be
// there.
type IncludeError struct {
	Err  error
	Hint string // what to do, or ""
}

func (e *IncludeError) Error() string { return e.Err.Error() }

// Unwrap is Err.
func (e *IncludeError) Unwrap() error { return e.Err }

// Target is what is known of the machine to install. Empty fields are unknown.
type Target struct {
	Arch          string // "x86_64" or "aarch64"
	Boot          string // "uefi" or "bios"
	DiskBus       string // "virtio-blk", "scsi-hd", "nvme", …
	DiskName      string // the disk's name in the guest: "vda", "sda", "nvme0n1"
	DiskSizeBytes int64
	Offline       bool   // the guest has no network
	ISOVariant    string // "boot" (no packages), "minimal" or "dvd"
	// CmdlineMode says that the installer asks no questions: what it would ask
	// ends the installation.
	CmdlineMode bool
}

// Lint gives the findings of f in the order of the file; those of included
// files follow the findings of the line that includes them.
func Lint(f *File, o LintOptions) []Finding {
	l := newLinter(o)
	l.root(f)
	return l.findings
}
