// This file finds out which installer an image is, and where its boot files are.

package iso

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// ErrNoBootFiles says that an image is an ISO but no installer that imgasm can start.
var ErrNoBootFiles = fault.Class(fault.Input, "no installer kernel on this image")

// Installer is what an image says about itself.
type Installer struct {
	Label   string `json:"label"`             // the volume label, for inst.stage2=hd:LABEL=
	Arch    string `json:"arch"`              // canonical: "x86_64" or "aarch64"
	Flavour string `json:"flavour"`           // the architecture as the image spells it: "x86_64_v2"; usually equal to Arch
	Product string `json:"product,omitempty"` // "AlmaLinux"; "" if it does not say
	Version string `json:"version,omitempty"` // "10.1"; "" if it does not say
	Variant string `json:"variant"`           // "boot", "minimal" or "dvd", told by the package folders
	// HasRepos says that packages can be installed from the image, offline.
	HasRepos bool `json:"packages"`
	// Rehearsal says that the image is imgasm's rehearsal, whose installer is none.
	Rehearsal bool      `json:"rehearsal,omitempty"`
	Boot      BootFiles `json:"boot"`
}

// BootFiles are paths on the image. Kernel and Initrd are always there, the
// others are "" if the image has no such file.
type BootFiles struct {
	Kernel      string `json:"kernel"`                // images/pxeboot/vmlinuz
	Initrd      string `json:"initrd"`                // images/pxeboot/initrd.img
	Stage2      string `json:"stage2,omitempty"`      // images/install.img
	Shim        string `json:"shim,omitempty"`        // EFI/BOOT/BOOTX64.EFI
	GRUB        string `json:"grub,omitempty"`        // EFI/BOOT/grubx64.efi
	MokManager  string `json:"mokManager,omitempty"`  // EFI/BOOT/mmx64.efi
	GRUBFont    string `json:"grubFont,omitempty"`    // EFI/BOOT/fonts/unicode.pf2
	TreeInfo    string `json:"treeInfo,omitempty"`    // .treeinfo
	DiscInfo    string `json:"discInfo,omitempty"`    // .discinfo
	EFIBootDisk string `json:"efiBootDisk,omitempty"` // images/efiboot.img
}

// Installer identifies the image. The error is ErrNoBootFiles if it is no
// installer, and ErrCorrupt or one of reading if it cannot be told.
func (m *Image) Installer() (*Installer, error) {
	in, err := m.identify()
	if cause := context.Cause(m.ctx); cause != nil {
		return nil, cause // what could not be read any more is not missing
	}
	return in, err
}

// RehearsalName is the file in the root of an installer image by which it says
// that it is imgasm's rehearsal.
const RehearsalName = "REHEARSAL"

func (m *Image) identify() (*Installer, error) {
	in := &Installer{Label: m.Label}
	if err := m.findBootFiles(&in.Boot); err != nil {
		return nil, err
	}
	m.readInfos(in)
	if err := m.findArch(in); err != nil {
		return nil, err
	}
	m.findVariant(in)
	in.Rehearsal = m.exists(RehearsalName) != ""
	return in, nil
}

// Stage2 is the value of inst.stage2= by which the initramfs finds the image
// on whatever drive it is: "hd:LABEL=AlmaLinux-10-1-x86_64-dvd".
func (in *Installer) Stage2() string {
	return "hd:LABEL=" + EscapeLabel(in.Label)
}

// EscapeLabel writes a volume label as udev and dracut do in device names.
func EscapeLabel(label string) string {
	var b strings.Builder
	for _, r := range []byte(label) {
		switch {
		case r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', strings.IndexByte("#+-.:=@_", r) >= 0:
			b.WriteByte(r)
		default:
			fmt.Fprintf(&b, `\x%02x`, r)
		}
	}
	return b.String()
}

// CheckArch returns ErrWrongArch if in is for another architecture than want:
// "x86_64" or "aarch64".
func (in *Installer) CheckArch(file, want string) error {
	if in.Arch == want {
		return nil
	}
	return &fault.Error{Class: ErrWrongArch, Err: fmt.Errorf("%s: is an installer for %s, not for %s", file, in.Arch, want),
		Do: "build for it with {Arch} " + in.Arch + ", or give the ISO for " + want}
}

// exists returns the name if there is a file of that name, else "".
func (m *Image) exists(name string) string {
	if i, err := m.Stat(name); err == nil && i.Mode().IsRegular() {
		return name
	}
	return ""
}

func (m *Image) findBootFiles(b *BootFiles) error {
	b.Kernel, b.Initrd = m.exists("images/pxeboot/vmlinuz"), m.exists("images/pxeboot/initrd.img")
	if b.Kernel == "" {
		return m.noInstaller("has no images/pxeboot/vmlinuz")
	}
	if b.Initrd == "" {
		return m.noInstaller("has no images/pxeboot/initrd.img")
	}
	b.Stage2 = m.exists("images/install.img")
	if b.Stage2 == "" && m.exists("LiveOS/squashfs.img") != "" {
		return m.noInstaller("is a live image: it has LiveOS/squashfs.img and no images/install.img")
	}
	b.EFIBootDisk = m.exists("images/efiboot.img")
	b.TreeInfo, b.DiscInfo = m.exists(".treeinfo"), m.exists(".discinfo")
	for _, a := range arch.All() {
		shim := m.exists("EFI/BOOT/" + a.EFIBoot)
		if shim == "" || b.Shim != "" {
			continue
		}
		b.Shim = shim
		b.GRUB = m.exists("EFI/BOOT/" + a.EFIGRUB)
		b.MokManager = m.exists("EFI/BOOT/" + a.EFIMok)
	}
	b.GRUBFont = m.exists("EFI/BOOT/fonts/unicode.pf2")
	return nil
}

func (m *Image) noInstaller(why string) error {
	return &fault.Error{Class: ErrNoBootFiles, Err: fmt.Errorf("%s: %q %s: %w", m.Path, m.Label, why, ErrNoBootFiles), Do: giveISO}
}

// head reads at most the first n bytes of a file.
func (m *Image) head(name string, n int64) ([]byte, error) {
	f, err := m.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, n))
}

// smallFile reads a file of at most 64 KiB; "" if there is none.
func (m *Image) smallFile(name string) string {
	b, err := m.head(name, 64<<10)
	if err != nil {
		return ""
	}
	return string(b)
}

type infos struct{ product, version, arch string }

// readInfos reads .treeinfo (an INI file), .discinfo (four lines: time stamp,
// release, architecture, disc numbers) and the label. Each may say nothing.
func (m *Image) readInfos(in *Installer) {
	t, d := parseTreeInfo(m.smallFile(".treeinfo")), parseDiscInfo(m.smallFile(".discinfo"))
	label := volumeLabel.FindStringSubmatch(in.Label)
	if label == nil {
		label = make([]string, 4)
	}
	in.Product = cmp.Or(t.product, d.product, label[1])
	in.Version = cmp.Or(t.version, d.version, strings.ReplaceAll(label[2], "-", "."))
	in.Flavour = cmp.Or(t.arch, d.arch, label[3])
}

func parseTreeInfo(text string) (i infos) {
	values := map[string]string{}
	section := ""
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			section = line[1 : len(line)-1]
			continue
		}
		if k, v, ok := strings.Cut(line, "="); ok {
			values[section+"."+strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	i.product = cmp.Or(values["release.name"], values["product.name"], values["general.family"])
	i.version = cmp.Or(values["release.version"], values["product.version"], values["general.version"])
	i.arch = cmp.Or(values["tree.arch"], values["general.arch"])
	return i
}

// discRelease splits "AlmaLinux 10.1" as well as a bare "10.1".
var discRelease = regexp.MustCompile(`^(.*?)\s*(\d[\w.]*)?(?: \(.*\))?$`)

func parseDiscInfo(text string) (i infos) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return i
	}
	if s := discRelease.FindStringSubmatch(strings.TrimSpace(lines[1])); s != nil {
		i.product, i.version = s[1], s[2]
	}
	i.arch = strings.TrimSpace(lines[2])
	return i
}

// volumeLabel splits "AlmaLinux-10-1-x86_64-dvd".
var volumeLabel = regexp.MustCompile(`^([A-Za-z][A-Za-z-]*?)-(\d+(?:[-.]\d+)?)-((?:x86_64|aarch64)\w*)`)

// findArch settles the architecture. The machine field of the EFI boot file is
// the surest witness; then the names, then what the image says.
func (m *Image) findArch(in *Installer) error {
	if in.Boot.Shim != "" {
		head, err := m.head(in.Boot.Shim, 4096)
		if err != nil {
			return err
		}
		if machine, ok := arch.PEMachine(head); ok {
			in.Arch = arch.OfPE(machine)
		}
		for _, a := range arch.All() {
			if in.Arch == "" && strings.EqualFold(path.Base(in.Boot.Shim), a.EFIBoot) {
				in.Arch = a.Name
			}
		}
	}
	if in.Arch == "" {
		for _, a := range arch.All() {
			if in.Flavour == a.Name || strings.HasPrefix(in.Flavour, a.Name+"_") {
				in.Arch = a.Name
			}
		}
	}
	if in.Arch == "" {
		what := "does not say for which architecture it is"
		if in.Flavour != "" {
			what = fmt.Sprintf("is for %s; imgasm builds for %s", in.Flavour, arch.Names())
		}
		return m.noInstaller(what)
	}
	in.Flavour = cmp.Or(in.Flavour, in.Arch)
	return nil
}

// findVariant tells the three kinds of AlmaLinux ISO apart by their packages.
func (m *Image) findVariant(in *Installer) {
	repo := func(dir string) bool {
		i, err := fs.Stat(m, dir+"/repodata/repomd.xml")
		return err == nil && i.Mode().IsRegular()
	}
	baseOS, appStream, minimal := repo("BaseOS"), repo("AppStream"), repo("Minimal")
	in.HasRepos = baseOS || minimal
	switch {
	case baseOS && appStream:
		in.Variant = "dvd"
	case in.HasRepos:
		in.Variant = "minimal"
	default:
		in.Variant = "boot"
	}
}
