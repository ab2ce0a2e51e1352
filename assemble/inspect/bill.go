// This file says what a bill of materials lists of a disk.

package inspect

import "github.com/imgasm/imgasm/assemble/sbom"

// Describe puts into a bill of materials what system the disk holds and what
// that has installed, or why that is not known.
func (m *Image) Describe(d *sbom.Document) {
	t, err := m.SystemTree()
	if err != nil {
		d.Unknown = err.Error()
		return
	}
	m.Look(t).describe(d)
}

func (s *System) describe(d *sbom.Document) {
	d.OS = sbom.OS{
		ID: s.OS["ID"], VersionID: s.OS["VERSION_ID"], PrettyName: s.OS["PRETTY_NAME"], CPEName: s.OS["CPE_NAME"], HomeURL: s.OS["HOME_URL"],
	}
	switch {
	case s.PackagesErr != nil:
		d.Unknown = s.PackagesErr.Error()
	case s.PackageManager == "rpm":
		d.Packages = sbom.RPM(s.rpms)
	case s.PackageManager == "dpkg":
		for _, p := range s.Packages {
			d.Packages = append(d.Packages, sbom.Package{Type: "deb", Name: p.Name, Version: p.Version, Arch: p.Arch})
		}
	case s.PackageManager == "nix":
		for _, p := range s.Packages {
			d.Packages = append(d.Packages, sbom.Package{Type: "nix", Name: p.Name, Version: p.Version})
		}
	default:
		d.Unknown = "the system has neither RPM's database nor dpkg's, nor a store of Nix"
	}
}
