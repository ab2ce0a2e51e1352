package report_test

import (
	"context"
	"fmt"

	"github.com/imgasm/imgasm/assemble/report"
)

// Of what a failed build has left, a page is made.
func Example() {
	build, err := report.Read(context.Background(), "testdata/alma.qcow2.failed")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(build.Name, build.Verdict())
	page, err := build.Put("why.html")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page)
}
