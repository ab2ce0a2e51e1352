// Package pipeline treats items side by side and takes them in their order: the
// way of everything here that reads, compresses and writes on all cores.
package pipeline

import (
	"context"
	"sync"

	"github.com/imgasm/imgasm/internal/guard"
)

// Stages are what happens to items. There are Count of them at once, and each is
// used again and again.
type Stages[T any] struct {
	Count   int // of items that are on their way, at least one
	Workers int // goroutines, at least one; no more than Count are made

	New func() *T
	// Feed calls next for each item, which waits until one is free, describes the
	// item, and hands it to put, until there are no more. It runs in a goroutine of
	// its own. An error of next is to be returned.
	Feed func(next func() (*T, error), put func(*T)) error
	// Worker makes what a worker does to an item. It is called once for each.
	Worker func() (func(*T) error, error)
	// Take is called for one item after the other, in the order of put, when a
	// worker is done with it. It says whether there is something for After.
	Take func(*T) (more bool, err error)
	// After is what workers do at last, in any order. nil: nothing.
	After func(*T) error
}

// item is an item on its way.
type item[T any] struct {
	value *T
	err   error         // of the worker
	ready chan struct{} // takes one value when a worker is done
	taken bool          // After is next
}

// Run runs all stages. It returns the first error, or why ctx ended, when nothing
// runs any more.
func (s Stages[T]) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	free, order, work := make(chan *item[T], s.Count), make(chan *item[T], s.Count), make(chan *item[T])
	for range s.Count {
		free <- &item[T]{value: s.New(), ready: make(chan struct{}, 1)}
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer close(work)
	for range min(s.Workers, s.Count) {
		treat, err := s.Worker()
		if err != nil {
			return err
		}
		all.Go(guard.Func(func() {
			for i := range work {
				if !i.taken {
					i.err = guard.Call(func() error { return treat(i.value) })
					i.ready <- struct{}{}
					continue
				}
				if err := guard.Call(func() error { return s.After(i.value) }); err != nil {
					stop(err)
				}
				free <- i
			}
		}, stop))
	}
	all.Go(guard.Func(func() {
		defer close(order)
		if err := guard.Call(func() error { return s.feed(ctx, free, order, work) }); err != nil {
			stop(err)
		}
	}, stop))
	for i := range order {
		<-i.ready
		if i.taken = s.take(ctx, i, stop); i.taken {
			work <- i
		} else {
			free <- i
		}
	}
	for range s.Count { // After is done with all
		<-free
	}
	return context.Cause(ctx)
}

func (s Stages[T]) feed(ctx context.Context, free chan *item[T], order, work chan<- *item[T]) error {
	var at *item[T] // that was asked for and not handed out yet
	defer func() {
		if at != nil {
			free <- at
		}
	}()
	next := func() (*T, error) {
		select {
		case at = <-free:
			at.taken, at.err = false, nil
			return at.value, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return s.Feed(next, func(*T) {
		i := at
		at = nil
		order <- i // has room for all items
		work <- i
	})
}

// take reports whether After is next.
func (s Stages[T]) take(ctx context.Context, i *item[T], stop func(error)) bool {
	if ctx.Err() != nil {
		return false
	}
	more := false
	if i.err == nil {
		i.err = guard.Call(func() (err error) {
			more, err = s.Take(i.value)
			return err
		})
	}
	if i.err != nil {
		stop(i.err)
		return false
	}
	return more
}
