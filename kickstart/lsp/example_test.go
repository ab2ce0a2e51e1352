package lsp_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/lsp"
)

// A server speaks with one editor over a pair of streams, most often standard
// input and output.
func ExampleServe() {
	var in, out strings.Builder
	for _, message := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`,
		`{"jsonrpc":"2.0","id":2,"method":"shutdown"}`,
		`{"jsonrpc":"2.0","method":"exit"}`,
	} {
		fmt.Fprintf(&in, "Content-Length: %d\r\n\r\n%s", len(message), message)
	}
	err := lsp.Serve(context.Background(), strings.NewReader(in.String()), &out, lsp.Options{Dialect: kickstart.AlmaLinux10, Fragment: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(out.String(), `"hoverProvider":true`))
	// Output: true
}
