// What is written beside a published image: what it is and what it was made from.

package assemble

import (
	"time"

	"github.com/imgasm/imgasm/assemble/boottest"
)

// Image is the description of a published image, in NAME.json beside it.
type Image struct {
	Schema string `json:"schema"` // ImageSchema
	// Rehearsal is true where the installer was imgasm's own tiny guest: the
	// image proves that this host can build images, and is no system to be used.
	Rehearsal bool   `json:"rehearsal,omitempty"`
	Product   string `json:"product"` // as its maker names it
	Version   string `json:"version"`
	Arch      string `json:"arch"`
	Boot      string `json:"boot"` // "uefi" or "bios"
	// SSHUser is who logs in over ssh, where that is known: SSHKey with a key that
	// was given to the build, else with a password.
	SSHUser string `json:"sshUser,omitempty"`
	SSHKey  bool   `json:"sshKey,omitempty"`

	Output  File              `json:"output"`
	Format  string            `json:"format"`                         // "qcow2": a name of package convert
	Virtual int64             `json:"virtualSize"`                    // bytes that the guest sees
	Inputs  []Input           `json:"inputs"`                         // everything that went into it
	Guest   map[string]string `json:"guest"`                          // facts of the new system: what it reported, or what is known of its making
	Package []string          `json:"packages" jsonschema:"nullable"` // what was installed: name-epoch:version-release.arch
	Tested  *boottest.Proof   `json:"bootTest" jsonschema:"nullable"` // nil: nobody saw it boot
	// TestedAs is the format in which the disk was verified, where that is
	// another than this image's: "raw".
	TestedAs string `json:"bootTestFormat,omitempty"`
	Kernel   string `json:"kernelArgs"` // of the installer
	// Key is the hash of what a project's target was made of; left out of others.
	Key     string             `json:"key,omitempty"`
	Tool    string             `json:"imgasm"`                        // imgasm's version
	QEMU    string             `json:"qemu"`                          // QEMU's version
	Accel   string             `json:"accelerator"`                   // that it was made on
	Created *time.Time         `json:"created" jsonschema:"nullable"` // SOURCE_DATE_EPOCH, or nil
	Took    map[string]float64 `json:"took,omitempty"`                // seconds by step; left out when SOURCE_DATE_EPOCH is set
}

// ImageSchema names the format of Image.
const ImageSchema = "imgasm.image/v1"

// File is a file with its identity.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Input is something that the image was made from.
type Input struct {
	Role   string `json:"role"` // "installer", "firmware-code", …
	Name   string `json:"name"`
	URL    string `json:"url,omitempty"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}
