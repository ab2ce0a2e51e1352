// Package alma builds AlmaLinux images by an installation that Anaconda does by
// itself. What is asked for goes one way: a Spec; the installer's ISO, which
// Locate finds; the Plan, which Resolve makes of both, everything decided and
// nothing done; and Run, which does it.
package alma

import (
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/kickstart/render"
)

// Spec is what the user asked for. The zero value asks for AlmaLinux 10 of the
// host's architecture in alma.qcow2, and works.
type Spec struct {
	Arch string `json:"arch,omitempty"` // "x86_64", "aarch64" or an alias; "": the host's
	Source

	// Kickstart is the path of the user's own kickstart; "": the embedded one with Settings.
	Kickstart string `json:"kickstart,omitempty"`
	// KickstartText is what is in Kickstart, where it is read already: a pipe can be read once only.
	KickstartText []byte   `json:"-"`
	Settings      Settings `json:"settings,omitzero"`
	Provisioning

	assemble.Output       // Out "": "alma.qcow2", or with the ending of Formats; none of these: by Out's ending, else qcow2
	DiskSize        int64 `json:"diskSize,omitempty"` // bytes; 0: 10 GiB

	Machine
	Installation
	NoVerify bool `json:"noVerify,omitempty"` // publish without having seen the image boot
	Offline  bool `json:"offline,omitempty"`  // no network for us or the guest
}

// Source says which installer ISO, and where from.
type Source struct {
	Version string `json:"version,omitempty"` // "10", "10.2", "kitten"; "": "10"
	// ISO is the installer ISO: a path or an http(s) URL; "": found, fetched and verified.
	ISO         string `json:"iso,omitempty"`
	ISOChecksum string `json:"isoChecksum,omitempty"` // SHA-256 that it must have, in hexadecimal; "": by the CHECKSUM beside it
	Variant     string `json:"variant,omitempty"`     // of the ISO to fetch: "boot", "minimal", "dvd"; "": boot
	Mirror      string `json:"mirror,omitempty"`      // where to fetch it from; "": AlmaLinux's own
	Vault       string `json:"vault,omitempty"`       // where superseded releases are; "": AlmaLinux's own
	Keyring     string `json:"keyring,omitempty"`     // path of the OpenPGP keys that may sign its CHECKSUM; "": AlmaLinux 10's
}

// Machine is the virtual machine. Secure Boot implies Boot "media".
type Machine = guest.Spec

// Installation is how the installer is started and followed.
type Installation struct {
	Boot       string   `json:"boot,omitempty"`       // "kernel" (direct) or "media" (EFI boot medium); "": kernel
	Deliver    string   `json:"deliver,omitempty"`    // the kickstart: "oemdrv" (on a volume), "initrd" (in it) or "both"; "": oemdrv
	KernelArgs []string `json:"kernelArgs,omitempty"` // added to the installer's kernel command line
	// ConsoleMode is how the installer shows itself on the serial console:
	// "direct" prints lines, "tmux" is its usual screen; "": direct.
	ConsoleMode string `json:"consoleMode,omitempty"`
	KSStrict    bool   `json:"ksStrict,omitempty"` // what the installer warns of in the kickstart is an error

	Timeout      time.Duration `json:"timeout,omitempty"`      // of the whole installation; 0: by accelerator
	StallTimeout time.Duration `json:"stallTimeout,omitempty"` // of silence on every channel; 0: by phase and accelerator
	// SpaceWait is how long the guest stays paused when the host's disk is full,
	// until the build is given up; 0: 10 minutes.
	SpaceWait time.Duration `json:"spaceWait,omitempty"`
	KeepVM    bool          `json:"keepVM,omitempty"` // hold a guest that failed, until the context ends
}

// Provisioning is what is done besides a kickstart, whoever wrote it.
type Provisioning struct {
	Provision []Provision `json:"provision,omitempty"` // in the new system, in this order, at the end of the installation
	Proxy     string      `json:"proxy,omitempty"`     // by which the installer and the new system's dnf reach servers
	CA        string      `json:"ca,omitempty"`        // path of a PEM file of certificates which both trust
}

// Settings are the common wishes for the embedded kickstart.
type Settings struct {
	RootPassword string   `json:"rootPassword,omitempty"` // "": "packer", or none if a password or a key is given
	User         string   `json:"user,omitempty"`         // "": "admin"
	Password     string   `json:"password,omitempty"`     // of User; "": "admin" for admin, or none if a password or a key is given
	SSHKeys      []string `json:"sshKeys,omitempty"`      // authorized_keys lines for User and root
	Hostname     string   `json:"hostname,omitempty"`
	Packages     []string `json:"packages,omitempty"` // added to %packages
	Timezone     string   `json:"timezone,omitempty"` // "": "UTC"
	Lang         string   `json:"lang,omitempty"`     // "": "en_US.UTF-8"
	Keyboard     string   `json:"keyboard,omitempty"` // "": "us"

	LockRoot  bool          `json:"lockRoot,omitempty"`  // root has no password
	Repos     []render.Repo `json:"repos,omitempty"`     // further repositories
	CloudInit bool          `json:"cloudInit,omitempty"` // install cloud-init
	KeysOnly  bool          `json:"keysOnly,omitempty"`  // no password for anybody who was not given one: see render.Accounts
	// GuestAgent: install qemu-guest-agent; nil: yes, but not from a minimal ISO.
	GuestAgent *bool `json:"guestAgent,omitempty"`
}

// IsZero reports whether nothing was wished for.
func (s Settings) IsZero() bool {
	return s.RootPassword == "" && s.User == "" && s.Password == "" && len(s.SSHKeys) == 0 && s.Hostname == "" &&
		len(s.Packages) == 0 && s.Timezone == "" && s.Lang == "" && s.Keyboard == "" &&
		!s.LockRoot && len(s.Repos) == 0 && !s.CloudInit && !s.KeysOnly && s.GuestAgent == nil
}

// Defaults of a Spec.
const (
	DefaultOut      = "alma.qcow2"
	DefaultVersion  = "10"
	DefaultDiskSize = 10 << 30
	// DefaultSpaceWait is how long a guest stays paused on a full host disk.
	DefaultSpaceWait = 10 * time.Minute
)
