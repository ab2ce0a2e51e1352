package replay_test

import (
	"fmt"
	"os"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/anaconda/replay"
)

// What a recorded console proves.
func ExampleRun() {
	f, err := os.Open("../../../testdata/serial/failure-kernel-panic.raw")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	result, err := replay.Run(replay.Source{Console: f}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if result.Verdict == anaconda.Failed {
		fmt.Println(result.Phase, "phase:", result.Failure.Says())
	}
	// Output: kernel phase: The guest's kernel stopped: Fatal exception in interrupt.
}
