package remote

// The client's side of a connection.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble/remote/transfer"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Client asks a Server things, one after the other. Errors are of class ErrLost if
// the connection broke, ErrNoJob or ErrHost if the host answered so, or those of
// files here. If a context ends the connection is closed, and the error is its cause.
type Client struct {
	Hello Hello
	// Ahead is by how much this host's clock is ahead of the other's, as far as it
	// matters to people.
	Ahead time.Duration

	conn io.ReadWriteCloser
	wire *wire
}

// NewClient takes a connection whose other end Server.Serve has. The host must have
// imgasm of the version, "": of any.
func NewClient(ctx context.Context, conn io.ReadWriteCloser, version string) (*Client, error) {
	c := &Client{conn: conn, wire: newWire(conn, conn)}
	r, err := c.receive(ctx)
	if err == nil && r.Hello == nil {
		err = &fault.Error{Class: ErrHost, Err: errors.New("what answers there is no imgasm that serves")}
	}
	if err == nil && version != "" && r.Hello.Version != version {
		err = &fault.Error{Class: ErrHost, Err: fmt.Errorf("its imgasm is %s, and this one is %s", r.Hello.Version, version), Do: "install the same version there"}
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c.Hello = *r.Hello
	if ahead := time.Since(c.Hello.Time); ahead.Abs() > 2*time.Second {
		c.Ahead = ahead
	}
	return c, nil
}

// Close ends the connection. Jobs go on.
func (c *Client) Close() error { return c.conn.Close() }

// lost is an error of the connection, or the reason for which we closed it.
func lost(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return &fault.Error{Class: ErrLost, Err: fmt.Errorf("the connection is lost: %w", err)}
}

// moving is an error of what was between a file and the connection: one that is not the
// connection's ends that too, which is in the middle of it.
func (c *Client) moving(ctx context.Context, f *os.File, err error) error {
	var own *fs.PathError
	if errors.As(err, &own) && own.Path == f.Name() || errors.Is(err, transfer.ErrChanged) || errors.Is(err, transfer.ErrStream) {
		_ = c.conn.Close()
		return err
	}
	return lost(ctx, err)
}

func (c *Client) receive(ctx context.Context) (r reply, err error) {
	defer context.AfterFunc(ctx, func() { _ = c.conn.Close() })()
	if err := c.wire.receive(&r); err != nil {
		return r, lost(ctx, err)
	}
	switch {
	case r.NoJob:
		return r, &fault.Error{Class: ErrNoJob, Err: errors.New(r.Error), Do: r.Hint}
	case r.Error != "":
		return r, &fault.Error{Class: ErrHost, Err: errors.New(r.Error), Do: r.Hint}
	}
	return r, nil
}

func (c *Client) ask(ctx context.Context, q call) (reply, error) {
	if err := context.Cause(ctx); err != nil {
		return reply{}, err
	}
	if err := c.wire.send(q); err != nil {
		return reply{}, lost(ctx, err)
	}
	return c.receive(ctx)
}

// Check asks whether the host has what some work needs: an error of class ErrHost
// says what it lacks, and what to do.
func (c *Client) Check(ctx context.Context, n Need) ([]Caution, error) {
	r, err := c.ask(ctx, call{Op: opCheck, Need: &n})
	return r.Cautions, err
}

// Missing are those of a request's files that the host does not have.
func (c *Client) Missing(ctx context.Context, files []File) ([]File, error) {
	r, err := c.ask(ctx, call{Op: opHave, Files: files})
	return r.Files, err
}

// Put sends the contents of a file, or what the host lacks of them. moved is told how
// many bytes have moved, one after the other.
func (c *Client) Put(ctx context.Context, file File, from string, moved func(int64)) error {
	f, err := smallfile.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := c.ask(ctx, call{Op: opPut, SHA256: file.SHA256, Size: file.Size})
	if err != nil {
		return err
	}
	moved(r.From)
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() })
	err = transfer.Send(ctx, c.conn, f, r.From, moved)
	stop()
	err = c.moving(ctx, f, err)
	if err == nil || errors.Is(err, ErrLost) { // the host may have said why
		switch _, said := c.receive(ctx); {
		case errors.Is(said, ErrHost):
			return fmt.Errorf("%s: %w", from, said)
		case err == nil || said == nil:
			return said
		}
	}
	return err
}

// Start starts a job. Asked again for the same one it does nothing.
func (c *Client) Start(ctx context.Context, r Request) error {
	_, err := c.ask(ctx, call{Op: opStart, Request: &r})
	return err
}

// Follow gives each line that a job says, from the line of a number on (0: all), to
// each, until it ends. When stop is closed the job is asked to stop; it is still followed.
func (c *Client) Follow(ctx context.Context, id string, from int64, stop <-chan struct{}, each func(line string)) (*End, error) {
	r, err := c.ask(ctx, call{Op: opFollow, ID: id, From: from})
	ended := make(chan struct{})
	defer close(ended)
	c.stopWhen(stop, ended, id)
	for {
		switch {
		case err != nil:
			return nil, err
		case r.End != nil:
			return r.End, nil
		case r.Line != "":
			each(r.Line)
		}
		r, err = c.receive(ctx)
	}
}

// Get brings a file of a job home: into the file name below root, of which all that is
// there already and is right stays.
func (c *Client) Get(ctx context.Context, id string, file File, root *os.Root, name string, moved func(int64)) (err error) {
	if !fs.ValidPath(file.Path) || !filepath.IsLocal(filepath.FromSlash(file.Path)) {
		return &fault.Error{Class: ErrHost, Err: fmt.Errorf("%q is no path of a file of a job", file.Path)}
	}
	name = filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, fs.FileMode(file.Mode)&0o644|0o600) // without what the umask forbids
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	q := call{Op: opGet, ID: id, Path: file.Path, From: min(info.Size(), file.Size)}
	if q.From > 0 {
		if q.SHA256, err = transfer.Prefix(ctx, f, q.From); err != nil {
			return err
		}
	}
	r, err := c.ask(ctx, q)
	if err != nil {
		return err
	}
	if r.From != q.From && r.From != 0 {
		return &fault.Error{Class: ErrHost, Err: fmt.Errorf("%s: the host sends from byte %d, asked for from %d", file.Path, r.From, q.From)}
	}
	if err := f.Truncate(r.From); err != nil {
		return err
	}
	moved(r.From)
	if err := c.rest(ctx, f, file, r.From, moved); err != nil {
		return err
	}
	return publish.Sync(ctx, f)
}

// rest receives a file from a byte on, and no more of it than the host has said
// that there is.
func (c *Client) rest(ctx context.Context, f *os.File, file File, from int64, moved func(int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, func() { _ = c.conn.Close() })()
	got := from
	other := func() error {
		return &fault.Error{Class: ErrHost, Err: fmt.Errorf("%s has %d bytes there, and %d or more come", file.Path, file.Size, got)}
	}
	err := transfer.Receive(ctx, c.wire.r, f, func(n int64) {
		if got += n; got > file.Size {
			cancel(other())
		}
		moved(n)
	})
	if err := c.moving(ctx, f, err); err != nil {
		return err
	}
	if got != file.Size {
		return other()
	}
	return nil
}

// Fetch brings all files of a job home, into the folder of root, as Get does. what
// has moved is told in bytes, of the sum of their sizes.
func (c *Client) Fetch(ctx context.Context, id string, files []File, root *os.Root, moved func(done, total int64)) error {
	var done, total int64
	for _, f := range files {
		total += f.Size
	}
	for _, f := range files {
		if err := c.Get(ctx, id, f, root, path.Clean(f.Path), func(n int64) { done += n; moved(done, total) }); err != nil {
			return fmt.Errorf("fetch %s: %w", f.Path, err)
		}
	}
	return nil
}

// Done tells the host that a job's files are home: it removes the job.
func (c *Client) Done(ctx context.Context, id string) error {
	_, err := c.ask(ctx, call{Op: opDone, ID: id})
	return err
}

// List are the jobs of the host, the oldest first.
func (c *Client) List(ctx context.Context) ([]Job, error) {
	r, err := c.ask(ctx, call{Op: opList})
	return r.Jobs, err
}

// Clean removes the named jobs, which are stopped if they run, those that were killed,
// and whatever no job needs. It returns the jobs that are gone.
func (c *Client) Clean(ctx context.Context, ids []string) ([]Job, error) {
	r, err := c.ask(ctx, call{Op: opClean, IDs: ids})
	return r.Jobs, err
}

// stopWhen asks the job that is followed to stop when stop is closed.
func (c *Client) stopWhen(stop, ended <-chan struct{}, id string) {
	go guard.Func(func() {
		select {
		case <-ended:
		case <-stop:
			_ = c.wire.send(call{Op: opStop, ID: id}) // else the connection is lost, which who reads finds out
		}
	}, func(error) {})()
}
