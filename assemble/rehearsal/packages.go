// The packages of the rehearsal and its stage 2, images/install.img: a gzip'd
// tar archive with one folder a package, packages/NAME-VERSION-RELEASE.ARCH.
// A symbolic link to "medium:PATH" in it stands for that file of the medium,
// so that kernel and boot loader are on the medium once.

package rehearsal

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"time"
)

// pkg is one package that the guest installs.
type pkg struct {
	nevra string
	files []pkgFile
}

type pkgFile struct {
	path   string // below "/", without leading slash; a folder ends in one
	mode   int64
	text   string
	medium string // the content is this file of the medium
	link   string
}

// mediumLink must be what the guest knows; see cmd/imgasm-guest/stage2.go.
const mediumLink = "medium:"

// packages lists what is installed, in order. prefix is the folder in which
// GRUB looks for its configuration.
func packages(s *supply, prefix string) []pkg {
	a := s.Arch
	version, release := kernelVersion(s.Release)
	vendor := strings.TrimPrefix(prefix, "/")
	name := func(n, v, r, arch string) string { return "rehearsal-" + n + "-" + v + "-" + r + "." + arch }
	boot := "EFI/BOOT/"
	return []pkg{
		{name("filesystem", Release, "1", "noarch"), folders("boot/", "dev/", "etc/", "home/", "proc/", "root/", "run/", "sys/", "tmp/", "usr/bin/", "usr/lib/", "usr/sbin/", "var/log/", "mnt/")},
		{name("release", Release, "1", "noarch"), []pkgFile{
			{path: "etc/os-release", text: osRelease()},
			{path: "etc/issue", text: "imgasm rehearsal " + Release + " on \\m: not AlmaLinux\nKernel \\r\n\n"},
			{path: "etc/motd", text: "This is imgasm's rehearsal system: a kernel and one program, not AlmaLinux.\n"},
			{path: "usr/share/almalinux-release/EULA", text: "imgasm rehearsal: there is no AlmaLinux in this image and no licence agreement with it.\n"},
		}},
		{name("kernel", version, release, a.Name), []pkgFile{
			{path: "boot/vmlinuz-" + s.Release, mode: 0o755, medium: "images/pxeboot/vmlinuz"},
			{path: "usr/lib/modules/" + s.Release + "/"},
		}},
		{name("shim", "1", "1", a.Name), []pkgFile{
			{path: "boot/efi/" + boot + a.EFIBoot, medium: boot + a.EFIBoot},
			{path: "boot/efi/" + vendor + "/" + a.EFIShim, medium: boot + a.EFIBoot},
		}},
		{name("grub2", "1", "1", a.Name), []pkgFile{
			{path: "boot/efi/" + boot + a.EFIGRUB, medium: boot + a.EFIGRUB},
			{path: "boot/efi/" + vendor + "/" + a.EFIGRUB, medium: boot + a.EFIGRUB},
			{path: "boot/grub2/"},
		}},
		{name("openssh-server", "1", "1", a.Name), []pkgFile{
			{path: "etc/ssh/sshd_config", mode: 0o600, text: "# Read by the rehearsal's own ssh server.\nInclude /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin prohibit-password\nPasswordAuthentication yes\n"},
			{path: "etc/ssh/sshd_config.d/"},
		}},
		{name("cloud-init", "1", "1", "noarch"), []pkgFile{
			{path: "etc/cloud/cloud.cfg", text: "# The rehearsal's system reads a NoCloud seed: hostname, ssh_authorized_keys, users.\n"},
		}},
		{name("sudo", "1", "1", a.Name), []pkgFile{
			{path: "etc/sudoers", mode: 0o440, text: "root ALL=(ALL) ALL\n%wheel ALL=(ALL) ALL\n"},
			{path: "etc/sudoers.d/"},
		}},
	}
}

func folders(paths ...string) []pkgFile {
	var all []pkgFile
	for _, p := range paths {
		all = append(all, pkgFile{path: p})
	}
	return all
}

// kernelVersion parts "6.1.0-56-amd64" so that neither half has a hyphen.
func kernelVersion(uts string) (version, release string) {
	version, release, found := strings.Cut(uts, "-")
	if !found {
		release = "1"
	}
	return version, strings.ReplaceAll(release, "-", ".")
}

func osRelease() string {
	return `NAME="imgasm rehearsal"
ID=imgasm-rehearsal
VERSION_ID="` + Release + `"
PRETTY_NAME="imgasm rehearsal ` + Release + ` (not AlmaLinux)"
`
}

// stage2 packs the packages. Everything in it has the time t.
func stage2(all []pkg, prefix string, t time.Time) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(z)
	add := func(h *tar.Header, text string) error {
		h.ModTime, h.Size, h.Format = t, int64(len(text)), tar.FormatPAX
		if err := w.WriteHeader(h); err != nil {
			return fmt.Errorf("stage 2: %s: %w", h.Name, err)
		}
		_, err := w.Write([]byte(text))
		return err
	}
	if err := add(&tar.Header{Name: "grub-prefix", Mode: 0o644}, prefix+"\n"); err != nil {
		return nil, err
	}
	for _, p := range all {
		if err := add(&tar.Header{Name: "packages/" + p.nevra + "/", Typeflag: tar.TypeDir, Mode: 0o755}, ""); err != nil {
			return nil, err
		}
		for _, f := range p.files {
			h := &tar.Header{Name: "packages/" + p.nevra + "/" + f.path, Mode: f.mode}
			if h.Mode == 0 {
				h.Mode = 0o644
			}
			switch {
			case strings.HasSuffix(f.path, "/"):
				h.Typeflag, h.Mode = tar.TypeDir, 0o755
			case f.medium != "":
				h.Typeflag, h.Linkname = tar.TypeSymlink, mediumLink+f.medium
			case f.link != "":
				h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
			}
			if err := add(h, f.text); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
