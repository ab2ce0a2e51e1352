package nixdisk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
	"github.com/imgasm/imgasm/nixglue/nar"
)

const (
	hash     = "/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-"
	toplevel = hash + "nixos-system-a-25.11"
	bootJSON = `{"org.nixos.bootspec.v1": {"system": "x86_64-linux", "label": "NixOS", "kernel": "` + hash + `linux/bzImage", "initrd": "` + hash + `initrd/initrd",
		"init": "` + toplevel + `/init", "kernelParams": ["a", "b c"]EXTRA}, "org.nixos.specialisation.v1": {}, "org.nixos.systemd-boot": {"sortKey": "key"}MORE}`
	script = "#! /bin/python3\nEFI_SYS_MOUNT_POINT = Path(\"/boot\")\nBOOT_MOUNT_POINT = Path(\"/boot\")\nTIMEOUT = \"menu-force\"\n" +
		"EDITOR = \"1\" == \"1\"  # noqa\nCONSOLE_MODE = \"max\"\nDISTRO_NAME = \"Other OS\"\nREBOOT_FOR_BITLOCKER = bool(\"1\")\nCOPY_EXTRA_FILES = \"" + hash + "copy-extra-files\"\n"
	fstab = "/dev/disk/by-label/nixos / ext4 defaults 0 1\nLABEL=ESP /boot vfat defaults 0 2\n"
)

// of is a system of these files; what is not given is as in a good one.
func of(changed map[string]string) (*System, *files) {
	s := &System{Toplevel: toplevel, store: "/nix/store", c: Config{Toplevel: toplevel, Seed: "seed"}}
	f := &files{nodes: map[string]file{}}
	add := func(name, text string) {
		if text != "" {
			f.nodes[name] = file{mode: 0o444, data: []byte(text)}
		}
	}
	all := map[string]string{
		toplevel + "/boot.json": strings.NewReplacer("EXTRA", "", "MORE", "").Replace(bootJSON), hash + "etc-fstab": fstab, hash + "systemd-boot/bin/systemd-boot": script,
		hash + "install-systemd-boot.sh": "#!/bin/sh\n" + hash + "systemd-boot/bin/systemd-boot \"$@\"\n\n", hash + "copy-extra-files": "#!/bin/sh\n",
		hash + "linux/bzImage": "a kernel", hash + "initrd/initrd": "an initrd",
	}
	for name, text := range changed {
		all[name] = text
	}
	for name, text := range all {
		add(name, text)
		store, _, inside := strings.Cut(strings.TrimPrefix(name, "/nix/store/"), "/")
		for dir := path.Dir(name); inside && dir != "/nix/store"; dir = path.Dir(dir) {
			f.nodes[dir] = file{mode: fs.ModeDir | 0o555}
		}
		if text != "" {
			s.closure = append(s.closure, nixglue.PathInfo{Path: "/nix/store/" + store})
		}
	}
	f.nodes[toplevel+"/etc"] = file{mode: fs.ModeSymlink | 0o777, target: "../" + path.Base(hash) + "etc/etc"}
	f.nodes[hash+"etc/etc"], f.nodes[hash+"etc"] = file{mode: fs.ModeDir | 0o555}, file{mode: fs.ModeDir | 0o555}
	f.nodes[hash+"etc/etc/fstab"] = file{mode: fs.ModeSymlink | 0o777, target: hash + "etc-fstab"}
	f.closure = s.closure
	return s, f
}

func check(s *System, f *files) error {
	for _, step := range []func(*files) error{s.readBootspec, s.readLoader, s.readFstab} {
		if err := step(f); err != nil {
			return err
		}
	}
	return nil
}

func TestSettings(t *testing.T) {
	s, f := of(nil)
	if err := check(s, f); err != nil {
		t.Fatal(err)
	}
	if got, want := s.loader.conf("e.conf"), "timeout menu-force\ndefault e.conf\nreboot-for-bitlocker yes\nconsole-mode max\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if s.root.label != "nixos" || s.esp.label != "ESP" || s.ESPPoint != "/boot" || s.Arch != "x86_64" || s.Label != "NixOS" {
		t.Errorf("%+v", s)
	}
	// Scripts before NixOS 24.05 know no second partition.
	s, f = of(map[string]string{hash + "systemd-boot/bin/systemd-boot": strings.Replace(script, "BOOT_MOUNT_POINT", "#", 2)})
	if err := check(s, f); err != nil {
		t.Error(err)
	}
	// Without a script all is as NixOS has it by default.
	s, f = of(map[string]string{hash + "install-systemd-boot.sh": ""})
	if err := check(s, f); err != nil {
		t.Fatal(err)
	}
	if got, want := s.loader.conf("e.conf"), "timeout 5\ndefault e.conf\nconsole-mode keep\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

// What is refused says what it is, and what to do.
func TestRefused(t *testing.T) {
	boot := func(extra, more string) map[string]string {
		return map[string]string{toplevel + "/boot.json": strings.NewReplacer("EXTRA", extra, "MORE", more).Replace(bootJSON)}
	}
	table := func(text string) map[string]string { return map[string]string{hash + "etc-fstab": text} }
	plain := func(from, to string) map[string]string {
		return map[string]string{toplevel + "/boot.json": strings.NewReplacer("EXTRA", "", "MORE", "", from, to).Replace(bootJSON)}
	}
	grub := plain(`"org.nixos.systemd-boot": {"sortKey": "key"}`, `"x": 1`)
	grub[hash+"install-systemd-boot.sh"], grub[hash+"install-grub.sh"] = "", "#!/bin/sh\n"
	other := plain(`"org.nixos.systemd-boot": {"sortKey": "key"}`, `"x": 1`)
	other[hash+"install-systemd-boot.sh"] = ""
	for name, c := range map[string]struct {
		changed map[string]string
		class   error
		says    string
	}{
		"no boot.json":      {map[string]string{toplevel + "/boot.json": ""}, ErrSystem, "no boot.json"},
		"no JSON":           {map[string]string{toplevel + "/boot.json": "{"}, ErrSystem, "its boot.json: unexpected end of JSON input"},
		"no bootspec":       {map[string]string{toplevel + "/boot.json": "{}"}, ErrSystem, "org.nixos.bootspec.v1"},
		"GRUB":              {grub, ErrUnsupported, "GRUB"},
		"another loader":    {other, ErrUnsupported, "not systemd-boot"},
		"secrets":           {boot(`, "initrdSecrets": "/x"`, ""), ErrUnsupported, "secrets"},
		"Xen":               {boot("", `, "org.xenproject.bootspec.v1": {}`), ErrUnsupported, "Xen"},
		"lanzaboote":        {boot("", `, "org.nix-community.lanzaboote": {}`), ErrUnsupported, "lanzaboote"},
		"further initrds":   {boot("", `, "org.nixos.extra-initrd.v1": {"paths": ["/x"]}`), ErrUnsupported, `["/x"]`},
		"no initrd":         {plain(`"initrd"`, `"x"`), ErrUnsupported, "no initrd"},
		"riscv64":           {plain("x86_64-linux", "riscv64-linux"), ErrArch, "riscv64-linux"},
		"darwin":            {plain("x86_64-linux", "x86_64-darwin"), ErrArch, "x86_64-darwin"},
		"a line in a param": {plain("b c", `b\nlinux /x`), ErrSystem, "control characters"},
		"kernel elsewhere":  {plain(hash+"linux/bzImage", "/nix/store/../../etc/shadow"), ErrSystem, "not in its closure"},
		"init elsewhere":    {plain(toplevel+"/init", hash+"nosuch/init"), ErrSystem, "not in its closure"},
		"specialisation":    {plain(`"org.nixos.specialisation.v1": {}`, `"org.nixos.specialisation.v1": {"../x": {}}`), ErrUnsupported, `"../x"`},
		"of a secret":       {plain(`"org.nixos.specialisation.v1": {}`, `"org.nixos.specialisation.v1": {"x": {}}`), ErrSystem, "specialisation x"},
		"install commands":  {map[string]string{hash + "install-systemd-boot.sh": "#!/bin/sh\n" + hash + "systemd-boot/bin/systemd-boot\nrm x\n"}, ErrUnsupported, "rm x"},
		"no script":         {map[string]string{hash + "systemd-boot/bin/systemd-boot": ""}, ErrSystem, "systemd-boot"},
		"extra files":       {map[string]string{hash + "copy-extra-files": "#!/bin/sh\ninstall memtest"}, ErrUnsupported, "install memtest"},
		"XBOOTLDR":          {map[string]string{hash + "systemd-boot/bin/systemd-boot": strings.Replace(script, `BOOT_MOUNT_POINT = Path("/boot")`, `BOOT_MOUNT_POINT = Path("/xboot")`, 2)}, ErrUnsupported, "ESP"},
		"no fstab":          {table(""), ErrSystem, "etc/fstab"},
		"no root":           {table("LABEL=ESP /boot vfat x 0 2"), ErrUnsupported, "nothing at /"},
		"btrfs":             {table("LABEL=nixos / btrfs x 0 2"), ErrUnsupported, "btrfs"},
		"no ESP":            {table("LABEL=nixos / ext4 x 0 2\nLABEL=ESP /efi vfat x 0 0"), ErrUnsupported, "at /boot"},
		"ESP ext4":          {table("LABEL=nixos / ext4 x 0 2\nLABEL=ESP /boot ext4 x 0 0"), ErrUnsupported, "is ext4"},
		"LUKS":              {table("/dev/mapper/x / ext4 x 0 2\nLABEL=ESP /boot vfat x 0 0"), ErrUnsupported, "/dev/mapper/x"},
		"long label":        {table("LABEL=nixosnixosnixosnixos / ext4 x 0 2\nLABEL=ESP /boot vfat x 0 0"), ErrUnsupported, "LABEL=nixosn"},
		"one label":         {table("LABEL=A / ext4 x 0 2\nLABEL=A /boot vfat x 0 0"), ErrUnsupported, "the same name"},
		"the ESP's name":    {table("PARTLABEL=ESP / ext4 x 0 2\nLABEL=A /boot vfat x 0 0"), ErrUnsupported, "the same name"},
		"small label":       {table("LABEL=nixos / ext4 x 0 2\nLABEL=esp /boot vfat x 0 0"), ErrUnsupported, "LABEL=esp"},
		"swap":              {table(fstab + "/dev/disk/by-label/swap none swap defaults 0 0\n"), ErrUnsupported, "by-label/swap"},
		"pool":              {table(fstab + "tank/srv /srv zfs defaults 0 0\n"), ErrUnsupported, "tank/srv"},
		"home":              {table(fstab + "UUID=x /home ext4 defaults 0 0\n"), ErrUnsupported, "/home"},
	} {
		s, f := of(c.changed)
		err := check(s, f)
		if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if c.class == ErrUnsupported && !strings.Contains(fault.Hint(err, nil), "make-disk-image.nix") {
			t.Errorf("%s: hint %q", name, fault.Hint(err, nil))
		}
	}
	s, f := of(nil)
	s.c.Arch = "aarch64"
	if err := check(s, f); !errors.Is(err, ErrArch) || fault.Hint(err, nil) == "" {
		t.Error(err)
	}
}

// The names that an fstab can ask for, and what does not need a disk.
func TestVolumes(t *testing.T) {
	const rest = "LABEL=ESP /boot vfat x 0 0\ntmpfs /tmp tmpfs x 0 0\n/nix/x /x none bind 0 0\n/var/swap none swap x 0 0\n/dev/sdb1 /data ext4 nofail,x 0 0\nUUID=y /y ext4 noauto 0 0\nhost:/z /z nfs x 0 0\n"
	uuid := "0b9c3f6a-7a1e-4b7a-8a52-0d4b0a7ddc0e"
	for spec, want := range map[string]string{
		"LABEL=my-root": "my-root", "/dev/disk/by-label/r": "r", "UUID=" + uuid: "nixos " + uuid, "/dev/disk/by-partlabel/p": "nixos p", "PARTUUID=" + uuid: "nixos " + strings.ToUpper(uuid),
	} {
		s := &System{loader: loader{}}
		if err := s.takeFstab(inspect.ParseFstab(spec + " / ext4 x 0 1\n" + rest)); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
		if got := fmt.Sprint(s.root.label, " ", s.root.uuid, " ", s.root.partName, " ", s.root.partUUID); !containsAll(got, want) {
			t.Errorf("%s: %s", spec, got)
		}
	}
	s := &System{}
	if err := s.takeFstab(inspect.ParseFstab("LABEL=a / auto x 0 1\n/dev/disk/by-uuid/12CE-A600 /boot/efi vfat x 0 2\n")); err != nil || s.serial() != 0x12cea600 || s.ESPPoint != "/boot/efi" {
		t.Errorf("%v, %x at %s", err, s.serial(), s.ESPPoint)
	}
}

func containsAll(text, words string) bool {
	for _, w := range strings.Fields(words) {
		if !strings.Contains(" "+text+" ", " "+w+" ") {
			return false
		}
	}
	return true
}

// Entries as NixOS up to 26.05 and from 26.11 on writes them.
func TestEntries(t *testing.T) {
	day := time.Date(2026, 1, 2, 23, 0, 0, 0, time.UTC)
	b := bootable{label: "NixOS L", init: "/i", params: []string{"a", "b=c"}, sortKey: "key"}
	old, hashed := loader{distribution: "NixOS"}, loader{distribution: "NixOS", hashed: true, flat: true}
	name, text := old.entry(b, "K", "I", "D", day)
	if want := "title NixOS\nsort-key key\nversion Generation 1 NixOS L, built on 2026-01-02\nlinux /K\ninitrd /I\noptions init=/i a b=c\ndevicetree /D\n"; name != "nixos-generation-1.conf" || text != want {
		t.Errorf("%s: %q, not %q", name, text, want)
	}
	b.specialisation = "s"
	if name, text = old.entry(b, "K", "I", "", day); name != "nixos-generation-1-specialisation-s.conf" || !strings.HasPrefix(text, "title NixOS (s)\n") || strings.Contains(text, "devicetree") {
		t.Errorf("%s: %q", name, text)
	}
	name, text = hashed.entry(b, "K", "I", "D", day)
	want := "title NixOS (s)\nversion Generation 1 NixOS L, built on 2026-01-02\nlinux /K\ninitrd /I\noptions init=/i a b=c\ndevicetree /D\nsort-key key"
	// printf '%s' … | sha256sum
	if text != want || name != "nixos-79621cffecba3a9e996e90a79e972115046dbc745248d7f2dc407528e0b6cf25.conf" {
		t.Errorf("%s: %q, not %q", name, text, want)
	}
	for file, names := range map[string][2]string{
		"/nix/store/h-linux/bzImage":    {"h-linux-bzImage", "h-linux-bzImage"},
		"/nix/store/h-initrd":           {"store-h-initrd", "h-initrd"},
		"/nix/store/h-dtb/dtbs/a/b.dtb": {"a-b.dtb", "h-dtb-b.dtb"},
	} {
		if o, n := old.espName("/nix/store", file), hashed.espName("/nix/store", file); o != "EFI/nixos/"+names[0]+".efi" || n != "EFI/nixos/"+names[1]+".efi" {
			t.Errorf("%s: %s, %s", file, o, n)
		}
	}
}

func TestRealPath(t *testing.T) {
	links := map[string]string{"/a/l": "b/../m", "/a/m": "/c", "/c/loop": "loop", "/up": "../../c"}
	for from, want := range map[string]string{"/a/l/x": "/c/x", "/c": "/c", "/up/x/": "/c/x", "/c/loop/y": ""} {
		got, err := realPath(from, func(name string) (string, error) { return links[name], nil })
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v", from, got, err)
		}
	}
}

// A nix that says nothing of what it was asked for.
func TestNoClosure(t *testing.T) {
	program := filepath.Join(t.TempDir(), "nix")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho '[]'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), Config{Nix: nixglue.Nix{Path: program}, Toplevel: toplevel}); !errors.Is(err, ErrSystem) {
		t.Error(err)
	}
}

// What is kept of a closure's files has an end.
func TestKeep(t *testing.T) {
	dir := t.TempDir()
	for i := range maxKept/maxText + 1 {
		name := fmt.Sprint(dir, "/", i)
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, maxText)); err != nil {
			t.Fatal(err)
		}
	}
	f := &files{nodes: map[string]file{}}
	if err := f.keep(nixglue.PathInfo{Path: toplevel}, nar.NewFolder(dir, nil)); !errors.Is(err, ErrSystem) {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{}, {Toplevel: "relative"}, {Toplevel: "/nix/store/short"}, {Toplevel: toplevel + "/x"}, {Toplevel: toplevel + "\n"},
		{Toplevel: toplevel, SizeBytes: -1}, {Toplevel: toplevel, ESPBytes: 1 << 20}, {Toplevel: toplevel, ESPBytes: 2 << 40},
		{Toplevel: toplevel, SizeBytes: 520 << 20}, {Toplevel: toplevel, SizeBytes: 8000 << 50}, {Toplevel: toplevel, FreeBytes: 20 << 40},
	} {
		_, err := Check(t.Context(), c)
		if class := ErrSystem; c.Toplevel == toplevel {
			class = ErrSize
			if !errors.Is(err, class) {
				t.Errorf("%+v: %v", c, err)
			}
		} else if !errors.Is(err, class) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
