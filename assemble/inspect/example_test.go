package inspect_test

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/imgasm/imgasm/assemble/inspect"
)

// Whether a disk has what firmware starts.
func ExampleBoot() {
	f, err := os.Open("disk.raw")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	boots, err := inspect.Boot(f, info.Size(), "x86_64", true)
	switch {
	case err != nil:
		log.Fatal(err)
	case boots.Unread != nil:
		fmt.Println("nothing is proven:", boots.Unread)
	default:
		fmt.Println(boots.Found)
	}
}

// A disk that was never written to.
func ExampleBoot_blank() {
	blank := make([]byte, 1<<20)
	_, err := inspect.Boot(bytes.NewReader(blank), int64(len(blank)), "x86_64", true)
	fmt.Println(errors.Is(err, inspect.ErrCannotBoot), err)
	// Output:
	// true it has no partition table
}
