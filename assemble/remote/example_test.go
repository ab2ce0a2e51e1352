package remote_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/imgasm/imgasm/assemble/remote"
)

// A session asks a host again over another connection when one is lost. Here the host
// is this one, at the other end of a pipe; remote.Dial reaches another by ssh.
func ExampleSession() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	server := remote.Server{Dir: dir, Version: "1.0"}
	session := remote.Session{
		Patience: time.Minute,
		Dial: func(ctx context.Context, _ bool) (*remote.Client, error) {
			here, there := net.Pipe()
			go func() {
				_ = server.Serve(ctx, there, there)
				_ = there.Close()
			}()
			var conn io.ReadWriteCloser = here
			return remote.NewClient(ctx, conn, "1.0")
		},
	}
	defer session.Close()
	ctx := context.Background()
	err = session.Do(ctx, func(c *remote.Client) error {
		jobs, err := c.List(ctx)
		fmt.Println(len(jobs), "jobs on a host with imgasm", c.Hello.Version)
		return err
	})
	fmt.Println(err)
	// Output:
	// 0 jobs on a host with imgasm 1.0
	// <nil>
}
