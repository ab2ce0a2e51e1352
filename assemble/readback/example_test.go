package readback_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/readback"
)

// A volume is read by somebody else's code before it is used.
func ExampleOEMDRV() {
	files := []iso.File{iso.Bytes("ks.cfg", []byte("poweroff\n"))}
	var volume bytes.Buffer
	if err := iso.WriteOEMDRV(&volume, files, time.Unix(1763550000, 0)); err != nil {
		log.Fatal(err)
	}
	r := bytes.NewReader(volume.Bytes())
	unread, err := readback.OEMDRV(r, r.Size(), files)
	fmt.Println(unread, err)

	other := []iso.File{iso.Bytes("ks.cfg", []byte("reboot\n"))}
	_, err = readback.OEMDRV(r, r.Size(), other)
	fmt.Println(errors.Is(err, readback.ErrDifference))
	// Output:
	// <nil> <nil>
	// true
}
