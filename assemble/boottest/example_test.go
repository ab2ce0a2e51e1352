package boottest_test

import (
	"fmt"

	"github.com/imgasm/imgasm/assemble/boottest"
)

// What a description says of an image in which somebody could log in.
func ExampleProof() {
	fmt.Println(boottest.Proof{Seconds: 41, Login: "localhost login:", SSH: "SSH-2.0-OpenSSH_9.9", User: "admin", Off: true})
	// Output: prompt "localhost login:", ssh as admin, powered off when asked to
}
