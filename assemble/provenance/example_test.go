package provenance_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/imgasm/imgasm/assemble/provenance"
)

// How an image came about, for whoever has to trust it.
func ExampleStatement() {
	image := provenance.Artifact{Name: "alma.qcow2", SHA256: strings.Repeat("a", 64)}
	installer := provenance.Artifact{Name: "boot.iso", SHA256: strings.Repeat("b", 64), URI: "https://example.org/boot.iso"}
	text, err := provenance.Statement(provenance.Build{
		Subjects: []provenance.Artifact{image}, Inputs: []provenance.Artifact{installer},
		Parameters: map[string]string{"arch": "x86_64"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(provenance.IsStatement(text))

	sums, err := provenance.SHA256SUMS([]provenance.Artifact{image})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(sums))
	// Output:
	// true
	// aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  alma.qcow2
}
