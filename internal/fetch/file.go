// Brings one address to one file, over as many connections as it takes.

package fetch

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/redact"
)

// Job is a file to be downloaded.
type Job struct {
	URL string
	// Name is what notes call it; "": the URL.
	Name string
	// Part is the path of the partial file, in a folder that is there. Only one
	// process at a time may work on it. What an earlier one left is resumed
	// where that is safe; what is needed for that stands in Part + ".json".
	Part string
	// SizeBytes is what the file must have; 0: what the server announces.
	SizeBytes int64
	// MaxBytes is what the file may have at most if SizeBytes is 0; 0: 64 GiB.
	MaxBytes int64
	// SHA256 is what the file must have, 64 lower-case hexadecimal digits; "":
	// not known. With it a part may be completed from another address too.
	SHA256 string
	// Aside puts a file with another SHA-256 out of the way; nil: it is removed.
	Aside func(part string, err *SumError) error
	// Progress is told how many bytes are here, and of how many (0: not known
	// yet), after each that came and at every new beginning; nil: nobody.
	Progress func(done, total int64)
}

// Got is a file that was downloaded and stands, whole, at Job.Part.
type Got struct {
	SHA256    string
	SizeBytes int64
	ETag      string // as the server sent it; "": none
}

const defaultMaxBytes = 64 << 30

// State is what stands beside a partial file: enough to ask the server for the
// rest of the same file.
type State struct {
	URL          string `json:"url"`  // after redirects
	From         string `json:"from"` // the address that was asked for
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	Total        int64  `json:"total"` // bytes of the whole file
}

// ReadState reads what stands beside the partial file.
func ReadState(part string) (State, error) {
	var s State
	b, err := os.ReadFile(part + ".json")
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if strings.Contains(s.URL, redact.Mask) { // it was signed: whoever asks at From is led to another
		s.URL = ""
	}
	return s, err
}

// write keeps the state, without what lets somebody in at its addresses.
func (s State) write(part string) error {
	s.URL, s.From = redact.Text(s.URL), redact.Text(s.From)
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return publish.Bytes(part+".json", append(b, '\n'))
}

// validator is what If-Range may hold: a strong ETag, else the date (RFC 9110, 13.1.5).
func (s State) validator() string {
	if len(s.ETag) > 1 && s.ETag[0] == '"' {
		return s.ETag
	}
	return s.LastModified
}

// File downloads until the part is whole, resuming after every transient
// failure. After an error the part stays, to be resumed by a later call.
//
// A file whose SHA-256 is not Job.SHA256 goes aside; if it was put together
// over several connections it is fetched once more, in one piece.
//
// Errors are a *StatusError, a *RedirectError, a *LengthError, a *SumError, a
// *DiskError, ErrNoLength, ErrStalled, ctx's cause, or of the network. They do
// not name the address.
func (c *Client) File(ctx context.Context, j Job) (*Got, error) {
	j.Name = cmp.Or(j.Name, j.URL)
	if j.MaxBytes == 0 {
		j.MaxBytes = defaultMaxBytes
	}
	for {
		t := &transfer{c: c, Job: j}
		got, err := t.run(ctx)
		if err != nil {
			return nil, err
		}
		if j.SHA256 == "" || got.SHA256 == j.SHA256 {
			return got, disk(removeState(j.Part))
		}
		bad := &SumError{j.SHA256, got.SHA256}
		if j.Aside != nil {
			err = j.Aside(j.Part, bad)
		} else {
			err = os.Remove(j.Part)
		}
		if err := errors.Join(err, removeState(j.Part)); err != nil {
			return nil, disk(err)
		}
		if !t.resumed {
			return nil, bad
		}
		c.note(j.Name + ": the download was resumed and has the wrong hash; starting again from the beginning")
	}
}

func removeState(part string) error {
	if err := os.Remove(part + ".json"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// disk marks an error as one of this host's files.
func disk(err error) error {
	if err == nil {
		return nil
	}
	return &DiskError{Err: err}
}

// transfer is one download.
type transfer struct {
	Job
	c     *Client
	file  *os.File
	sum   hash.Hash
	done  int64 // bytes in file, all of them in sum
	state State
	// resumed: some bytes are of an earlier run or connection.
	resumed bool
	// astray: the server that earlier bytes came from, after a redirect, gave
	// none the last time; ask at Job.URL again.
	astray bool
}

func (t *transfer) run(ctx context.Context) (_ *Got, err error) {
	if err := t.open(); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, t.file.Close())
		if err != nil && t.done == 0 { // nothing worth resuming
			err = errors.Join(err, os.Remove(t.Part), removeState(t.Part))
		}
	}()
	// A connection that brought so much counts as success.
	const worthwhile = 256 << 10
	for failed := 0; !t.whole(); {
		before := t.done
		err := t.connect(ctx)
		if err == nil {
			continue
		}
		if t.done-before >= worthwhile {
			failed = 0
		}
		failed++
		if errors.Is(err, errChanged) && ctx.Err() == nil {
			if err := t.restart(err.Error()); err != nil {
				return nil, err
			}
		}
		if err := t.c.pause(ctx, t.Name, failed, err); err != nil {
			return nil, err
		}
	}
	if err := publish.Sync(ctx, t.file); err != nil {
		return nil, disk(err)
	}
	return &Got{SHA256: hex.EncodeToString(t.sum.Sum(nil)), SizeBytes: t.done, ETag: t.state.ETag}, nil
}

// whole: all that the caller or the server said there is has come.
func (t *transfer) whole() bool {
	return t.done > 0 && (t.done == t.SizeBytes || t.SizeBytes == 0 && t.done == t.state.Total)
}

// open opens the part and reads what an earlier run left.
func (t *transfer) open() error {
	var err error
	if t.file, err = os.OpenFile(t.Part, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return disk(err)
	}
	t.sum = sha256.New()
	if !t.usable() {
		// Nothing is lost that was whole or verified.
		return t.restart("")
	}
	if t.done, err = io.Copy(t.sum, t.file); err != nil {
		return errors.Join(disk(err), t.file.Close())
	}
	if most := t.MaxBytes; t.SizeBytes > 0 && t.done > t.SizeBytes || t.done > max(most, t.SizeBytes) || t.state.Total > 0 && t.done > t.state.Total {
		return t.restart("")
	}
	t.resumed = t.done > 0
	t.report()
	return nil
}

// usable reads the state beside the part, and says whether the part may be
// completed: its bytes come from the same address, with something by which the
// server knows the file again, or a hash will tell.
func (t *transfer) usable() bool {
	s, err := ReadState(t.Part)
	if err != nil {
		return false
	}
	if s.From != redact.Text(t.URL) {
		// Another address of the same file: its validators say nothing here.
		s = State{From: redact.Text(t.URL)}
	}
	if t.SHA256 == "" && s.validator() == "" {
		return false
	}
	// The state may be older than the policy.
	if u, err := url.Parse(s.URL); err != nil || checkURL(u) != nil || u.Scheme == "http" && hasHTTPS(t.URL) {
		s.URL = ""
	}
	t.state = s
	return true
}

func hasHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https"
}

// restart empties the part. why is told, "" is not.
func (t *transfer) restart(why string) error {
	if why != "" {
		t.c.note(fmt.Sprintf("%s: %s; starting again from the beginning", t.Name, why))
	}
	t.done, t.resumed, t.state = 0, false, State{}
	t.sum.Reset()
	t.report()
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return disk(err)
	}
	return disk(t.file.Truncate(0))
}

func (t *transfer) report() {
	if t.Progress != nil {
		t.Progress(t.done, max(t.SizeBytes, t.state.Total))
	}
}

// connect makes one request and takes what it gives. A server that is asked
// for the rest goes first to where the earlier bytes came from: another
// mirror's ETag would not fit.
func (t *transfer) connect(ctx context.Context) error {
	address := t.URL
	if t.done > 0 && t.state.URL != "" && !t.astray {
		address = t.state.URL
	}
	answered := false
	err := t.c.guarded(ctx, http.MethodGet, address, t.header(), func(resp *http.Response, moved func(int)) error {
		answered = resp.StatusCode < 400 || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable
		if err := t.accept(resp); err != nil {
			return err
		}
		return t.copy(resp.Body, moved)
	})
	// The server that a redirect led to may be gone: ask where we began.
	t.astray = !answered && address != t.URL
	return err
}

// header asks for the rest of the file that the part is of.
func (t *transfer) header() http.Header {
	h := http.Header{}
	if t.done > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", t.done))
		if v := t.state.validator(); v != "" {
			h.Set("If-Range", v)
		}
	}
	return h
}

// copy takes the body into file and hash, and no byte more than there may be.
func (t *transfer) copy(body io.Reader, moved func(int)) error {
	total := t.state.Total
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if t.done+int64(n) > total {
				return errors.Join(&LengthError{Want: total, Got: t.done + int64(n)}, t.restart(""))
			}
			if _, err := t.file.Write(buf[:n]); err != nil {
				return &DiskError{err, total - t.done}
			}
			t.sum.Write(buf[:n])
			t.done += int64(n)
			moved(n)
			t.report()
		}
		switch {
		case err == nil:
		case !errors.Is(err, io.EOF):
			return err
		case t.done < total:
			return io.ErrUnexpectedEOF
		default:
			return nil
		}
	}
}
