// Package machine says which virtual machine boots a disk image: by the
// description beside the image, or by looking into it; and starts it.
package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// ErrImage is a disk image that no machine boots, or of which it is not known which.
var ErrImage = fault.Class(fault.Input, "the image cannot be booted")

// Image is a disk image, as far as who boots it must know it.
type Image struct {
	Path      string `json:"path"`      // absolute
	Format    string `json:"format"`    // "qcow2" or "raw"
	SizeBytes int64  `json:"sizeBytes"` // of its disk
	Arch      string `json:"arch"`      // "x86_64", "aarch64"
	UEFI      bool   `json:"uefi"`      // false: a BIOS
	Console   string `json:"console"`   // Linux's name of the machine's serial console: "ttyS0", "ttyAMA0"
	// Described: it has its description beside it, NAME.json.
	Described bool `json:"described,omitempty"`
	// Product is what the description calls it; "" without one.
	Product string `json:"product,omitempty"`
	// SSHUser is who logs in over ssh, by the description; SSHKey: with a key that
	// was given when the image was made. "": not known.
	SSHUser string `json:"sshUser,omitempty"`
	SSHKey  bool   `json:"sshKey,omitempty"`
}

// description is what is of use here in the file beside an image, of the schema imgasm.image/v1.
type description struct {
	Schema, Product, Version, Arch, Boot, SSHUser string
	SSHKey                                        bool
}

const (
	maxDescription = 16 << 20 // bytes; the packages of a large system are some hundred kilobytes
	descriptionOf  = "imgasm.image/v1"
)

// userNames are those that ssh, its configuration and scp take for nothing else:
// "admin", "web-1.dev".
var userNames = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)

// Open says what image the file path is. archName is the architecture to boot it
// as, where it has boot loaders of several, or none that can be read; "": its own.
//
// Errors: ErrImage; those of package convert and of the file system.
func Open(ctx context.Context, path, archName string) (*Image, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	d, err := convert.Open(path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if d.Format != "qcow2" && d.Format != "raw" {
		return nil, &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s is a %s, and QEMU runs a qcow2 or raw disk best", path, d.Format),
			Do: "imgasm convert " + path + " disk.qcow2"}
	}
	i := &Image{Path: whole, Format: d.Format, SizeBytes: d.Size()}
	said, err := readDescription(ctx, path+".json")
	if err != nil {
		return nil, err
	}
	if said != nil {
		i.Described, i.Product = true, strings.TrimSpace(said.Product+" "+said.Version)
		i.SSHUser, i.SSHKey = said.SSHUser, said.SSHKey
	}
	return i, i.find(d, said, archName)
}

// Size is how large the disk of an image is, in bytes, of which Path is known.
func (i *Image) Size() (int64, error) {
	d, err := convert.Open(i.Path)
	if err != nil {
		return 0, err
	}
	return d.Size(), d.Close()
}

// readDescription reads a description; nil: there is none of ours.
func readDescription(ctx context.Context, path string) (*description, error) {
	text, err := smallfile.Read(ctx, path, maxDescription)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var d description
	if json.Unmarshal(text, &d) != nil || d.Schema != descriptionOf {
		return nil, nil
	}
	if d.SSHUser != "" && !userNames.MatchString(d.SSHUser) {
		return nil, &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s: its sshUser %q is no name of a user", path, d.SSHUser), Do: "correct the file, or take it away: the image is looked into then"}
	}
	return &d, nil
}

// find decides for which machine the image is.
func (i *Image) find(d *convert.Disk, said *description, wish string) error {
	if d.Size() < disk.SectorSize {
		return &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s: %d bytes are no disk", i.Path, d.Size()), Do: "see what it is, and whether its download or copy ended: ls -l " + i.Path}
	}
	var loaders, unread []string
	uefi := map[string]bool{}
	see := func(a arch.Arch, firmware bool) {
		switch b, err := inspect.Boot(d, d.Size(), a.Name, firmware); {
		case err == nil && b.Found != "":
			if _, ok := uefi[a.Name]; !ok {
				loaders = append(loaders, a.Name)
				uefi[a.Name] = firmware
			}
		case err == nil:
			unread = append(unread, b.Unread.Error())
		}
	}
	for _, a := range arch.All() {
		if see(a, true); a.BIOS { // UEFI first: it starts what both would
			see(a, false)
		}
	}
	name := wish
	switch {
	case name == "" && said != nil && said.Arch != "":
		name = said.Arch
	case name == "" && len(loaders) == 1:
		name = loaders[0]
	case name == "" && len(loaders) == 0 && len(unread) == 0:
		return &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s holds no boot loader that firmware would start", i.Path), Do: "imgasm inspect " + i.Path + " shows what is on it"}
	case name == "":
		return &fault.Error{Class: ErrImage, Err: fmt.Errorf("%s: it cannot be told for which architecture it is (%s)", i.Path, strings.Join(append(loaders, unread...), "; ")), Do: "name it: {Arch} " + arch.All()[0].Name}
	}
	a, err := arch.Parse(name)
	if err != nil {
		return &fault.Error{Class: ErrImage, Field: "Arch", Err: err}
	}
	if _, ok := uefi[a.Name]; wish != "" && !ok && len(loaders) > 0 && len(unread) == 0 {
		return &fault.Error{Class: ErrImage, Field: "Arch", Err: fmt.Errorf("%s has a boot loader for %s, and none for %s", i.Path, strings.Join(loaders, ", "), a.Name), Do: "leave {Arch} out"}
	}
	i.Arch, i.Console = a.Name, a.Console
	if i.UEFI = true; said != nil && said.Arch == a.Name && said.Boot != "" {
		i.UEFI = said.Boot == "uefi"
	} else if found, ok := uefi[a.Name]; ok {
		i.UEFI = found
	}
	return nil
}

// Inside is what the files of an image say of the system on it.
type Inside struct {
	*inspect.System
	// CloudInit: there is something in it that reads a NoCloud seed.
	CloudInit bool
	NixOS     bool // cloud-init makes no users there
}

// Look looks into the image. The error is of package inspect, or the file
// system's: an image whose files cannot be read may boot all the same.
func (i *Image) Look() (*Inside, error) {
	d, err := convert.Open(i.Path)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	m, err := inspect.Open(d, d.Size())
	if err != nil {
		return nil, err
	}
	t, err := m.SystemTree()
	if err != nil {
		return nil, err
	}
	in := &Inside{System: m.Look(t), CloudInit: hasCloudInit(t)}
	if store, err := fs.Stat(t, "nix/store"); err == nil {
		in.NixOS = store.IsDir()
	}
	return in, nil
}
