// The packages of the rehearsal and its stage 2, images/install.img: a tar
// archive with one folder a package, packages/NAME-VERSION-RELEASE.ARCH, and
// packages.list with the packages in order, each followed by FROM:TO for what is
// copied from the medium: kernel and boot loader are there once.

package rehearsal

import (
	"archive/tar"
	"bytes"
	"cmp"
	"embed"
	"fmt"
	"io/fs"
	"path"
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
	mode   int64  // as tar has it; 0: 0o644
	data   []byte
	medium string // the content is this file of the medium
	link   string
}

// system holds files of the installed system that no package has, as they are.
//
//go:embed system
var system embed.FS

// busyboxCommands are links to busybox: its own, and some that scripts use.
const busyboxCommands = "sbin/acpid sbin/getty sbin/halt sbin/ifconfig sbin/init sbin/poweroff sbin/reboot sbin/route sbin/udhcpc " +
	"bin/awk bin/clear bin/cmp bin/diff bin/dmesg bin/free bin/hostname bin/ip bin/kill bin/killall bin/less bin/login bin/nc bin/ping bin/ps " +
	"bin/su bin/top bin/uptime bin/vi bin/wget bin/which"

// pretended are commands that configure a real AlmaLinux: here they say that
// they do nothing, and succeed.
const pretended = "authselect cloud-init dnf dracut firewall-cmd firewall-offline-cmd grub2-mkconfig grubby localectl restorecon semanage " +
	"setsebool systemd-machine-id-setup timedatectl tuned-adm update-ca-trust update-crypto-policies yum"

// packages lists what is installed, in order. prefix is the folder in which
// GRUB looks for its configuration.
func packages(s *supply, prefix string) ([]pkg, error) {
	a := s.Arch
	version, release := kernelVersion(s.Release)
	vendor := strings.TrimPrefix(prefix, "/")
	name := func(n, v, r, arch string) string { return "rehearsal-" + n + "-" + v + "-" + r + "." + arch }
	boot := "EFI/BOOT/"
	base, err := systemFiles()
	if err != nil {
		return nil, err
	}
	var ssh, sudo []pkgFile
	for _, t := range s.tools.sorted() {
		f := t.file()
		switch {
		case strings.HasPrefix(t.pkg, "openssh-"):
			ssh = append(ssh, f)
		case t.pkg == "sudo":
			if t.name == "usr/bin/sudo" {
				f.mode = 0o4755
			}
			sudo = append(sudo, f)
		default:
			base = append(base, f)
		}
	}
	return []pkg{
		{name("filesystem", Release, "1", "noarch"), folders("boot/", "etc/", "etc/ssh/sshd_config.d/", "etc/sudoers.d/", "home/", "root/", "mnt/",
			"usr/bin/", "usr/lib/", "usr/lib64/", "usr/sbin/", "var/log/", "var/lib/")},
		{name("base", Release, "1", a.Name), base},
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
		{name("openssh-server", "1", "1", a.Name), ssh},
		{name("sudo", "1", "1", a.Name), sudo},
	}, nil
}

// mergedUsr are the links of a system that has all its programs below /usr.
var mergedUsr = []pkgFile{{path: "bin", link: "usr/bin"}, {path: "sbin", link: "usr/sbin"}, {path: "lib", link: "usr/lib"}, {path: "lib64", link: "usr/lib64"}}

// systemFiles are the embedded ones, with the links of commands.
func systemFiles() ([]pkgFile, error) {
	all := append([]pkgFile{{path: "usr/bin/sh", link: "bash"}}, mergedUsr...)
	err := fs.WalkDir(system, "system", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := system.ReadFile(name)
		f := pkgFile{path: strings.TrimPrefix(name, "system/"), data: bytes.ReplaceAll(data, []byte("@RELEASE@"), []byte(Release))}
		switch {
		case bytes.HasPrefix(data, []byte("#!")):
			f.mode = 0o755
		case strings.HasSuffix(f.path, "shadow"):
			f.mode = 0o600
		case path.Base(f.path) == "sudoers":
			f.mode = 0o440
		}
		all = append(all, f)
		return err
	})
	for _, c := range strings.Fields(busyboxCommands) {
		all = append(all, pkgFile{path: "usr/" + c, link: "/usr/bin/busybox"})
	}
	for _, c := range strings.Fields(pretended) {
		all = append(all, pkgFile{path: "usr/bin/" + c, link: "/usr/lib/rehearsal/pretend"})
	}
	return all, err
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

// stage2 packs the packages. Everything in it has the time t.
func stage2(all []pkg, prefix string, t time.Time) ([]byte, error) {
	var b, list bytes.Buffer
	var failed error
	w := tar.NewWriter(&b)
	add := func(h *tar.Header, data []byte) {
		h.ModTime, h.Size = t, int64(len(data))
		err := w.WriteHeader(h)
		_, e := w.Write(data)
		failed = cmp.Or(failed, err, e)
	}
	for _, p := range all {
		list.WriteString(p.nevra)
		add(&tar.Header{Name: "packages/" + p.nevra + "/", Mode: 0o755}, nil)
		for _, f := range p.files {
			h := &tar.Header{Name: "packages/" + p.nevra + "/" + f.path, Mode: cmp.Or(f.mode, 0o644)}
			switch {
			case f.medium != "":
				fmt.Fprintf(&list, " %s:%s", f.medium, f.path)
				continue
			case strings.HasSuffix(f.path, "/"):
				h.Mode = 0o755
			case f.link != "":
				h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
			}
			add(h, f.data)
		}
		list.WriteByte('\n')
	}
	add(&tar.Header{Name: "grub-prefix", Mode: 0o644}, []byte(prefix+"\n"))
	add(&tar.Header{Name: "packages.list", Mode: 0o644}, list.Bytes())
	if err := cmp.Or(failed, w.Close()); err != nil {
		return nil, fmt.Errorf("stage 2: %w", err)
	}
	return b.Bytes(), nil
}
