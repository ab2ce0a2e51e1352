package host_test

import (
	"context"
	"fmt"
	"os"

	"github.com/imgasm/imgasm/assemble/host"
)

// What can this host build, and what is in the way of the rest?
func ExampleDiagnose() {
	h, err := host.This(os.Getenv, "1.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range host.Diagnose(context.Background(), h, ".").Checks {
		if c.Health == host.Missing {
			fmt.Println(c.Name, c.Arch, c.Text, c.Do)
		}
	}
}
