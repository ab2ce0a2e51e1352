package sbom_test

import (
	"bytes"
	"fmt"
	"log"
	"time"

	"github.com/imgasm/imgasm/assemble/rpmdb"
	"github.com/imgasm/imgasm/assemble/sbom"
)

// The packages come from the image's RPM database.
func Example() {
	packages := []rpmdb.Package{ // rpmdb.List(root)
		{Name: "bash", Version: "5.2.26", Release: "6.el10", Arch: "x86_64", License: "GPL-3.0-or-later"},
	}
	d := sbom.Document{
		Image:    sbom.Image{Name: "alma.qcow2", SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		OS:       sbom.OS{ID: "almalinux", VersionID: "10.0"},
		Packages: sbom.RPM(packages),
		Created:  time.Unix(1750000000, 0), // SOURCE_DATE_EPOCH, say
		Tool:     sbom.Tool{Name: "example", Version: "1.0"},
	}
	var cyclonedx, spdx bytes.Buffer
	if err := sbom.CycloneDX(&cyclonedx, d); err != nil {
		log.Fatal(err)
	}
	if err := sbom.SPDX(&spdx, d); err != nil {
		log.Fatal(err)
	}
	fmt.Println(d.Packages[0].PURL(d.OS))
	// Output:
	// pkg:rpm/almalinux/bash@5.2.26-6.el10?arch=x86_64&distro=almalinux-10.0
}
