// Which failures are worth another try, after how long, and when a connection
// counts as dead.

package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"sync/atomic"
	"time"
)

// transient says whether another try may help: all but what the server or the
// system said plainly.
func transient(err error) bool {
	var (
		status      *StatusError
		redirect    *RedirectError
		length      *LengthError
		disk        *DiskError
		certificate *tls.CertificateVerificationError
		protocol    textproto.ProtocolError
		name        *net.DNSError
	)
	switch {
	case errors.As(err, &status):
		switch status.Code {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	case errors.As(err, &redirect), errors.As(err, &length), errors.As(err, &disk), errors.As(err, &certificate), errors.As(err, &protocol),
		errors.Is(err, context.Canceled), errors.Is(err, errScheme), errors.Is(err, ErrNoLength), errors.Is(err, errRange), errors.Is(err, http.ErrSchemeMismatch):
		return false
	case errors.As(err, &name) && name.IsNotFound:
		return false // a typing error, or no network at all
	}
	return true
}

// pause waits before the next try, or returns why there is none: err itself,
// or ctx's cause. failed counts the tries without progress, this one too.
func (c *Client) pause(ctx context.Context, what string, failed int, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !transient(err):
		return err
	case failed >= c.tries():
		if failed == 1 {
			return err
		}
		return fmt.Errorf("given up after %d tries without progress: %w", failed, err)
	}
	wait := backoff(failed, err)
	c.note(fmt.Sprintf("%s: %v; again in %s", what, err, wait.Round(time.Second/10)))
	return c.sleep(ctx, wait)
}

// backoff is the wait before try n+1: 1 s, 2 s, 4 s … 30 s, each shortened by
// up to half by chance so that many builders do not knock at once; or what the
// server asked for, up to two minutes.
func backoff(n int, err error) time.Duration {
	var status *StatusError
	if errors.As(err, &status) && status.retryAfter > 0 {
		return min(status.retryAfter, 2*time.Minute)
	}
	d := min(time.Second<<min(n-1, 10), 30*time.Second)
	return d/2 + rand.N(d/2+1)
}

// status is the error for an answer that is not what was hoped for.
func (c *Client) status(resp *http.Response) error {
	return &StatusError{Code: resp.StatusCode, retryAfter: retryAfter(resp.Header.Get("Retry-After"), c.now())}
}

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3).
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// stallLimit ends a connection that moves too little in a period.
type stallLimit struct {
	bytes atomic.Int64
	timer *time.Timer
}

// limitStall calls stalled when less than 1 KiB a second moved in a whole period.
func limitStall(period time.Duration, stalled func()) *stallLimit {
	l := &stallLimit{}
	least := max(1, int64(period.Seconds()*1024))
	l.timer = time.AfterFunc(period, func() {
		if l.bytes.Swap(0) < least {
			stalled()
			return
		}
		l.timer.Reset(period)
	})
	return l
}

func (l *stallLimit) moved(n int) { l.bytes.Add(int64(n)) }
func (l *stallLimit) stop()       { l.timer.Stop() }
