// Command judge reads a machine's description by govmomi, and prints what it
// has understood.
package main

import (
	"fmt"
	"log"
	"os"

	"github.com/vmware/govmomi/ovf"
)

func main() {
	f, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	e, err := ovf.Unmarshal(f)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range e.References {
		fmt.Println("file", r.ID, r.Href, r.Size)
	}
	for _, d := range e.Disk.Disks {
		fmt.Println("disk", d.DiskID, *d.FileRef, d.Capacity, *d.CapacityAllocationUnits)
	}
	v := e.VirtualSystem
	fmt.Println("machine", v.ID, *v.Name, *v.OperatingSystem[0].OSType)
	for _, h := range v.VirtualHardware {
		fmt.Println("hardware", *h.System.VirtualSystemType)
		for _, i := range h.Item {
			fmt.Print(" ", *i.ResourceType)
		}
		fmt.Println()
	}
}
