package transfer_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/remote/transfer"
)

// A transfer that was cut goes on where it ended, if both sides have the same so far.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	create := func(name, content string) *os.File {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			log.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			log.Fatal(err)
		}
		return f
	}
	there, here := create("image", "all of it"), create("image.part", "all")
	defer there.Close()
	defer here.Close()

	theirs, err := transfer.Prefix(ctx, there, 3)
	if err != nil {
		log.Fatal(err)
	}
	if ours, err := transfer.Prefix(ctx, here, 3); err != nil || ours != theirs {
		log.Fatal("another file: begin anew", err)
	}
	r, w := io.Pipe() // stands for a connection
	go func() { w.CloseWithError(transfer.Send(ctx, w, there, 3, nil)) }()
	if err := transfer.Receive(ctx, r, here, nil); err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(here.Name())
	fmt.Printf("%s %v\n", text, err)
	// Output: all of it <nil>
}
