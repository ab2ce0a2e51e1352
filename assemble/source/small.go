// Small files: the CHECKSUM.

package source

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// small gets a file of at most limit bytes, with the same patience as a large one.
func (f *Fetcher) small(ctx context.Context, address string, limit int64) ([]byte, error) {
	for failed := 0; ; {
		b, err := f.smallOnce(ctx, address, limit)
		if err == nil {
			return b, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if failed++; failed >= f.tries() || !transient(err) {
			return nil, err
		}
		wait := backoff(failed, err)
		f.note(fmt.Sprintf("%s: %v; again in %s", address, err, wait.Round(time.Second/10)))
		if err := f.sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

func (f *Fetcher) smallOnce(ctx context.Context, address string, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.stall(), errStalled)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.do(req)
	if err != nil {
		return nil, causeOr(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{code: resp.StatusCode, status: resp.Status, retryAfter: retryAfter(resp.Header.Get("Retry-After"), f.now())}
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, causeOr(ctx, err)
	case n > limit:
		return nil, &lengthError{want: limit, got: n}
	}
	return b.Bytes(), nil
}
