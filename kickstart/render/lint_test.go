package render

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/imgasm/imgasm/kickstart"
)

// TestRenderLintsClean holds the default kickstart against lint, for every
// machine that it may be rendered for, as a file and as what imgasm builds.
func TestRenderLintsClean(t *testing.T) {
	machines := []struct{ arch, boot, console string }{
		{"x86_64", "uefi", "ttyS0"}, {"x86_64", "bios", "ttyS0"},
		{"x86_64_v2", "uefi", "ttyS0"}, {"x86_64_v2", "bios", "ttyS0"},
		{"aarch64", "uefi", "ttyAMA0"},
	}
	sources := map[string]Source{
		"boot":    {},
		"minimal": {CDROM: true, Minimal: true},
		"dvd":     {CDROM: true},
	}
	ca, _ := certificate(t)
	disks := map[string]string{"virtio-blk": "vda", "scsi-hd": "sda", "nvme": "nvme0n1"}
	for _, m := range machines {
		for variant, source := range sources {
			for bus, disk := range disks {
				proxy := ""
				if !source.CDROM {
					proxy = "http://proxy.example:3128"
				}
				t.Run(fmt.Sprintf("%s/%s/%s/%s", m.arch, m.boot, variant, bus), func(t *testing.T) {
					src, err := Kickstart(Options{
						Arch: m.arch, Boot: m.boot, Console: m.console, Disk: disk, Source: source,
						Hostname: "web-1", RootPassword: DefaultRootPassword, RootSSHKeys: []string{testKey},
						Users: DefaultUsers(), GuestAgent: true, CloudInit: true, CA: ca, Proxy: proxy,
						Scripts: []Script{{Name: "x.sh", Text: "#!/bin/bash\nset -euo pipefail\necho hello\n"}},
					})
					if err != nil {
						t.Fatal(err)
					}
					f, err := kickstart.Parse("default.ks", src)
					if err != nil {
						t.Fatal(err)
					}
					targets := []*kickstart.Target{nil, {
						Arch: m.arch, Boot: m.boot, DiskBus: bus, DiskName: disk, DiskSizeBytes: 10 << 30,
						Offline: source.CDROM, ISOVariant: variant, CmdlineMode: true,
					}}
					for _, dialect := range []kickstart.Dialect{kickstart.RHEL9, kickstart.RHEL10, kickstart.AlmaLinux10At0, kickstart.AlmaLinux10, kickstart.Fedora} {
						for _, target := range targets {
							findings := kickstart.Lint(f, kickstart.LintOptions{Dialect: dialect, Target: target})
							if len(findings) > 0 {
								var b bytes.Buffer
								_ = kickstart.WriteText(&b, findings, kickstart.TextOptions{})
								t.Errorf("%s, target %v:\n%s", dialect, target, b.String())
							}
						}
					}
					out, err := kickstart.Format(f)
					if err != nil || !bytes.Equal(out, src) {
						t.Errorf("it is not formatted: %v\n%s", err, out)
					}
					reported, err := AddReporting(f, Reporting{Nonce: testNonce, Packages: true})
					if err != nil {
						t.Fatal(err)
					}
					if reported.Ending != "poweroff" {
						t.Errorf("it ends with %q", reported.Ending)
					}
					guest, err := kickstart.Parse("guest.ks", reported.Bytes)
					if err != nil {
						t.Fatal(err)
					}
					for _, finding := range kickstart.Lint(guest, kickstart.LintOptions{Dialect: kickstart.AlmaLinux10, Target: targets[1]}) {
						if finding.Severity == kickstart.Error {
							t.Errorf("with our sections: %+v", finding)
						}
					}
				})
			}
		}
	}
}
