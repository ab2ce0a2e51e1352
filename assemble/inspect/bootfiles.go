// This file says what would start: kernels, boot entries, EFI executables.

package inspect

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
)

// Kernel is a kernel that is installed.
type Kernel struct {
	Version string `json:"version"`
	Image   string `json:"image,omitempty"`  // path, of what a boot entry or UKI has too; "" if only its modules are there
	Initrd  string `json:"initrd,omitempty"` // path
	Modules bool   `json:"modules"`
}

// kernels puts the images of /boot and the folders of modules together.
func (s *System) kernels() {
	boot, known := map[string]bool{}, map[string]bool{}
	versions := s.names("lib/modules")
	for _, v := range versions {
		known[v] = true
	}
	for _, name := range s.names("boot") {
		boot[name] = true
		if v, ok := strings.CutPrefix(name, "vmlinuz-"); ok && !known[v] {
			versions = append(versions, v)
		}
	}
	for _, v := range s.first("kernels", versions) {
		k := Kernel{Version: v, Modules: s.exists(path.Join("lib/modules", v, "modules.dep"))}
		if boot["vmlinuz-"+v] {
			k.Image = "/boot/vmlinuz-" + v
		}
		for _, name := range []string{"initramfs-" + v + ".img", "initrd.img-" + v} {
			if boot[name] {
				k.Initrd = "/boot/" + name
			}
		}
		s.Kernels = append(s.Kernels, k)
	}
}

// BootEntry is an entry of the Boot Loader Specification, type 1 (UAPI.1),
// which GRUB of EL and Fedora and systemd-boot read.
type BootEntry struct {
	Path    string `json:"path"`
	Title   string `json:"title,omitempty"`
	Version string `json:"version,omitempty"`
	Linux   string `json:"linux,omitempty"`
	Initrd  string `json:"initrd,omitempty"`
	Options string `json:"options,omitempty"`
	// Problem is what is wrong with it; "" if nothing is.
	Problem string `json:"problem,omitempty"`
}

// entryDirs are where boot entries are; configFiles, what else boot loaders read.
var (
	entryDirs   = []string{"boot/loader/entries", "boot/efi/loader/entries", "efi/loader/entries"}
	configFiles = []string{
		"boot/grub2/grub.cfg", "boot/grub/grub.cfg", "boot/grub2/grubenv", "boot/grub/grubenv",
		"boot/efi/loader/loader.conf", "boot/loader/loader.conf", "efi/loader/loader.conf",
	}
)

const (
	// maxEntries is how many kernels, boot entries, folders of vendors and loaders
	// are looked at: far more than a system has.
	maxEntries   = 1000
	maxEntryFile = 64 << 10
)

// first is a list up to maxEntries; that there is more is told.
func (s *System) first(what string, list []string) []string {
	if len(list) <= maxEntries {
		return list
	}
	s.Unread = append(s.Unread, fmt.Sprintf("%s: only the first %d are looked at", what, maxEntries))
	return list[:maxEntries]
}

func (s *System) bootEntries() {
	var entries []string
	for _, dir := range entryDirs {
		for _, name := range s.names(dir) {
			if strings.HasSuffix(name, ".conf") {
				entries = append(entries, path.Join(dir, name))
			}
		}
	}
	for _, name := range s.first("boot entries", entries) {
		s.BootEntries = append(s.BootEntries, s.bootEntry(name))
	}
	configs := slices.Clone(configFiles)
	for _, vendor := range s.first("boot/efi/EFI", s.names("boot/efi/EFI")) {
		configs = append(configs, path.Join("boot/efi/EFI", vendor, "grub.cfg"))
	}
	for _, name := range configs {
		if s.exists(name) {
			s.BootConfig = append(s.BootConfig, "/"+name)
		}
	}
}

func (s *System) bootEntry(name string) BootEntry {
	e := BootEntry{Path: "/" + name}
	for _, line := range s.linesOf(name, maxEntryFile) {
		line = strings.TrimSpace(line)
		key, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		value := strings.TrimSpace(line[len(key):])
		switch key {
		case "title":
			e.Title = value
		case "version":
			e.Version = value
		case "linux", "efi", "uki":
			e.Linux = value
		case "initrd":
			e.Initrd = strings.TrimSpace(e.Initrd + " " + value)
		case "options":
			e.Options = strings.TrimSpace(e.Options + " " + value)
		}
	}
	e.Problem = s.entryProblem(name, e)
	return e
}

// entryProblem looks for what an entry names. Its paths begin at the root of the
// file system that has the entry.
func (s *System) entryProblem(name string, e BootEntry) string {
	if e.Linux == "" {
		return "it names no kernel"
	}
	root := ""
	for _, m := range s.tree.Mounts {
		if strings.HasPrefix(name, m.Point+"/") && len(m.Point) > len(root) {
			root = m.Point
		}
	}
	for _, f := range append([]string{e.Linux}, strings.Fields(e.Initrd)...) {
		if !strings.HasPrefix(f, "$") && !s.exists(file(path.Join("/", root, path.Clean("/"+f)))) { // GRUB's variables
			return f + " does not exist"
		}
	}
	for _, option := range strings.Fields(e.Options) {
		if spec, ok := strings.CutPrefix(option, "root="); ok {
			if v, known := s.image.find(spec, s.disk); known && v == nil {
				return "nothing in the image is " + option
			}
		}
	}
	return ""
}

// tries is what boot counting adds to a name: UAPI.1, "Boot counting".
var tries = regexp.MustCompile(`(\+[0-9]+(-[0-9]+)?)?\.efi$`)

// images finds those of kernels that are not in /boot: what a boot entry of their
// version names, or a unified kernel image (UAPI.5) whose name ends with the version.
func (s *System) images() {
	for i := range s.Kernels {
		k := &s.Kernels[i]
		for _, e := range s.BootEntries {
			if k.Image == "" && e.Version == k.Version && e.Problem == "" {
				k.Image, k.Initrd = e.Linux, cmp.Or(k.Initrd, e.Initrd)
			}
		}
		for _, l := range s.Loaders {
			if k.Image == "" && strings.HasPrefix(l.Path, `\EFI\Linux\`) && strings.HasSuffix(tries.ReplaceAllString(l.Path, ""), "-"+k.Version) {
				k.Image, k.Initrd = l.Path, l.Path
			}
		}
	}
}

// Loader is an EFI executable in a folder of vendors on an EFI system partition.
type Loader struct {
	Partition int    `json:"partition"`
	Path      string `json:"path"`           // as firmware writes it: \EFI\BOOT\BOOTX64.EFI
	Arch      string `json:"arch,omitempty"` // "x86_64"; "" for what is no executable that is known
	Bytes     int64  `json:"bytes"`
}

func (s *System) loaders() {
	for i := range s.image.Volumes {
		v := &s.image.Volumes[i]
		if v.Kind != "vfat" || v.fsys == nil {
			continue
		}
		var names []string
		err := fs.WalkDir(v.fsys, "EFI", func(name string, e fs.DirEntry, err error) error {
			if err == nil && !e.IsDir() && strings.EqualFold(path.Ext(name), ".efi") {
				names = append(names, name)
			}
			if len(names) > maxEntries {
				return fs.SkipAll
			}
			return err
		})
		s.unread(err)
		for _, name := range s.first(fmt.Sprintf("loaders of partition %d", v.Number), names) {
			in, err := fs.Stat(v.fsys, name)
			if s.unread(err); err == nil {
				s.Loaders = append(s.Loaders, Loader{v.Number, `\` + strings.ReplaceAll(name, "/", `\`), peArch(v.fsys, name), in.Size()})
			}
		}
	}
}

// peMachines are the names of what an executable is for (PE format, "Machine Types").
var peMachines = map[uint16]string{0x14c: "ia32", 0x5064: "riscv64", 0x6264: "loongarch64"}

// peArch reads what architecture an EFI executable is for, "" if it is none.
func peArch(fsys fs.FS, name string) string {
	f, err := fsys.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, 4096)) // the header is within the first page
	machine, ok := arch.PEMachine(head)
	if err != nil || !ok {
		return ""
	}
	return cmp.Or(arch.OfPE(machine), peMachines[machine])
}

// boots asks Boot of every architecture.
func (m *Image) boots() []string {
	var all []string
	for _, a := range arch.All() {
		if b, err := Boot(m.r, m.SizeBytes, a.Name, true); err == nil && b.Found != "" {
			_, loader, _ := strings.Cut(b.Found, ", ")
			all = append(all, fmt.Sprintf("UEFI %s: %s", a.Name, loader))
		}
	}
	if b, err := Boot(m.r, m.SizeBytes, arch.X86_64.Name, false); err == nil && b.Found != "" && len(m.Volumes) > 0 && m.Volumes[0].Number > 0 {
		all = append(all, "BIOS: "+b.Found)
	}
	return all
}
