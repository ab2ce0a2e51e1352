// Small files, kept in memory, and questions about files.

package fetch

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// Bytes gets a file of at most most bytes.
//
// Errors are a *StatusError, a *RedirectError, a *LengthError, ctx's cause, or
// of the network. They do not name the address.
func (c *Client) Bytes(ctx context.Context, address string, most int64) ([]byte, error) {
	for failed := 1; ; failed++ {
		b, err := c.bytesOnce(ctx, address, most)
		if err == nil {
			return b, nil
		}
		if err := c.pause(ctx, address, failed, err); err != nil {
			return nil, err
		}
	}
}

func (c *Client) bytesOnce(ctx context.Context, address string, most int64) ([]byte, error) {
	var b bytes.Buffer
	err := c.guarded(ctx, http.MethodGet, address, nil, func(resp *http.Response, moved func(int)) error {
		if resp.StatusCode != http.StatusOK {
			return c.status(resp)
		}
		if resp.ContentLength > most {
			return &LengthError{Want: most, Got: resp.ContentLength, Most: true}
		}
		n, err := io.Copy(&b, io.LimitReader(&countReader{resp.Body, moved}, most+1))
		if err == nil && n > most {
			err = &LengthError{Want: most, Got: n, Most: true}
		}
		return err
	})
	return b.Bytes(), err
}

// countReader tells how much was read.
type countReader struct {
	r     io.Reader
	moved func(int)
}

func (r *countReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.moved(n)
	return n, err
}

// Same asks whether a file that was fetched, with that ETag ("": none was
// sent) and size, is still the one at address. It asks once.
func (c *Client) Same(ctx context.Context, address, etag string, sizeBytes int64) (same bool, err error) {
	err = c.guarded(ctx, http.MethodHead, address, nil, func(resp *http.Response, _ func(int)) error {
		if resp.StatusCode != http.StatusOK {
			return c.status(resp)
		}
		same = (resp.ContentLength < 0 || resp.ContentLength == sizeBytes) && !differs(resp.Header.Get("ETag"), etag)
		return nil
	})
	return same, err
}

// differs says that two values of a header are both there and not the same.
func differs(a, b string) bool { return a != "" && b != "" && a != b }
