package nixdisk

// What a system says of how it boots: boot.json, NixOS RFC 125.

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"maps"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
)

// bootable is a system that gets an entry in the boot menu.
type bootable struct {
	specialisation string // its name; "" of the system itself
	label          string
	kernel, initrd string
	deviceTree     string // "" for none
	init           string
	params         []string
	sortKey        string
}

// document is boot.json, as far as it is read.
type document struct {
	V1 *struct {
		System        string   `json:"system"`
		Label         string   `json:"label"`
		Kernel        string   `json:"kernel"`
		KernelParams  []string `json:"kernelParams"`
		Initrd        string   `json:"initrd"`
		InitrdSecrets string   `json:"initrdSecrets"`
		Init          string   `json:"init"`
		Toplevel      string   `json:"toplevel"`
	} `json:"org.nixos.bootspec.v1"`
	Specialisations map[string]json.RawMessage `json:"org.nixos.specialisation.v1"`
	SystemdBoot     *struct {
		SortKey    string `json:"sortKey"`
		DeviceTree string `json:"devicetree"`
	} `json:"org.nixos.systemd-boot"`
	ExtraInitrd struct {
		Paths []string `json:"paths"`
	} `json:"org.nixos.extra-initrd.v1"`
}

// extensions of boot.json that say that something else than a kernel and its
// initrd is booted, by how their names begin.
var extensions = []struct{ prefix, what, do string }{
	{"org.xenproject.", "it boots Xen", "virtualisation.xen.enable = false;"},
	{"org.nix-community.lanzaboote", "lanzaboote signs what it boots, with a key of its machine", "boot.lanzaboote.enable = false; boot.loader.systemd-boot.enable = true;"},
}

// specialisationName is what stands in a file's name.
var specialisationName = regexp.MustCompile(`^[0-9A-Za-z+._-]{1,100}$`)

func (s *System) readBootspec(f *files) error {
	data, err := f.read(s.Toplevel + "/boot.json")
	if errors.Is(err, fs.ErrNotExist) {
		return &fault.Error{Class: ErrSystem, Err: fmt.Errorf("%s has no boot.json", s.Toplevel),
			Do: "build nixosConfigurations.NAME.config.system.build.toplevel, of NixOS 23.11 or later, with boot.bootspec.enable"}
	} else if err != nil {
		return err
	}
	if err := s.addBootable("", data); err != nil {
		return err
	}
	var doc document
	if err := json.Unmarshal(data, &doc); err != nil { // it was read before
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Specialisations)) {
		if !specialisationName.MatchString(name) {
			return refuse("another name", "a specialisation is called %q", name)
		}
		if err := s.addBootable(name, doc.Specialisations[name]); err != nil {
			return fmt.Errorf("specialisation %s: %w", name, err)
		}
	}
	return nil
}

// addBootable reads one document, of the system or of a specialisation.
func (s *System) addBootable(name string, data []byte) error {
	var doc document
	var keys map[string]json.RawMessage
	if err := cmp.Or(json.Unmarshal(data, &keys), json.Unmarshal(data, &doc)); err != nil {
		return broken("its boot.json: %v", err)
	}
	v := doc.V1
	if v == nil || v.Kernel == "" || v.Init == "" {
		return broken("its boot.json says no kernel, or no init: it has no org.nixos.bootspec.v1")
	}
	if err := s.checkArch(v.System); err != nil {
		return err
	}
	for key := range keys {
		for _, e := range extensions {
			if strings.HasPrefix(key, e.prefix) {
				return refuse(e.do, "%s", e.what)
			}
		}
	}
	b := bootable{specialisation: name, label: v.Label, kernel: v.Kernel, initrd: v.Initrd, init: v.Init, params: v.KernelParams, sortKey: "nixos"}
	switch {
	case v.Initrd == "":
		return refuse("boot.initrd.enable = true;", "it has no initrd")
	case v.InitrdSecrets != "":
		return refuse("no boot.initrd.secrets", "a program of its own puts secrets into the initrd")
	case len(doc.ExtraInitrd.Paths) > 0:
		return refuse("no further initrds", "it boots initrds that are not in its closure: %.200q", doc.ExtraInitrd.Paths)
	}
	if e := doc.SystemdBoot; e != nil {
		b.deviceTree = e.DeviceTree
		if e.SortKey != "" {
			b.sortKey = e.SortKey
		}
	} else if name == "" && !slices.ContainsFunc(s.closure, isInstaller) {
		return s.otherLoader()
	}
	if name == "" {
		s.Label = v.Label
	}
	s.systems = append(s.systems, b)
	return s.checkWords(b)
}

// isInstaller finds what installs systemd-boot.
func isInstaller(p nixglue.PathInfo) bool { return strings.HasSuffix(p.Path, installer) }

func (s *System) checkArch(system string) error {
	name, linux := strings.CutSuffix(system, "-linux")
	a, err := arch.Parse(name)
	if err != nil || !linux {
		return &fault.Error{Class: ErrArch, Err: fmt.Errorf("a system for %q: %s can be assembled", system, arch.Names())}
	}
	if want, err := arch.Parse(s.c.Arch); s.c.Arch != "" && (err != nil || want.Name != a.Name) {
		return &fault.Error{Class: ErrArch, Field: "Arch", Err: fmt.Errorf("%s was asked for, the system is for %s", s.c.Arch, a.Name),
			Do: "another {Arch}, or a configuration for it: nixpkgs.hostPlatform"}
	}
	s.arch, s.Arch = a, a.Name
	return nil
}

// checkWords refuses what would be something else in an entry's file: it has a
// line for each key, and words.
func (s *System) checkWords(b bootable) error {
	for _, text := range append([]string{b.label, b.sortKey, b.init}, b.params...) {
		if strings.ContainsFunc(text, unicode.IsControl) {
			return broken("its boot.json has control characters in %.80q", text)
		}
	}
	for _, p := range []string{b.kernel, b.initrd, b.init, b.deviceTree} {
		if p != "" && (pathOf(s.closure, path.Clean(p)) < 0 || strings.Contains(p, " ")) {
			return broken("its boot.json has %.200q, which is not in its closure", p)
		}
	}
	return nil
}
