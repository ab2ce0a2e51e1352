package lock_test

import (
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/imgasm/imgasm/assemble/lock"
)

// A lock is read, and a build with another ISO is refused.
func ExampleDemand() {
	file, err := lock.Parse([]byte(`{"imgasmLock": 1, "builds": {"web": {
		"inputs": {"iso": {"name": "a.iso", "sha256": "` + strings.Repeat("a", 64) + `"}}, "tools": {}}}}`))
	if err != nil {
		log.Fatal(err)
	}
	locked, err := file.Build("web")
	if err != nil {
		log.Fatal(err)
	}
	now := lock.Build{Inputs: map[string]lock.Input{"iso": {Name: "b.iso", SHA256: strings.Repeat("b", 64)}}}
	err = lock.Demand(lock.FileName, "web", locked, now)
	fmt.Println(errors.Is(err, lock.ErrMismatch))
	for _, d := range lock.Compare(locked, now) {
		fmt.Println(d.What)
	}
	// Output:
	// true
	// input iso
}
