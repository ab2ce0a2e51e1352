package lima_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/imgasm/imgasm/assemble/lima"
)

// What Lima is told of an image whose kernel knows no 9p.
func ExampleImage_Template() {
	image := &lima.Image{Path: "/images/alma.qcow2", Arch: "aarch64", SHA256: strings.Repeat("0", 64), Unmountable: []string{"9p"}}
	text, err := image.Template("vz")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	// Output:
	// # By imgasm, for Lima 1.0 and later. The guest's serial console is serial.log in
	// # the instance's folder.
	// vmType: "vz"
	// arch: "aarch64"
	// images:
	// - location: "/images/alma.qcow2"
	//   arch: "aarch64"
	//   digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	// mountTypesUnsupported: ["9p"]
	// firmware:
	//   legacyBIOS: false
}
