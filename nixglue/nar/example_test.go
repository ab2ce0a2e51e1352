package nar_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/imgasm/imgasm/nixglue/nar"
)

// What is in an archive: nix-store --dump ./folder >folder.nar
func ExampleReader() {
	f, err := os.Open("testdata/folder.nar")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	r := nar.NewReader(bufio.NewReader(f))
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Mode, e.Size, e.Path)
		if e.Path == "hello" {
			text, err := io.ReadAll(r)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%q\n", text)
		}
	}
	// Output:
	// dr-xr-xr-x 0 .
	// dr-xr-xr-x 0 deep
	// dr-xr-xr-x 0 deep/empty
	// -r-xr-xr-x 10 deep/tool
	// -r--r--r-- 6 hello
	// "hello\n"
	// Lrwxrwxrwx 0 link
	// -r--r--r-- 0 nothing
}
