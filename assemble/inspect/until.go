package inspect

import (
	"context"
	"io"
)

// Until reads an image until ctx ends, and fails with its cause then: a hostile one
// may have more to look at than one waits for.
func Until(ctx context.Context, r io.ReaderAt) io.ReaderAt { return untilDone{ctx, r} }

type untilDone struct {
	ctx context.Context
	r   io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (u untilDone) ReadAt(p []byte, off int64) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.ReadAt(p, off)
}
