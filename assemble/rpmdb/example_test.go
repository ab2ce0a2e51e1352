package rpmdb_test

import (
	"fmt"
	"log"
	"testing/fstest"

	"github.com/imgasm/imgasm/assemble/rpmdb"
)

// The root may be any fs.FS: that of a disk image (packages xfs and ext4), or a
// folder (os.DirFS).
func ExampleList() {
	data, err := smallDatabase()
	if err != nil {
		log.Fatal(err)
	}
	root := fstest.MapFS{"usr/lib/sysimage/rpm/rpmdb.sqlite": {Data: data}}

	packages, err := rpmdb.List(root)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range packages {
		if !p.IsKey() {
			fmt.Println(p, p.Epoch, p.Size, p.License)
		}
	}
	// Output:
	// kernel-core-6.12.0-55.9.1.el10.x86_64 0 3893 MIT
	// kernel-core-6.12.0-55.10.1.el10.x86_64 0 3893 MIT
	// nodejs-20.1.0-1.el9.x86_64 1 3893 MIT
	// shadow-utils-4.15.0-5.el10.x86_64 2 3893 MIT
	// tzdata-2025b-1.el10.noarch 0 3893 MIT
}
