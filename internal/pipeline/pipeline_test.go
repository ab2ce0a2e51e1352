package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/imgasm/imgasm/internal/pipeline"
)

type number struct{ n, square int }

// squares is a pipeline of the squares of the numbers below 1000.
func squares(take func(*number) (bool, error)) pipeline.Stages[number] {
	return pipeline.Stages[number]{
		Count: 5, Workers: 3, New: func() *number { return new(number) },
		Feed: func(next func() (*number, error), put func(*number)) error {
			for n := range 1000 {
				i, err := next()
				if err != nil {
					return err
				}
				i.n = n
				put(i)
			}
			return nil
		},
		Worker: func() (func(*number) error, error) {
			return func(i *number) error { i.square = i.n * i.n; return nil }, nil
		},
		Take: take,
	}
}

func TestOrder(t *testing.T) {
	var got, want []int
	var after atomic.Int64
	s := squares(func(i *number) (bool, error) {
		got = append(got, i.square)
		return i.n%3 == 0, nil
	})
	s.After = func(i *number) error { after.Add(1); return nil }
	for n := range 1000 {
		want = append(want, n*n)
	}
	if err := s.Run(t.Context()); err != nil || !slices.Equal(got, want) || after.Load() != 334 {
		t.Errorf("%v, %d after; %v", err, after.Load(), got)
	}
}

// Whoever fails ends it all, also by a panic; and so does the context.
func TestErrors(t *testing.T) {
	broken := errors.New("broken")
	take := func(*number) (bool, error) { return true, nil }
	for name, change := range map[string]func(*pipeline.Stages[number]){
		"feed": func(s *pipeline.Stages[number]) {
			s.Feed = func(func() (*number, error), func(*number)) error { return broken }
		},
		"half": func(s *pipeline.Stages[number]) {
			s.Feed = func(next func() (*number, error), _ func(*number)) error {
				if _, err := next(); err != nil {
					return err
				}
				return broken
			}
		},
		"panic of take": func(s *pipeline.Stages[number]) { s.Take = func(*number) (bool, error) { panic(broken) } },
		"make": func(s *pipeline.Stages[number]) {
			s.Worker = func() (func(*number) error, error) { return nil, broken }
		},
		"worker": func(s *pipeline.Stages[number]) {
			s.Worker = func() (func(*number) error, error) { return func(*number) error { return broken }, nil }
		},
		"take":  func(s *pipeline.Stages[number]) { s.Take = func(*number) (bool, error) { return false, broken } },
		"after": func(s *pipeline.Stages[number]) { s.After = func(*number) error { return broken } },
		"panic": func(s *pipeline.Stages[number]) { s.After = func(*number) error { panic(broken) } },
	} {
		s := squares(take)
		s.After = func(*number) error { return nil }
		change(&s)
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, stop := context.WithCancelCause(t.Context())
	s := squares(func(i *number) (bool, error) {
		if i.n == 500 {
			stop(broken)
		}
		return false, nil
	})
	if err := s.Run(ctx); !errors.Is(err, broken) {
		t.Errorf("context: %v", err)
	}
}
