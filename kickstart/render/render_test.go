package render

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/kickstart"
)

const testKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGBqbXBe6E5tx1gHxMyHwmk0O1vYhp6ylDZPX/5oQZ3k somebody@example.org"

func TestRenderDefault(t *testing.T) {
	got, err := Kickstart(Options{
		Console: "ttyS0", RootPassword: DefaultRootPassword, Users: DefaultUsers(), Seed: []byte("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "default.ks", got)
}

func TestRenderEverything(t *testing.T) {
	got, err := Kickstart(Options{
		Arch: "x86_64_v2", Boot: "bios", Disk: "sda", Console: "ttyS0",
		Source:   Source{URL: "http://mirror.example/BaseOS/", Repos: []Repo{{"AppStream", "http://mirror.example/AppStream/"}, {"extra", "file:///mnt/extra"}}},
		Hostname: "build-1.example.org", Lang: "de_DE.UTF-8", Keyboard: "de-nodeadkeys", Timezone: "Europe/Berlin",
		RootPassword: "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
		RootSSHKeys:  []string{testKey},
		Users: []User{
			{Name: "anna", Password: `a "b" \c #d %end`, Sudo: true},
			{Name: "robot", SSHKeys: []string{`command="/bin/date \"+%s\"" ` + testKey}},
		},
		Seed:       []byte("test"),
		Packages:   []string{"@core --nodefaults", "-plymouth", "perl-*", "sudo"},
		GuestAgent: true, CloudInit: true,
		KernelArgs: []string{"net.ifnames=0", "quiet"},
		Scripts: []Script{
			{Name: "first.sh", Text: "#!/bin/bash\r\nset -eu\r\necho '%end'\r\n"},
			{Name: "second\n%end.py", Text: "#!/usr/bin/env python3\nprint('%post')"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "everything.ks", got)
}

// Both profiles on both architectures: what they are, and clean for lint.
func TestRenderProfiles(t *testing.T) {
	for _, arch := range []string{"x86_64", "aarch64"} {
		for _, p := range kickstart.Profiles {
			o := Options{Arch: arch, Console: "ttyS0", GuestAgent: p.GuestAgent, CloudInit: p.CloudInit, Seed: []byte("test")}
			if arch == "aarch64" {
				o.Console = "ttyAMA0"
			}
			if err := (Accounts{KeysOnly: p.KeysOnly}).Set(&o); err != nil {
				t.Fatal(err)
			}
			text, err := Kickstart(o)
			if err != nil {
				t.Fatal(err)
			}
			if p.Name == "cloud" && arch == "x86_64" {
				golden.Check(t, "cloud.ks", text)
			}
			f, err := kickstart.Parse(p.Name, text)
			if err != nil {
				t.Fatal(err)
			}
			target := &kickstart.Target{Arch: arch, Boot: "uefi", DiskBus: "virtio-blk", DiskName: "vda", DiskSizeBytes: 10 << 30, ISOVariant: "boot", CmdlineMode: true}
			for _, finding := range kickstart.Lint(f, kickstart.LintOptions{Dialect: kickstart.AlmaLinux10, Target: target, Profile: p}) {
				t.Errorf("%s on %s: %+v", p.Name, arch, finding)
			}
		}
	}
}

func TestRenderIsDeterministic(t *testing.T) {
	o := Options{RootPassword: "secret", Users: DefaultUsers(), Seed: []byte("seed")}
	a, err := Kickstart(o)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Kickstart(o)
	if !slices.Equal(a, b) {
		t.Error("the same options give different bytes")
	}
	o.Seed = []byte("other")
	c, _ := Kickstart(o)
	if slices.Equal(a, c) {
		t.Error("another seed gives the same salts")
	}
}

func TestRenderRefuses(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Options)
		want   string
	}{
		{"nobody can log in", func(o *Options) { o.RootPassword = "" }, "nobody could log in"},
		{"boot mode", func(o *Options) { o.Boot = "efi" }, `Firmware: "efi": choose uefi or bios`},
		{"BIOS on ARM", func(o *Options) { o.Arch, o.Boot = "aarch64", "bios" }, "aarch64 boots by UEFI only"},
		{"architecture", func(o *Options) { o.Arch = "x86_64/../.." }, "Arch: "},
		{"disk", func(o *Options) { o.Disk = "vda,vdb" }, `Disk: "vda,vdb"`},
		{"console", func(o *Options) { o.Console = "ttyS0 init=/bin/sh" }, "Console: "},
		{"host name with line end", func(o *Options) { o.Hostname = "a\n%end" }, "Hostname: "},
		{"host name too long", func(o *Options) { o.Hostname = strings.Repeat("a.", 33) }, "more than 64"},
		{"host name with space", func(o *Options) { o.Hostname = "a --ip=1.2.3.4" }, "Hostname: "},
		{"language", func(o *Options) { o.Lang = "en US" }, "Lang: "},
		{"keyboard that is an option", func(o *Options) { o.Keyboard = "--xlayouts=us" }, "Keyboard: "},
		{"time zone", func(o *Options) { o.Timezone = "Europe/../etc" }, "Timezone: "},
		{"password with line end", func(o *Options) { o.RootPassword = "a\n%end" }, "control character"},
		{"password too long", func(o *Options) { o.RootPassword = strings.Repeat("a", 512) }, "more than the 511"},
		{"half a hash", func(o *Options) { o.RootPassword = "$6$salt$" }, "single quotes"},
		{"user", func(o *Options) { o.Users = []User{{Name: "Anna B"}} }, `User: "Anna B"`},
		{"user root", func(o *Options) { o.Users = []User{{Name: "root"}} }, "is there anyway"},
		{"user twice", func(o *Options) { o.Users = []User{{Name: "a"}, {Name: "a"}} }, "given twice"},
		{"private key", func(o *Options) { o.RootSSHKeys = []string{"-----BEGIN OPENSSH PRIVATE KEY-----\nAA\n"} }, ".pub"},
		{"two keys", func(o *Options) { o.RootSSHKeys = []string{testKey + "\n" + testKey} }, "more than one line"},
		{"no key", func(o *Options) { o.RootSSHKeys = []string{"ssh-rsa hello"} }, "authorized_keys"},
		{"package with comment", func(o *Options) { o.Packages = []string{"vim # %end"} }, "Packages: "},
		{"package end", func(o *Options) { o.Packages = []string{"%end"} }, "Packages: "},
		{"package empty", func(o *Options) { o.Packages = []string{""} }, "Packages: is empty"},
		{"kernel argument with blank", func(o *Options) { o.KernelArgs = []string{"a b"} }, "kernel argument"},
		{"kernel argument with shell", func(o *Options) { o.KernelArgs = []string{"a=$(reboot)"} }, "kernel argument"},
		{"kernel argument with a comment", func(o *Options) { o.KernelArgs = []string{"a#b"} }, `"#"`},
		{"URL", func(o *Options) { o.Source.URL = "https://x/ --noverifyssl" }, "Source: "},
		{"URL without scheme", func(o *Options) { o.Source.URL = "mirror/BaseOS" }, "https://"},
		{"two sources", func(o *Options) { o.Source = Source{CDROM: true, URL: "https://x/"} }, "either"},
		{"repository", func(o *Options) { o.Source.Repos = []Repo{{"a b", "https://x/"}} }, "Repos: "},
		{"repository twice", func(o *Options) { o.Source.Repos = []Repo{{"a", "https://x/"}, {"a", "https://y/"}} }, "twice"},
		{"script with end", func(o *Options) { o.Scripts = []Script{{Name: "x.sh", Text: "cat <<E\n %end\nE\n"}} }, "script x.sh line 2 begins with %end"},
		{"script with include", func(o *Options) { o.Scripts = []Script{{Text: "%include /x"}} }, "script number 1 line 1"},
		{"script with section", func(o *Options) { o.Scripts = []Script{{Text: "\t%post\n"}} }, "%post"},
		{"script with hidden end", func(o *Options) { o.Scripts = []Script{{Text: "echo\u2028%end\n"}} }, "%end"},
		{"script with CR end", func(o *Options) { o.Scripts = []Script{{Text: "echo\r%end\n"}} }, "%end"},
		{"script with NUL", func(o *Options) { o.Scripts = []Script{{Text: "echo\n\x00"}} }, "NUL byte in line 2"},
		{"script not UTF-8", func(o *Options) { o.Scripts = []Script{{Text: "\xff"}} }, "UTF-8"},
		{"interpreter with options", func(o *Options) { o.Scripts = []Script{{Text: "#!/bin/sh -eu\n"}} }, "set -eu"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := Options{RootPassword: "secret"}
			tc.change(&o)
			out, err := Kickstart(o)
			if !errors.Is(err, ErrOption) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want one with %q; output:\n%s", err, tc.want, out)
			}
		})
	}
}

func TestRenderErrorsHoldNoSecret(t *testing.T) {
	_, err := Kickstart(Options{RootPassword: "canary\n"})
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

// FuzzRender holds that a value either is refused or arrives as it is.
func FuzzRender(f *testing.F) {
	f.Add("secret", "full name", "vim", "quiet", "echo\n", "host", "somebody")
	f.Add("%end", "a\"b'c\\", "@core --nodefaults", "a=b,c", "#!/bin/bash\necho", "a.b", "# %end")
	f.Add("x\n%post\n", "\u2028%end", "-x", "${x}", "%end", "-x", "\n%end\n")
	f.Fuzz(func(t *testing.T, password, name, pkg, arg, script, host, keyComment string) {
		key := strings.TrimSuffix(testKey, "somebody@example.org") + keyComment
		o := Options{
			RootPassword: password, Hostname: host, Packages: []string{pkg}, KernelArgs: []string{arg},
			Users:   []User{{Name: "anna", Password: "x", SSHKeys: []string{key}}},
			Scripts: []Script{{Name: name, Text: script}},
		}
		src, err := Kickstart(o)
		if err != nil {
			if !errors.Is(err, ErrOption) {
				t.Fatalf("not ErrOption: %v", err)
			}
			return
		}
		file, err := kickstart.Parse("fuzz", src)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string][]string{}
		for _, c := range file.Commands() {
			got[c.Name()] = append(got[c.Name()], wordValues(c.Args())...)
		}
		has := func(command, word string) {
			if !slices.Contains(got[command], word) {
				t.Errorf("%s lacks %q: %q", command, word, got[command])
			}
		}
		if password != "" {
			hash, err := HashPassword(password, nil, "root")
			if err != nil {
				t.Fatal(err)
			}
			has("rootpw", hash)
		}
		if host != "" {
			has("network", "--hostname="+host)
		}
		has("sshkey", strings.TrimSpace(key))
		has("bootloader", "--append="+arg)
		posts := file.Sections("%post")
		if len(posts) != 2 || string(posts[0].BodyRaw()) != normalize(script) {
			t.Errorf("%d scripts, of %q: %s", len(posts), script, src)
		}
		found := false
		for _, n := range file.Sections("%packages")[0].Body {
			if e, ok := n.(*kickstart.Entry); ok && e.Trailing == "" {
				found = found || strings.TrimSpace(e.Text()) == pkg
			}
		}
		if !found {
			t.Errorf("package %q is not selected: %s", pkg, src)
		}
		if n := len(file.Sections("")); n != 4 {
			t.Errorf("%d sections, want 4", n)
		}
	})
}

// Each Render hashes its passwords, which takes most of its time by design.
func BenchmarkRender(b *testing.B) {
	o := Options{RootPassword: "secret", Users: DefaultUsers()}
	for b.Loop() {
		if _, err := Kickstart(o); err != nil {
			b.Fatal(err)
		}
	}
}
