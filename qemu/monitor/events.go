package monitor

// Events: every subscriber has a bounded queue of its own; nobody waits for a
// subscriber that does not read.

import (
	"slices"
	"sync"

	"github.com/digitalocean/go-qemu/qmp"

	"github.com/imgasm/imgasm/internal/guard"
)

// queueLen is how many events wait for a subscriber before older ones are
// dropped. A full host disk makes 30 BLOCK_IO_ERRORs at once; a backup some
// dozens of JOB_STATUS_CHANGEs.
const queueLen = 256

// vital are the events by which a VM's end is told: they are not dropped while
// anything else can be, and of one name the newest is kept always.
var vital = []string{"SHUTDOWN", "GUEST_PANICKED", "GUEST_CRASHLOADED", "WATCHDOG", "STOP", "RESUME"}

// Subscription delivers events in the order in which QEMU sent them.
type Subscription struct {
	client *Client
	names  []string
	c      chan qmp.Event
	wake   chan struct{} // has room for one
	quit   chan struct{}
	once   sync.Once

	mu    sync.Mutex
	queue []qmp.Event
	ended bool // nothing more will be put
}

// Subscribe delivers the events of the given names from now on; without names,
// all. The subscriber reads C until it is closed, or calls Close.
func (c *Client) Subscribe(names ...string) *Subscription {
	s := &Subscription{
		client: c, names: names,
		c: make(chan qmp.Event), wake: make(chan struct{}, 1), quit: make(chan struct{}),
	}
	c.mu.Lock()
	if c.err != nil {
		s.ended = true
	} else {
		c.subs[s] = struct{}{}
	}
	c.mu.Unlock()
	go guard.Func(s.pump, c.end)()
	return s
}

// C delivers the events. It is closed after the connection's last event, and by Close.
func (s *Subscription) C() <-chan qmp.Event { return s.c }

// Close ends the subscription.
func (s *Subscription) Close() {
	s.client.mu.Lock()
	delete(s.client.subs, s)
	s.client.mu.Unlock()
	s.once.Do(func() { close(s.quit) })
}

// put queues an event; it never blocks.
func (s *Subscription) put(e qmp.Event) {
	if len(s.names) > 0 && !slices.Contains(s.names, e.Event) {
		return
	}
	s.mu.Lock()
	s.queue = append(s.queue, e)
	if len(s.queue) > queueLen {
		i := victim(s.queue)
		s.queue = slices.Delete(s.queue, i, i+1)
	}
	s.mu.Unlock()
	s.signal()
}

// victim chooses the event to drop: the oldest that is not vital, else the
// oldest of which a newer one of the same name follows.
func victim(queue []qmp.Event) int {
	for i, e := range queue {
		if !slices.Contains(vital, e.Event) {
			return i
		}
	}
	for i, e := range queue {
		if slices.ContainsFunc(queue[i+1:], func(o qmp.Event) bool { return o.Event == e.Event }) {
			return i
		}
	}
	return 0
}

// finish says that nothing more will come.
func (s *Subscription) finish() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.signal()
}

func (s *Subscription) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take removes the oldest event.
func (s *Subscription) take() (e qmp.Event, ok, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return e, false, s.ended
	}
	e = s.queue[0]
	s.queue = slices.Delete(s.queue, 0, 1)
	return e, true, false
}

// pump carries events from the queue to the channel.
func (s *Subscription) pump() {
	defer close(s.c)
	for {
		e, ok, ended := s.take()
		switch {
		case ok:
			select {
			case s.c <- e:
			case <-s.quit:
				return
			}
		case ended:
			return
		default:
			select {
			case <-s.wake:
			case <-s.quit:
				return
			}
		}
	}
}
