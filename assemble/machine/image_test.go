package machine_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/machine"
)

// What is said beside an image counts before what is on it, and a wish before both.
func TestOpen(t *testing.T) {
	bios := make([]byte, 1<<20)
	bios[0], bios[510], bios[511] = 0xeb, 0x55, 0xaa
	blank := make([]byte, 1<<20)
	for name, c := range map[string]struct {
		disk       []byte
		said, wish string
		want       string // "ARCH UEFI-or-BIOS", or "!" and a part of the error
	}{
		"boot code":        {bios, "", "", "x86_64 BIOS"},
		"described":        {bios, `{"schema":"imgasm.image/v1","arch":"aarch64","boot":"uefi","product":"AlmaLinux","version":"10.1"}`, "", "aarch64 UEFI"},
		"hostile":          {bios, `{"schema":"imgasm.image/v1","sshUser":"x\n  ProxyCommand touch /tmp/x"}`, "", "!sshUser"},
		"another's JSON":   {bios, `{"arch":"aarch64"}`, "", "x86_64 BIOS"},
		"no JSON":          {bios, `{`, "", "x86_64 BIOS"},
		"wished":           {blank, "", "arm64", "aarch64 UEFI"},
		"nothing boots it": {blank, "", "", "!no boot loader"},
		"no such":          {blank, "", "vax", "!vax"},
		"another boots it": {bios, "", "arm64", "!none for aarch64"},
	} {
		path := filepath.Join(t.TempDir(), "disk.raw")
		if err := os.WriteFile(path, c.disk, 0o600); err != nil {
			t.Fatal(err)
		}
		if c.said != "" {
			if err := os.WriteFile(path+".json", []byte(c.said), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		i, err := machine.Open(context.Background(), path, c.wish)
		if text, bad := strings.CutPrefix(c.want, "!"); bad {
			if !errors.Is(err, machine.ErrImage) || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		firmware := map[bool]string{true: "UEFI", false: "BIOS"}
		if err != nil || i.Arch+" "+firmware[i.UEFI] != c.want || i.Described != (name == "described") {
			t.Errorf("%s: %+v, %v", name, i, err)
		}
		if _, err := i.Look(); err == nil {
			t.Errorf("%s: a disk without a file system was looked into", name)
		}
	}
}
