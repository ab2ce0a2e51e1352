package project_test

import (
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/assemble/project"
)

// A program of one's own has kinds and flags of its own.
func Example() {
	kinds := []project.Kind{{Name: "disk", Flags: []project.Flag{{Name: "out", Type: project.Text}, {Name: "size", Type: project.Text}}}}
	targets, err := project.Parse("imgasm.yaml", []byte("images: {data: {kind: disk, matrix: {size: [1G, 2G]}}}"), kinds)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range targets {
		fmt.Println(t.Name, strings.Join(t.Argv(), " "))
	}
	// Output:
	// data-1G disk --out=data-1G.qcow2 --size=1G
	// data-2G disk --out=data-2G.qcow2 --size=2G
}
