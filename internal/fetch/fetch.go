// Package fetch is imgasm's only HTTP client. One policy holds for everything
// that is downloaded:
//
//   - only http and https; a redirect never leads from https to http, nor to
//     another scheme, and there are at most ten;
//   - the proxy of the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY);
//   - no body without an end: what is fetched has a known or announced length,
//     and at most as many bytes as the caller allows;
//   - a broken download is resumed by Range, only where If-Range or a known
//     SHA-256 proves that the parts are of one file;
//   - another try only for what may get better, and after a pause; a server
//     that sends less than 1 KiB a second is given up;
//   - nothing of a server's own words is passed on: a status is its number.
package fetch

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Client makes requests. The zero value works. It is safe for use by several
// goroutines if its functions are.
type Client struct {
	// Transport makes the connections; nil: one that all Clients share, with
	// the proxy of the environment.
	Transport http.RoundTripper
	// UserAgent of requests; "": "imgasm".
	UserAgent string
	// Stall is how long a server may send less than 1 KiB a second before the
	// connection is given up; 0: 30 s.
	Stall time.Duration
	// Tries in a row without progress before an address is given up; 0: 6.
	Tries int
	// Note is told why there is a pause or a new beginning; nil: nobody.
	Note func(text string)
	// Free tells what can still be written to the file system of a folder, in
	// bytes; nil: as the system says.
	Free func(dir string) (int64, error)

	// Now and Sleep are the clock; nil: the real one.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Most redirects that are followed for one request.
const maxRedirects = 10

// Most bytes of an answer's header.
const maxHeaderBytes = 256 << 10

// shared is the transport of Clients that have none of their own.
var shared = func() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxResponseHeaderBytes = maxHeaderBytes
	return t
}()

// Check says whether address is one that can be fetched: http or https, with a host.
func Check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errScheme
	}
	return checkURL(u)
}

func checkURL(u *url.URL) error {
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return errScheme
	}
	return nil
}

var errScheme = errors.New("is not an http or https address")

// follow is the policy on redirects.
func follow(req *http.Request, via []*http.Request) error {
	// The address that led here may carry a token in its query.
	req.Header.Del("Referer")
	from := via[len(via)-1].URL
	switch {
	case len(via) > maxRedirects:
		return &RedirectError{To: req.URL.Redacted(), why: "it redirects too often"}
	case checkURL(req.URL) != nil:
		return &RedirectError{To: req.URL.Redacted(), why: "it redirects to what is neither http nor https"}
	case from.Scheme == "https" && req.URL.Scheme == "http":
		return &RedirectError{To: req.URL.Redacted(), why: "it redirects from https to http"}
	}
	return nil
}

// do makes one request. Errors are those of the network, without the address,
// which every caller names.
func (c *Client) do(req *http.Request) (*http.Response, error) {
	req.Header.Set("User-Agent", cmp.Or(c.UserAgent, "imgasm"))
	// Lengths and ranges must be those of the file itself.
	req.Header.Set("Accept-Encoding", "identity")
	client := http.Client{Transport: c.Transport, CheckRedirect: follow}
	if client.Transport == nil {
		client.Transport = shared
	}
	resp, err := client.Do(req)
	if err == nil {
		return resp, nil
	}
	if resp != nil {
		resp.Body.Close() // of the answer whose redirect was refused
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return nil, err
}

// guarded makes a request and hands its answer to take, under the limit on no
// progress: take calls moved for what it reads.
func (c *Client) guarded(ctx context.Context, method, address string, header http.Header, take func(resp *http.Response, moved func(int)) error) error {
	if err := Check(address); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	limit := limitStall(c.stall(), func() { cancel(ErrStalled) })
	defer limit.stop()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := c.do(req)
	if err != nil {
		return causeOr(ctx, err)
	}
	defer resp.Body.Close()
	if err := take(resp, limit.moved); err != nil {
		return causeOr(ctx, err)
	}
	return nil
}

// causeOr prefers the reason why we cancelled over what that looks like.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (c *Client) note(text string) {
	if c.Note != nil {
		c.Note(text)
	}
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

func (c *Client) tries() int {
	if c.Tries > 0 {
		return c.Tries
	}
	return 6
}

func (c *Client) stall() time.Duration {
	if c.Stall > 0 {
		return c.Stall
	}
	return 30 * time.Second
}
