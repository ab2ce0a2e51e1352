package boottest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/qemu/console"
)

// recorded stands for a virtual machine: a guest of which the console is known.
type recorded struct {
	lines []string
	ends  bool
}

func (g recorded) Follow(ctx context.Context, record func(console.Record)) (*anaconda.Failure, error) {
	for _, line := range g.lines {
		record(console.Record{Text: line})
	}
	if !g.ends {
		<-ctx.Done()
	}
	return nil, ctx.Err()
}

func (g recorded) PowerOff(context.Context) bool { return true }

// Without an account that is known, a prompt proves that an image boots.
func ExampleRun() {
	ctx := context.Background()
	up := recorded{lines: []string{"AlmaLinux 10.1", "localhost login:"}}
	proof, _, err := boottest.Run(ctx, up, time.Now(), 0, boottest.Login{})
	fmt.Println(proof, err)

	down := recorded{lines: []string{"reboot: Power down"}, ends: true}
	_, _, err = boottest.Run(ctx, down, time.Now(), 0, boottest.Login{})
	fmt.Println(errors.Is(err, boottest.ErrUnproven))
	// Output:
	// prompt "localhost login:", powered off when asked to <nil>
	// true
}
