package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
)

const (
	// patience is how long a host may be out of reach.
	patience = 15 * time.Minute
	// refusing is how long one may let nobody in: an agent may be locked for a moment.
	refusing = time.Minute
)

// Session is a host that is asked things over one connection after the other.
type Session struct {
	// Dial connects; again says that it is not the first time, when nobody is there
	// to be asked for a password.
	Dial func(ctx context.Context, again bool) (*Client, error)
	// Say tells that the connection is lost, and when it is there again; nil: nobody.
	Say func(text string)
	// Patience is how long the host may be out of reach; 0: 15 minutes.
	Patience time.Duration
	// Hurry, once it is closed, says that somebody waits for the end: then 20 seconds.
	Hurry <-chan struct{}

	client *Client
	dialed bool
}

// Do does something with the host. If the connection is lost it connects again and
// does it once more, until it is done or the host was out of reach for too long: then
// the error is of class ErrLost.
func (s *Session) Do(ctx context.Context, do func(*Client) error) error {
	var since time.Time // there is no connection that lasts
	wait := time.Second
	for {
		begun := time.Now()
		err := s.connect(ctx)
		if err == nil {
			if !since.IsZero() {
				s.say("connected again")
			}
			if err = do(s.client); err == nil || !errors.Is(err, ErrLost) {
				return err
			}
			s.Close()
			if time.Since(begun) > lasting {
				since, wait = time.Time{}, time.Second
			}
		} else if !s.dialed {
			return err // it never was there
		}
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if since.IsZero() {
			since = time.Now()
			s.say(err.Error() + "; connecting again")
		}
		most := s.patience()
		if errors.Is(err, errRefused) {
			most = min(most, refusing)
		}
		if time.Since(since)+wait > most {
			return &fault.Error{Class: ErrLost, Err: fmt.Errorf("no connection for %s: %w", most, err)}
		}
		if err := s.pause(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, 30*time.Second)
	}
}

// lasting is how long a connection is there that was no mere attempt.
const lasting = 30 * time.Second

func (s *Session) hurried() bool {
	select {
	case <-s.Hurry:
		return true
	default:
		return false
	}
}

func (s *Session) patience() time.Duration {
	if s.hurried() {
		return 20 * time.Second
	}
	return cmp.Or(s.Patience, patience)
}

// pause waits, or until there is no time.
func (s *Session) pause(ctx context.Context, d time.Duration) error {
	hurry := s.Hurry
	if s.hurried() {
		hurry, d = nil, min(d, time.Second)
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-hurry:
	case <-time.After(d):
	}
	return nil
}

func (s *Session) connect(ctx context.Context) (err error) {
	if s.client != nil {
		return nil
	}
	if s.client, err = s.Dial(ctx, s.dialed); err != nil {
		s.client = nil
		return err
	}
	s.dialed = true
	return nil
}

func (s *Session) say(text string) {
	if s.Say != nil {
		s.Say(text)
	}
}

// Close ends the connection. Jobs go on.
func (s *Session) Close() {
	if s.client != nil {
		_ = s.client.Close()
		s.client = nil
	}
}
