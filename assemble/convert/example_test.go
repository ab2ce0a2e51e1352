package convert_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/convert"
)

// A raw disk becomes what Azure wants, and what Lima wants of 2 GiB.
func ExampleCreate() {
	dir, err := os.MkdirTemp("", "convert")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	raw := filepath.Join(dir, "disk.raw")
	if err := os.WriteFile(raw, bytes.Repeat([]byte("data"), 1<<18), 0o644); err != nil {
		log.Fatal(err)
	}

	src, err := convert.Open(raw)
	if err != nil {
		log.Fatal(err)
	}
	defer src.Close()
	ctx := context.Background()
	if err := convert.Create(ctx, filepath.Join(dir, "disk.vhd"), src, convert.Options{For: "azure"}); err != nil {
		log.Fatal(err)
	}
	lima := convert.Options{For: "lima", SizeBytes: 2 << 30}
	if err := convert.Create(ctx, filepath.Join(dir, "disk.qcow2"), src, lima); err != nil {
		log.Fatal(err)
	}

	vhd, err := convert.Open(filepath.Join(dir, "disk.vhd"))
	if err != nil {
		log.Fatal(err)
	}
	defer vhd.Close()
	fmt.Println(vhd.Format, "of", vhd.Size(), "bytes")
	// Output: vhd of 1048576 bytes
}

// A program can show the formats that there are.
func ExampleFormats() {
	for _, f := range convert.Formats() {
		if len(f.Targets) > 0 {
			fmt.Println(f.Targets[0], "takes", f.Name, "in", f.Endings[0])
		}
	}
	// Output:
	// lima takes qcow2 in .qcow2
	// vmware takes ova in .ova
	// azure takes vhd in .vhd
	// gce takes gce in .tar.gz
	// kubevirt takes containerdisk in .ociarchive
	// vagrant takes vagrant in .box
}
