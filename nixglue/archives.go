package nixglue

// The contents of store paths: Nix's serve protocol, by which nix-store answers
// over ssh. One process gives any number of archives; none is stored, and none
// compressed. It is cheaper than nix-store --export, which hashes what it sends
// too and names a path only after its archive, and than a process for each.

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/nixglue/nar"
)

// The serve protocol as nix 2.3 to 2.34 have it: numbers are 8 bytes, strings
// as those of archives.
const (
	serveHello   = 0x390c9deb
	serveAnswer  = 0x5452eecb
	serveVersion = 0x205
	serveMajor   = serveVersion >> 8
	serveDump    = 3 // a path's archive
)

// SHA256 is NarHash, as bytes.
func (p PathInfo) SHA256() (sum [sha256.Size]byte, err error) {
	text, ok := strings.CutPrefix(p.NarHash, "sha256-")
	b, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(b) != len(sum) {
		return sum, &fault.Error{Class: ErrAnswer, Err: fmt.Errorf("the hash of %s is %.80q, not sha256-BASE64", p.Path, p.NarHash)}
	}
	return [sha256.Size]byte(b), nil
}

// Archives reads the contents of store paths, in their order, out of one process
// that is nix-store where Path is nix. visit is called once for each, and may
// leave what it does not want unread. A path whose archive is not as NarHash and
// NarSize say is an error of the class [ErrDamaged], after visit has seen it.
// The error is a *[Failure] where nix has failed, or visit's.
func (n Nix) Archives(ctx context.Context, paths []PathInfo, visit func(PathInfo, *nar.Reader) error) error {
	in, requests, err := os.Pipe()
	if err != nil {
		return err
	}
	defer requests.Close()
	answers, out, err := os.Pipe()
	if err != nil {
		in.Close()
		return err
	}
	defer answers.Close()
	log := NewLog(nil)
	stderr := &guarded{log: log}
	program := filepath.Join(filepath.Dir(n.path()), "nix-store")
	if !strings.ContainsRune(n.path(), filepath.Separator) {
		program = "nix-store"
	}
	p, err := proc.Cmd{Path: program, Args: n.ArchivesArgs(), Env: n.Env, Stdin: in, Stdout: out, Stderr: stderr}.Start()
	in.Close()
	out.Close()
	if err != nil {
		return n.ended(ctx, program, log, err)
	}
	defer context.AfterFunc(ctx, p.Kill)()
	defer p.Kill()
	a := &archives{r: bufio.NewReaderSize(answers, 1<<18), w: requests}
	read, seen := a.all(paths, visit)
	requests.Close()
	if seen != nil {
		return seen
	}
	if read != nil {
		answers.Close() // nix may be writing
	}
	err = p.Wait()
	stderr.end()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case read == nil:
		return nil // all is there, whatever nix says when it ends
	case err != nil && len(log.errors) > 0:
		return n.ended(ctx, program, log, err)
	}
	return n.noAnswer("in the serve protocol", read)
}

// archives is the conversation with a nix-store.
type archives struct {
	r *bufio.Reader
	w io.Writer
}

// all has every path visited. failed is what is wrong with what nix says, seen
// what is wrong otherwise.
func (a *archives) all(paths []PathInfo, visit func(PathInfo, *nar.Reader) error) (failed, seen error) {
	if failed = a.greet(); failed != nil {
		return failed, nil
	}
	for i, p := range paths {
		if i == 0 {
			failed = a.ask(p)
		}
		if failed == nil && i+1 < len(paths) { // so that nix does not wait for us
			failed = a.ask(paths[i+1])
		}
		if failed != nil {
			return failed, nil
		}
		if failed, seen = a.one(p, visit); failed != nil || seen != nil {
			return failed, seen
		}
	}
	return nil, nil
}

func (a *archives) greet() error {
	hello := binary.LittleEndian.AppendUint64(nil, serveHello)
	if _, err := a.w.Write(binary.LittleEndian.AppendUint64(hello, serveVersion)); err != nil {
		return err
	}
	var answer [16]byte
	if _, err := io.ReadFull(a.r, answer[:]); err != nil {
		return err
	}
	if magic, version := binary.LittleEndian.Uint64(answer[:]), binary.LittleEndian.Uint64(answer[8:]); magic != serveAnswer || version>>8 != serveMajor {
		return fmt.Errorf("it answers %x, version %x, which is another protocol", magic, version)
	}
	return nil
}

func (a *archives) ask(p PathInfo) error {
	b := binary.LittleEndian.AppendUint64(nil, serveDump)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(p.Path)))
	b = append(append(b, p.Path...), make([]byte, -len(p.Path)&7)...)
	_, err := a.w.Write(b)
	return err
}

// one has a path visited, and checks its archive.
func (a *archives) one(p PathInfo, visit func(PathInfo, *nar.Reader) error) (failed, seen error) {
	want, err := p.SHA256()
	if err != nil {
		return nil, err
	}
	hash := sha256.New()
	counted := &counter{Reader: io.TeeReader(a.r, hash)}
	r := nar.NewReader(counted)
	seen = visit(p, r)
	for failed == nil && seen == nil {
		_, failed = r.Next()
	}
	switch {
	case seen != nil && counted.err == nil:
		return nil, seen
	case counted.err != nil:
		return counted.err, nil
	case errors.Is(failed, io.EOF) && counted.n == p.NarSize && [sha256.Size]byte(hash.Sum(nil)) == want:
		return nil, nil
	case errors.Is(failed, io.EOF):
		failed = errors.New("its contents are not those that the store has registered")
	}
	return nil, &fault.Error{Class: ErrDamaged, Err: fmt.Errorf("%s: %w", p.Path, failed),
		Do: "have its store fetch or build it again: " + proc.Quote([]string{"nix-store", "--repair-path", p.Path})}
}

// counter counts what it reads, and keeps why it could not.
type counter struct {
	io.Reader
	n   int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}
