// What the header of an answer says about its body.

package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"

	"github.com/imgasm/imgasm/internal/freespace"
)

// errRange is an answer to a Range that was not asked for, or none of HTTP's forms.
var errRange = errors.New("the server answers with a part of the file that was not asked for")

// accept looks at an answer's header, makes the part ready for its body, and
// notes what the server says of the file.
func (t *transfer) accept(resp *http.Response) error {
	var total int64
	var err error
	switch {
	case resp.StatusCode == http.StatusOK:
		total, err = t.acceptWhole(resp)
	case resp.StatusCode == http.StatusPartialContent:
		total, err = t.acceptRest(resp)
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && t.done > 0:
		// The server's file ends before the part does, or where it does: since
		// the length of the file that we began with is known, it is another.
		return errChanged
	default:
		return t.c.status(resp)
	}
	if err != nil {
		return err
	}
	switch {
	case t.SizeBytes > 0 && total != t.SizeBytes, total == 0:
		return &LengthError{Want: t.SizeBytes, Got: total}
	case t.SizeBytes == 0 && total > t.MaxBytes:
		return &LengthError{Want: t.MaxBytes, Got: total, Most: true}
	}
	if err := t.fits(total - t.done); err != nil {
		return err
	}
	t.state = State{URL: resp.Request.URL.String(), From: t.URL, ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified"), Total: total}
	return disk(t.state.write(t.Part))
}

// fits refuses a body for which the disk has no room, before it travels.
func (t *transfer) fits(missing int64) error {
	dir, free := filepath.Dir(t.Part), t.c.Free
	if free == nil {
		free = freespace.Bytes
	}
	if room, err := free(dir); err == nil && room < missing {
		return &DiskError{fmt.Errorf("%s has %.1f MiB free: %w", dir, float64(room)/(1<<20), syscall.ENOSPC), missing}
	}
	return nil // what cannot be asked is found out
}

// acceptWhole: the body is the file from its first byte, whatever was asked.
func (t *transfer) acceptWhole(resp *http.Response) (total int64, err error) {
	if t.done > 0 {
		why := "the server can't resume"
		if resp.Header.Get("ETag") != t.state.ETag || resp.Header.Get("Last-Modified") != t.state.LastModified {
			why = errChanged.Error()
		}
		if err := t.restart(why); err != nil {
			return 0, err
		}
	}
	switch {
	case resp.ContentLength >= 0:
		return resp.ContentLength, nil
	case t.SizeBytes > 0:
		return t.SizeBytes, nil
	}
	return 0, ErrNoLength
}

// bytes 1048576-3157985/3157986; the whole's length may be * (RFC 9110, 14.4)
var contentRange = regexp.MustCompile(`^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)$`)

// acceptRest: the body goes on where the part ends, in the same file.
func (t *transfer) acceptRest(resp *http.Response) (total int64, err error) {
	said := resp.Header.Get("Content-Range")
	m := contentRange.FindStringSubmatch(said)
	if t.done == 0 || m == nil {
		return 0, fmt.Errorf("%w: asked for bytes from %d, got %.80q", errRange, t.done, said)
	}
	if m[1] != strconv.FormatInt(t.done, 10) {
		return 0, fmt.Errorf("%w: asked for bytes from %d, got %.80q", errChanged, t.done, said)
	}
	total = max(t.state.Total, t.SizeBytes)
	if m[3] != "*" {
		if total, err = strconv.ParseInt(m[3], 10, 64); err != nil {
			return 0, err
		}
	}
	if total == 0 {
		return 0, ErrNoLength
	}
	// Some servers ignore If-Range: look for ourselves.
	if t.state.Total > 0 && total != t.state.Total || differs(resp.Header.Get("ETag"), t.state.ETag) || differs(resp.Header.Get("Last-Modified"), t.state.LastModified) {
		return 0, errChanged
	}
	t.resumed = true
	return total, nil
}
