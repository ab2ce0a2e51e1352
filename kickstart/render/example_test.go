package render_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

func ExampleKickstart() {
	options := render.Options{Hostname: "web", Console: "ttyS0", Packages: []string{"nginx"}}
	accounts := render.Accounts{User: "anna", Password: "correct horse", SSHKeys: []string{
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGBqbXBe6E5tx1gHxMyHwmk0O1vYhp6ylDZPX/5oQZ3k anna@example.org",
	}}
	if err := accounts.Set(&options); err != nil {
		log.Fatal(err)
	}
	text, err := render.Kickstart(options)
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "network") || strings.HasPrefix(line, "part") {
			fmt.Print(line)
		}
	}
	// Output:
	// network --bootproto=dhcp --device=link --activate --hostname=web
	// part /boot/efi --fstype=efi --size=200 --ondisk=vda
	// part /boot --fstype=xfs --size=1024 --ondisk=vda
	// part / --fstype=xfs --size=3072 --grow --ondisk=vda
}

func ExampleAddReporting() {
	file, err := kickstart.Parse("web.ks", []byte("autopart\npoweroff\n"))
	if err != nil {
		log.Fatal(err)
	}
	out, err := render.AddReporting(file, render.Reporting{Nonce: "0123456789abcdef"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out.Ending, len(out.Bytes) > len(file.Bytes()))
	// Output: poweroff true
}
