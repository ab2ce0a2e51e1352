// Which failures are worth another try, after how long, and when a connection
// counts as dead.

package source

import (
	"context"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// transient says whether another try may help: all but what the server or the
// system said plainly.
func transient(err error) bool {
	var status *statusError
	var length *lengthError
	var disk *diskError
	var path *fs.PathError
	var unknownCA x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var cert x509.CertificateInvalidError
	var name *net.DNSError
	switch {
	case errors.As(err, &status):
		switch status.code {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
			http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	case errors.Is(err, context.Canceled), errors.Is(err, errRedirects), errors.As(err, &length), errors.As(err, &disk), errors.As(err, &path),
		errors.As(err, &unknownCA), errors.As(err, &hostname), errors.As(err, &cert):
		return false
	case errors.As(err, &name) && name.IsNotFound:
		return false // a typing error, or no network at all
	}
	return true
}

// errRedirects is a chain of redirects that leads nowhere.
var errRedirects = errors.New("it redirects too often")

// do makes a request. Errors are those of the network, without the address,
// which every caller names.
func (f *Fetcher) do(req *http.Request) (*http.Response, error) {
	agent := f.UserAgent
	if agent == "" {
		agent = "imgasm"
	}
	req.Header.Set("User-Agent", agent)
	// Lengths and ranges must be those of the file itself.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := f.client().Do(req)
	var u *url.Error
	switch {
	case err == nil || !errors.As(err, &u):
	case strings.HasPrefix(u.Err.Error(), "stopped after"):
		// The standard client's error for this has no type: "stopped after 10 redirects".
		err = errRedirects
	default:
		err = u.Err
	}
	return resp, err
}

// backoff is the wait before try n+1: 1 s, 2 s, 4 s … 30 s, each shortened by
// up to half by chance so that many builders do not knock at once; or what the
// server asked for, up to two minutes.
func backoff(n int, err error) time.Duration {
	var status *statusError
	if errors.As(err, &status) && status.retryAfter > 0 {
		return min(status.retryAfter, 2*time.Minute)
	}
	d := min(time.Second<<min(n-1, 10), 30*time.Second)
	return d/2 + rand.N(d/2+1)
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

// dog barks when too little came in a period.
type dog struct {
	period time.Duration
	fed    atomic.Int64
	timer  *time.Timer
}

// watchdog calls bark when less than 1 KiB a second came in a whole period.
func watchdog(period time.Duration, bark func()) *dog {
	d := &dog{period: period}
	least := int64(period.Seconds() * 1024)
	d.timer = time.AfterFunc(period, func() {
		if d.fed.Swap(0) < max(1, least) {
			bark()
			return
		}
		d.timer.Reset(period)
	})
	return d
}

func (d *dog) feed(n int) { d.fed.Add(int64(n)) }
func (d *dog) stop()      { d.timer.Stop() }
