package source_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble/source"
)

// The newest AlmaLinux 10 boot ISO, downloaded and verified, or out of the cache.
func ExampleFetcher_Fetch() {
	f := source.Fetcher{
		Cache: filepath.Join(os.TempDir(), "isos"),
		Sink: func(e source.Event) {
			fmt.Println(e.Text, e.Done, e.Total)
		},
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	file, err := f.Fetch(ctx, source.Request{Version: "10", Arch: "aarch64"})
	switch {
	case errors.Is(err, source.ErrVerify):
		log.Fatal("not what AlmaLinux signed: ", err)
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(file.Path, file.SHA256, file.Signature)
}

// A file that is here, by its SHA-256.
func ExampleFetcher_Local() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "my.iso")
	if err := os.WriteFile(path, []byte("an installer"), 0o600); err != nil {
		log.Fatal(err)
	}
	var f source.Fetcher
	file, err := f.Local(context.Background(), path, "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.SHA256, file.Unverified)

	_, err = f.Local(context.Background(), path, "0000000000000000000000000000000000000000000000000000000000000000")
	fmt.Println(errors.Is(err, source.ErrVerify))
	// Output:
	// b2b3a11c02f14e36f2a5c148db1b5924fa96141da4b2fbfb262a469df53f6750 true
	// true
}
