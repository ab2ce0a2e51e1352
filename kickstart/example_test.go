package kickstart_test

import (
	"fmt"
	"log"
	"os"

	"github.com/imgasm/imgasm/kickstart"
)

func ExampleLint() {
	file, err := kickstart.Parse("web.ks", []byte("lang en_US.UTF-8\npart / --growth --size=4096\n"))
	if err != nil {
		log.Fatal(err)
	}
	findings := kickstart.Lint(file, kickstart.LintOptions{Dialect: kickstart.AlmaLinux10, Fragment: true})
	for _, f := range findings {
		fmt.Printf("%s:%d:%d: %s: %s (%s)\n", f.File, f.Line, f.Column, f.Severity, f.Text, f.Hint)
	}
	// Output: web.ks:2:8: error: part has no option --growth (did you mean --grow?)
}

// A kickstart of a stranger must not read other people's files: os.Root opens
// what lies below a folder and nothing else.
func ExampleLintOptions_includes() {
	dir, err := os.MkdirTemp("", "kickstart")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(dir+"/disk.ks", []byte("part / --size=ten\n"), 0o600); err != nil {
		log.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()

	file, err := kickstart.Parse("web.ks", []byte("%include disk.ks\n%include ../../etc/shadow\n"))
	if err != nil {
		log.Fatal(err)
	}
	findings := kickstart.Lint(file, kickstart.LintOptions{Fragment: true, ReadInclude: root.ReadFile})
	if err := kickstart.WriteText(os.Stdout, findings, kickstart.TextOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// disk.ks:1:8: error: --size needs a whole number, not "ten" [invalid-value]
	//     1 | part / --size=ten
	//       |        ^^^^^^^^^^
}

func ExampleFormat() {
	file, err := kickstart.Parse("web.ks", []byte("poweroff\n# the disk\npart  /  --size 4096 --fstype='xfs'\n"))
	if err != nil {
		log.Fatal(err)
	}
	formatted, err := kickstart.Format(file)
	if err != nil {
		log.Fatal(err)
	}
	os.Stdout.Write(formatted)
	// Output:
	// # the disk
	// part / --size=4096 --fstype=xfs
	//
	// poweroff
}

func ExampleDecode() {
	file, err := kickstart.Parse("web.ks", []byte("user --name=anna --groups=wheel,adm\n"))
	if err != nil {
		log.Fatal(err)
	}
	for _, command := range file.Commands() {
		args, _ := kickstart.Decode(command, kickstart.RHEL10)
		name := args.String("--name")
		fmt.Println(name, args.List("--groups"))
	}
	// Output: anna [wheel adm]
}

func ExampleRedact() {
	fmt.Printf("%s", kickstart.Redact([]byte("rootpw --plaintext secret\n")))
	// Output: rootpw --plaintext REDACTED
}
