package remote

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
)

// A host that lets nobody in is given up sooner than one that is out of reach.
func TestSessionPatience(t *testing.T) {
	for want, why := range map[time.Duration]error{
		patience: errors.New("no route"),
		refusing: &fault.Error{Class: errRefused, Err: errors.New("Permission denied (publickey)")},
	} {
		synctest.Test(t, func(t *testing.T) {
			here, there := net.Pipe()
			there.Close()
			s := Session{Dial: func(_ context.Context, again bool) (*Client, error) {
				if again {
					return nil, why
				}
				return &Client{conn: here, wire: newWire(here, here)}, nil
			}}
			begun := time.Now()
			err := s.Do(t.Context(), func(c *Client) error { return c.Start(t.Context(), Request{}) })
			if took := time.Since(begun); !errors.Is(err, ErrLost) || !errors.Is(err, why) || took > want || took < want-35*time.Second {
				t.Errorf("%v: given up after %s, want %s", err, took, want)
			}
		})
	}
}
