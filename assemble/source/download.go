// Brings one address to one file, over as many connections as it takes.

package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"time"
)

// partState is what stands beside a partial download: enough to ask the
// server for the rest of the same file.
type partState struct {
	URL          string `json:"url"`  // after redirects
	From         string `json:"from"` // the address that was asked for
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
	Total        int64  `json:"total"` // -1: not known
}

// transfer is one download.
type transfer struct {
	f        *Fetcher
	name     string
	url      string
	part     string // path of the partial file
	wantSize int64  // 0: not known
	// known: the content is known by its SHA-256, so that a part may be
	// completed from another server too; the hash will tell.
	known bool

	file  *os.File
	sum   hash.Hash
	done  int64 // bytes in file, all of them in sum
	state partState
	meter meter
	// resumed: some bytes are of an earlier run or connection.
	resumed bool
	// astray: the server that earlier bytes came from, after a redirect, gave
	// none the last time; ask at url again.
	astray bool
}

// errChanged says that the server's file is not the one that the part is of.
var errChanged = errors.New("the file on the server has changed since the download began")

// errStalled is the cause of a connection that we gave up.
var errStalled = errors.New("the server sent nothing, or next to nothing, for too long")

// run downloads until the part is whole, resuming after every transient
// failure, and returns the SHA-256. On error the part stays, to be resumed by
// a later run.
func (t *transfer) run(ctx context.Context) (sum string, err error) {
	if err := t.open(); err != nil {
		return "", err
	}
	defer func() {
		err = errors.Join(err, t.file.Close())
		if err != nil && t.done == 0 { // nothing worth resuming
			err = errors.Join(err, removeAll(t.part, t.part+".json"))
		}
	}()
	for failed := 0; ; {
		before := t.done
		whole, err := t.once(ctx)
		if whole {
			if err := t.file.Sync(); err != nil {
				return "", err
			}
			return hex.EncodeToString(t.sum.Sum(nil)), nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if errors.Is(err, errChanged) {
			t.f.note(fmt.Sprintf("%s: %v; starting again from the beginning", t.name, err))
			if err := t.restart(); err != nil {
				return "", err
			}
		}
		if !transient(err) {
			return "", err
		}
		// A connection that brought something worth having counts as success.
		const worthwhile = 256 << 10
		if t.done-before >= worthwhile {
			failed = 0
		}
		if failed++; failed >= t.f.tries() {
			return "", fmt.Errorf("given up after %d tries without progress: %w", failed, err)
		}
		wait := backoff(failed, err)
		t.f.note(fmt.Sprintf("%s: %v; going on in %s", t.name, err, wait.Round(time.Second/10)))
		if err := t.f.sleep(ctx, wait); err != nil {
			return "", err
		}
	}
}

// open opens the part and reads what an earlier run left.
func (t *transfer) open() error {
	var err error
	if t.file, err = os.OpenFile(t.part, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return err
	}
	t.sum = sha256.New()
	t.meter = meter{f: t.f, name: t.name, total: t.wantSize}
	b, err := os.ReadFile(t.part + ".json")
	if err != nil || json.Unmarshal(b, &t.state) != nil || (t.state.From != t.url && !t.known) {
		// What a part of unknown origin holds can't be told: start anew. It
		// was never whole and never verified, so nothing is lost by that.
		return t.restart()
	}
	if t.state.From != t.url {
		t.state = partState{Total: t.state.Total}
	}
	if t.done, err = io.Copy(t.sum, t.file); err != nil {
		return errors.Join(fmt.Errorf("read %s: %w", t.part, err), t.file.Close())
	}
	if t.wantSize > 0 && t.done > t.wantSize {
		return t.restart()
	}
	t.resumed = t.done > 0
	t.meter.at(t.done)
	return nil
}

func (t *transfer) restart() error {
	t.done, t.resumed, t.state = 0, false, partState{}
	t.sum.Reset()
	t.meter.at(0)
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return t.file.Truncate(0)
}

// once makes one request and takes what it gives. It reports whether the part is whole.
func (t *transfer) once(ctx context.Context) (bool, error) {
	if t.done > 0 && (t.done == t.state.Total || t.done == t.wantSize) {
		return true, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := watchdog(t.f.stall(), func() { cancel(errStalled) })
	defer watch.stop()

	resp, err := t.request(ctx)
	if err != nil {
		return false, causeOr(ctx, err)
	}
	defer resp.Body.Close()
	total, whole, err := t.accept(resp)
	if whole || err != nil {
		return whole, err
	}
	t.state = partState{URL: resp.Request.URL.String(), From: t.url, ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified"), Total: total}
	if err := writeJSON(t.part+".json", t.state); err != nil {
		return false, err
	}
	if total > 0 {
		t.meter.total = total
	}
	return t.copy(ctx, resp.Body, watch, total)
}

// request asks for the whole file, or for the rest of the one that the part
// is of. A server that is asked for the rest goes first to where the earlier
// bytes came from: another mirror's ETag would not fit.
func (t *transfer) request(ctx context.Context) (*http.Response, error) {
	address := t.url
	if t.done > 0 && t.state.URL != "" && !t.astray {
		address = t.state.URL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	if t.done > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", t.done))
		if v := validator(t.state); v != "" {
			req.Header.Set("If-Range", v)
		}
	}
	resp, err := t.f.do(req)
	// The server that a redirect led to may be gone: ask where we began.
	if gone := err != nil || resp.StatusCode >= 400 && resp.StatusCode != http.StatusRequestedRangeNotSatisfiable; gone && address != t.url {
		t.astray = true
	} else if !gone {
		t.astray = false
	}
	return resp, err
}

// validator is what If-Range may hold: a strong ETag, else the date (RFC 9110, 13.1.5).
func validator(s partState) string {
	if len(s.ETag) > 1 && s.ETag[0] == '"' {
		return s.ETag
	}
	return s.LastModified
}

var contentRange = regexp.MustCompile(`^bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)$`)

// accept looks at the answer's header, and makes the part ready for its body.
// It returns the file's total size, -1 if that is not said, and whether the
// part is whole already.
func (t *transfer) accept(resp *http.Response) (total int64, whole bool, err error) {
	switch resp.StatusCode {
	case http.StatusOK:
		total = resp.ContentLength
		if t.done > 0 {
			why := "the server can't resume"
			if v := resp.Header.Get("ETag"); v != t.state.ETag || resp.Header.Get("Last-Modified") != t.state.LastModified {
				why = errChanged.Error()
			}
			t.f.note(fmt.Sprintf("%s: %s; starting again from the beginning", t.name, why))
			if err := t.restart(); err != nil {
				return 0, false, err
			}
		}
	case http.StatusPartialContent:
		m := contentRange.FindStringSubmatch(resp.Header.Get("Content-Range"))
		if m == nil || m[1] != strconv.FormatInt(t.done, 10) {
			return 0, false, fmt.Errorf("%w: asked for bytes from %d, got %q", errChanged, t.done, resp.Header.Get("Content-Range"))
		}
		total = t.state.Total
		if m[3] != "*" {
			if total, err = strconv.ParseInt(m[3], 10, 64); err != nil {
				return 0, false, err
			}
		}
		// Some servers ignore If-Range: look for ourselves.
		if (t.state.Total >= 0 && total != t.state.Total) || differs(resp.Header.Get("ETag"), t.state.ETag) || differs(resp.Header.Get("Last-Modified"), t.state.LastModified) {
			return 0, false, errChanged
		}
		t.resumed = true
	case http.StatusRequestedRangeNotSatisfiable:
		if m := contentRange.FindStringSubmatch(resp.Header.Get("Content-Range")); m != nil && m[3] == strconv.FormatInt(t.done, 10) && t.done > 0 &&
			(t.wantSize == 0 || t.wantSize == t.done) {
			return t.done, true, nil
		}
		return 0, false, errChanged
	default:
		return 0, false, &statusError{code: resp.StatusCode, status: resp.Status, retryAfter: retryAfter(resp.Header.Get("Retry-After"), t.f.now())}
	}
	if t.wantSize > 0 && total >= 0 && total != t.wantSize {
		return 0, false, &lengthError{want: t.wantSize, got: total}
	}
	return total, false, nil
}

// differs says that two values of a header are both there and not the same.
func differs(a, b string) bool { return a != "" && b != "" && a != b }

// copy takes the body into file and hash.
func (t *transfer) copy(ctx context.Context, body io.Reader, watch *dog, total int64) (bool, error) {
	limit := total
	if limit < 0 {
		limit = t.wantSize // 0: no limit
	}
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			if limit > 0 && t.done+int64(n) > limit {
				return false, errors.Join(&lengthError{want: limit, got: t.done + int64(n)}, t.restart())
			}
			if _, err := t.file.Write(buf[:n]); err != nil {
				return false, &diskError{err, limit - t.done}
			}
			t.sum.Write(buf[:n])
			t.done += int64(n)
			watch.feed(n)
			t.meter.add(n)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			if limit > 0 && t.done < limit {
				return false, io.ErrUnexpectedEOF
			}
			if t.done == 0 {
				return false, &lengthError{want: max(1, t.wantSize)}
			}
			return true, nil
		default:
			return false, causeOr(ctx, err)
		}
	}
}

// causeOr prefers the reason why we cancelled over what that looks like.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// diskError is a write that failed: no second try will help.
type diskError struct {
	err     error
	missing int64 // bytes that were still to come; 0 or less: not known
}

func (e *diskError) Error() string {
	if e.missing > 0 {
		return fmt.Sprintf("%v, with %s still to come", e.err, formatBytes(e.missing))
	}
	return e.err.Error()
}
func (e *diskError) Unwrap() error { return e.err }
