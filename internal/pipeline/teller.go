package pipeline

import "time"

// Teller calls a progress function, not too often. It is for one goroutine.
type Teller struct {
	tell  func(done, total int64)
	total int64
	next  time.Time
}

const tellEvery = 500 * time.Millisecond

// NewTeller makes one for a total of bytes; tell may be nil.
func NewTeller(tell func(done, total int64), total int64) *Teller {
	return &Teller{tell, total, time.Now().Add(tellEvery)}
}

// Done says that n bytes are done, if it was not said just now.
func (t *Teller) Done(n int64) {
	if now := time.Now(); t.tell != nil && now.After(t.next) {
		t.next = now.Add(tellEvery)
		t.tell(min(n, t.total), t.total)
	}
}

// End says that all is done.
func (t *Teller) End() {
	if t.tell != nil {
		t.tell(t.total, t.total)
	}
}
