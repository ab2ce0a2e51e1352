package firmware

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/cavaliergopher/cpio"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/pgp"
)

var packed = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

func packedOptions(k *pgp.Keyring) ExtractOptions {
	return ExtractOptions{Keyring: k, Now: func() time.Time { return packed.AddDate(0, 1, 0) }}
}

func packager(t testing.TB, config *packet.Config) (*openpgp.Entity, *pgp.Keyring) {
	t.Helper()
	config.Time = func() time.Time { return packed.AddDate(0, -1, 0) }
	e, err := openpgp.NewEntity("packager", "", "packager@example.org", config)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	k, err := pgp.ReadKeyring("packager", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return e, k
}

func eddsa(t testing.TB) (*openpgp.Entity, *pgp.Keyring) {
	return packager(t, &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
}

// tagged is a value of a header under construction.
type tagged struct {
	id, kind, count uint32
	data            []byte
}

func text(id uint32, s string) tagged  { return tagged{id, rpmString, 1, append([]byte(s), 0)} }
func array(id uint32, s string) tagged { return tagged{id, rpmStringArray, 1, append([]byte(s), 0)} }
func blob(id uint32, b []byte) tagged  { return tagged{id, rpmBinary, uint32(len(b)), b} }
func number(id, n uint32) tagged {
	return tagged{id, rpmInt32, 1, binary.BigEndian.AppendUint32(nil, n)}
}

func header(tags ...tagged) []byte {
	var index, store []byte
	for _, t := range tags {
		for t.kind == rpmInt32 && len(store)%4 != 0 {
			store = append(store, 0)
		}
		for _, n := range []uint32{t.id, t.kind, uint32(len(store)), t.count} {
			index = binary.BigEndian.AppendUint32(index, n)
		}
		store = append(store, t.data...)
	}
	out := []byte{0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0}
	out = binary.BigEndian.AppendUint32(out, uint32(len(tags)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(store)))
	return append(append(out, index...), store...)
}

type member struct {
	name string
	data []byte
	link string // symbolic
	hard int64  // inode of hard links; only the last carries data
}

func archive(t testing.TB, members []member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := cpio.NewWriter(z)
	for i, m := range members {
		h := &cpio.Header{Name: m.name, Mode: cpio.TypeReg | 0o644, Size: int64(len(m.data)), Links: 1, Inode: int64(1000 + i)}
		if m.link != "" {
			m.data = []byte(m.link) // as the format has it
			h.Mode, h.Size = cpio.TypeSymlink|0o777, int64(len(m.link))
		}
		if m.hard != 0 {
			h.Inode, h.Links = m.hard, 2
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// parts of a package, so that a test can break one of them.
type parts struct {
	header, payload []byte
	signatures      []tagged // of the signature header, before its digests
}

func (p parts) bytes() []byte {
	lead := make([]byte, leadSize)
	copy(lead, []byte{0xed, 0xab, 0xee, 0xdb, 3, 0})
	copy(lead[10:], "edk2")
	sum := sha256.Sum256(p.header)
	sig := header(append(slices.Clone(p.signatures), text(sigSHA256, hex.EncodeToString(sum[:])))...)
	for len(sig)%8 != 0 {
		sig = append(sig, 0)
	}
	return slices.Concat(lead, sig, p.header, p.payload)
}

func signOver(t testing.TB, e *openpgp.Entity, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := openpgp.DetachSign(&b, e, bytes.NewReader(data), &packet.Config{Time: func() time.Time { return packed }, DefaultHash: crypto.SHA256}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func edk2(t testing.TB, e *openpgp.Entity, members []member) parts {
	payload := archive(t, members)
	sum := sha256.Sum256(payload)
	p := parts{payload: payload, header: header(
		text(1000, "edk2-ovmf"), text(1001, "20241117"), text(1002, "2.el10"), text(1022, "noarch"), text(1124, "cpio"), text(1125, "gzip"),
		array(tagPayloadDigest, hex.EncodeToString(sum[:])), number(tagPayloadDigestAlgo, 8))}
	p.signatures = []tagged{blob(sigDSA, signOver(t, e, p.header))}
	return p
}

func fedora(t *testing.T) []member {
	return []member{
		{name: "./usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.fd", data: x86Code(code4M)},
		{name: "./usr/share/edk2/ovmf/OVMF_VARS_4M.secboot.fd", data: varsImage(vars4M, someKeys...)},
		{name: "./usr/share/edk2/ovmf/OVMF_VARS_4M.fd", hard: 7},
		{name: "./usr/share/edk2/ovmf/OVMF_VARS.4m.fd", data: varsImage(vars4M), hard: 7},
		{name: "./usr/share/OVMF/OVMF_CODE_4M.fd", link: "../edk2/ovmf/OVMF_CODE_4M.secboot.fd"},
		{name: "./usr/share/OVMF/OVMF_VARS_4M.fd", link: "/usr/share/edk2/ovmf/OVMF_VARS_4M.fd"},
		{name: "./usr/share/OVMF/dangling.fd", link: "../nowhere.fd"},
		{name: "./usr/share/OVMF/circle.fd", link: "circle.fd"},
		{name: "./usr/share/doc/edk2-ovmf/README", data: []byte("hello")},
		{name: "./usr/bin/tool.bin", data: []byte("not wanted")},
		{name: "./usr/share/x/../../../etc/evil.fd", data: []byte("not wanted")},
		{name: "./usr/share/qemu/firmware/50-edk2-ovmf-4m-x64-sb-enrolled.json", data: describe(t, "x86_64", "pc-q35-*",
			"/usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.fd", "/usr/share/edk2/ovmf/OVMF_VARS_4M.secboot.fd", "secure-boot", "enrolled-keys", "requires-smm")},
	}
}

func save(t testing.TB, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "edk2-ovmf.rpm")
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExtract(t *testing.T) {
	e, keys := eddsa(t)
	dir := filepath.Join(t.TempDir(), "out")
	for range 2 { // the second time over existing files
		p, err := Extract(context.Background(), save(t, edk2(t, e, fedora(t)).bytes()), dir, packedOptions(keys))
		if err != nil {
			t.Fatal(err)
		}
		want := []string{
			"usr/share/OVMF/OVMF_CODE_4M.fd", "usr/share/OVMF/OVMF_VARS_4M.fd",
			"usr/share/edk2/ovmf/OVMF_CODE_4M.secboot.fd", "usr/share/edk2/ovmf/OVMF_VARS.4m.fd",
			"usr/share/edk2/ovmf/OVMF_VARS_4M.fd", "usr/share/edk2/ovmf/OVMF_VARS_4M.secboot.fd",
			"usr/share/qemu/firmware/50-edk2-ovmf-4m-x64-sb-enrolled.json",
		}
		if p.Name != "edk2-ovmf-20241117-2.el10.noarch" || p.Signature.UserID != "packager <packager@example.org>" || !slices.Equal(p.Files, want) {
			t.Errorf("%+v", p)
		}
	}
	for _, secureBoot := range []bool{true, false} {
		p, err := Find(context.Background(), Query{Arch: arch.X86_64.Name, SecureBoot: secureBoot, Root: dir})
		if err != nil || !strings.HasPrefix(p.Code.Path, evalled(t, dir)) || p.SecureBoot != secureBoot {
			t.Errorf("Secure Boot %v: %+v, %v", secureBoot, p, err)
		}
		// On a system without any firmware the unpacked package serves.
		q := Query{Arch: arch.X86_64.Name, SecureBoot: secureBoot, Root: t.TempDir(), Trees: Trees(filepath.Dir(dir))}
		if again, err := Find(context.Background(), q); err != nil || again.Code != p.Code || !strings.HasSuffix(again.Source, " in "+dir) {
			t.Errorf("as a tree: %+v, %v", again, err)
		}
	}
	if trees := Trees(filepath.Join(dir, "missing")); trees != nil {
		t.Error(trees)
	}
}

func evalled(t *testing.T, dir string) string {
	t.Helper()
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return real
}

func TestExtractRefuses(t *testing.T) {
	e, keys := eddsa(t)
	other, _ := eddsa(t)
	good := edk2(t, e, fedora(t))
	for _, c := range []struct {
		name   string
		change func(*parts)
		want   error
		says   string
	}{
		{"no signature", func(p *parts) { p.signatures = nil }, pgp.ErrUnsigned, ""},
		{"a signature of old rpm only", func(p *parts) { p.signatures = []tagged{blob(sigPGP, []byte("x"))} }, pgp.ErrUnsigned, "before 4.14"},
		{"another key", func(p *parts) { p.signatures = []tagged{blob(sigRSA, signOver(t, other, p.header))} }, pgp.ErrUnknownKey, ""},
		{"a changed header", func(p *parts) {
			p.header = bytes.Replace(p.header, []byte("20241117"), []byte("20241118"), 1)
		}, pgp.ErrBad, ""},
		{"a changed payload", func(p *parts) { p.payload = append(bytes.Clone(p.payload), 0) }, errPayload, ""},
		{"a payload cut off", func(p *parts) { p.payload = p.payload[:len(p.payload)/2] }, errPayload, ""},
		{"no digest of the payload", func(p *parts) {
			p.header = header(text(1000, "x"), text(1125, "gzip"))
			p.signatures = []tagged{blob(sigDSA, signOver(t, e, p.header))}
		}, nil, "no digest of the payload"},
		{"a weak digest", func(p *parts) {
			p.header = header(text(1000, "x"), array(tagPayloadDigest, "00"), number(tagPayloadDigestAlgo, 2))
			p.signatures = []tagged{blob(sigDSA, signOver(t, e, p.header))}
		}, nil, "weak"},
		{"an unknown compressor", func(p *parts) {
			p.header = bytes.Replace(p.header, []byte("gzip"), []byte("lzip"), 1)
			p.signatures = []tagged{blob(sigDSA, signOver(t, e, p.header))}
		}, nil, `"lzip"`},
		{"nothing in it", func(p *parts) { *p = edk2(t, e, []member{{name: "./usr/share/doc/x", data: []byte("x")}}) }, nil, "no firmware"},
		{"a signature that is none", func(p *parts) { p.signatures = []tagged{blob(sigDSA, []byte("garbage"))} }, pgp.ErrBad, ""},
		{"a tag twice", func(p *parts) {
			p.signatures = append(p.signatures, p.signatures[0])
		}, nil, "twice"},
	} {
		p := good
		c.change(&p)
		dir := filepath.Join(t.TempDir(), "out")
		pkg, err := Extract(context.Background(), save(t, p.bytes()), dir, packedOptions(keys))
		if err == nil || pkg != nil || (c.want != nil && !errors.Is(err, c.want)) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v %s", c.name, err, c.want, c.says)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
			t.Errorf("%s: wrote %v", c.name, files)
		}
	}
	for _, b := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte{0xed, 0xab, 0xee, 0xdb}, 100), good.bytes()[:300]} {
		if _, err := Extract(context.Background(), save(t, b), t.TempDir(), packedOptions(keys)); err == nil {
			t.Errorf("%d bytes were taken for a package", len(b))
		}
	}
}

// rpm 6 keeps its signatures as an array in base64, and may hold several.
func TestExtractRPM6Signature(t *testing.T) {
	e, keys := eddsa(t)
	other, _ := eddsa(t)
	p := edk2(t, e, fedora(t))
	enc := base64.StdEncoding.EncodeToString
	both := append(append([]byte(enc(signOver(t, other, p.header))), 0), append([]byte(enc(signOver(t, e, p.header))), 0)...)
	p.signatures = []tagged{{sigOpenPGP, rpmStringArray, 2, both}}
	if _, err := Extract(context.Background(), save(t, p.bytes()), t.TempDir(), packedOptions(keys)); err != nil {
		t.Error(err)
	}
}

// named is a good package that calls itself something else, signed for it.
func named(t testing.TB, e *openpgp.Entity, name, version string) []byte {
	p := edk2(t, e, fedora(t.(*testing.T)))
	sum := sha256.Sum256(p.payload)
	p.header = header(text(1000, name), text(1001, version), text(1002, "2.el10"), text(1022, "noarch"), text(1124, "cpio"), text(1125, "gzip"),
		array(tagPayloadDigest, hex.EncodeToString(sum[:])), number(tagPayloadDigestAlgo, 8))
	p.signatures = []tagged{blob(sigDSA, signOver(t, e, p.header))}
	return p.bytes()
}

// A package is installed under its name; a key that the user trusts does not
// make a path of that name, nor a command for the terminal.
func TestInstall(t *testing.T) {
	e, keys := eddsa(t)
	top := t.TempDir()
	trees := filepath.Join(top, "cache", "firmware")
	victim := filepath.Join(top, "victim-1-2.el10.noarch")
	for _, dir := range []string{victim, filepath.Join(trees, "edk2-ovmf-1-2.el10.noarch")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "old"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	before := listing(t, top)
	for _, c := range [][2]string{
		{"../../victim", "1"}, {"..", "/../../victim-1"}, {"/" + victim, "1"}, {"a", "/../../../victim-1"}, {`..\..\victim`, "1"}, {"", "1"}, {".hidden", "1"},
		{"edk2\x1b]0;title\x07", "1"}, {"edk2\u202eorez", "1"}, {"edk2 ovmf", "1"}, {strings.Repeat("x", 300), "1"}, {"edk2\n", "1"},
	} {
		p, folder, err := Install(t.Context(), save(t, named(t, e, c[0], c[1])), trees, packedOptions(keys))
		if err == nil || p != nil || folder != "" || strings.ContainsAny(err.Error(), "\x1b\x07\n\u202e") {
			t.Errorf("%q: %+v in %s, %v", c, p, folder, err)
		}
		if now := listing(t, top); !slices.Equal(now, before) {
			t.Fatalf("%q: changed %q to %q", c, before, now)
		}
	}
	p, folder, err := Install(t.Context(), save(t, named(t, e, "edk2-ovmf", "1")), trees, packedOptions(keys))
	if err != nil || folder != filepath.Join(trees, "edk2-ovmf-1-2.el10.noarch") || len(p.Files) != 7 || !slices.Equal(Trees(trees), []string{folder}) {
		t.Fatalf("%+v in %s, %v", p, folder, err)
	}
	if all := listing(t, trees); slices.ContainsFunc(all, func(s string) bool { return strings.HasSuffix(s, "/old") || strings.Contains(s, ".unpack") }) {
		t.Errorf("left: %q", all)
	}
}

// listing is every path below dir.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		all = append(all, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What a payload must not do, whoever signed it.
func TestHostilePayloads(t *testing.T) {
	e, keys := eddsa(t)
	many := make([]member, maxFiles+1)
	for i := range many {
		many[i] = member{name: fmt.Sprintf("./usr/share/edk2/%d.fd", i), data: []byte("x")}
	}
	for name, c := range map[string]struct {
		members []member
		says    string // "": it is unpacked, and nothing lies outside
	}{
		"leads out":           {[]member{{name: "./usr/share/../../../../evil.fd", data: []byte("x")}, {name: "usr/share/a.fd", data: []byte("x")}}, ""},
		"through a link":      {[]member{{name: "./usr/share/up.fd", link: "../../.."}, {name: "./usr/share/up.fd/evil.fd", data: []byte("x")}}, ""},
		"link to a host file": {[]member{{name: "./usr/share/p.fd", link: "/etc/passwd"}, {name: "usr/share/a.fd", data: []byte("x")}}, ""},
		"escapes":             {[]member{{name: "./usr/share/\x1b]0;x\x07.fd", data: []byte("x")}}, "is no name"},
		"a right-to-left one": {[]member{{name: "./usr/share/\u202edf.txt.fd", data: []byte("x")}}, "is no name"},
		"too many":            {many, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			_, err := Extract(t.Context(), save(t, edk2(t, e, c.members).bytes()), filepath.Join(top, "a", "out"), packedOptions(keys))
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\x1b\u202e")) {
				t.Errorf("%v, want %q", err, c.says)
			}
			for _, p := range listing(t, top) {
				if strings.Contains(p, "evil") && !strings.HasPrefix(p, filepath.Join(top, "a", "out")+string(filepath.Separator)) || filepath.Base(p) == "p.fd" {
					t.Errorf("made %s", p)
				}
				if info, err := os.Lstat(p); err != nil || info.Mode()&fs.ModeSymlink != 0 {
					t.Errorf("%s: a link, or %v", p, err)
				}
			}
		})
	}
}

// The real tools: rpmbuild makes the package, gpg and rpmsign sign it.
func TestExtractForeign(t *testing.T) {
	for _, tool := range []string{"rpmbuild", "rpmsign", "gpg"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is missing (apt-get install rpm gnupg): packages made by rpm itself are not tested", tool)
		}
	}
	// gpg-agent's socket must have a short path.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	defer exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
	run := func(t *testing.T, name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "HOME="+home)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []string{"rsa3072", "ed25519"} {
		run(t, "gpg", "--batch", "--passphrase", "", "--quick-gen-key", algorithm+"@example.org", algorithm, "sign", "never")
	}
	for _, compressor := range []string{"w9.gzdio", "w3.zstdio", "w2.xzdio", "w.ufdio"} {
		algorithm := map[bool]string{true: "rsa3072", false: "ed25519"}[strings.Contains(compressor, "xz") || strings.Contains(compressor, "gz")]
		t.Run(compressor+" "+algorithm, func(t *testing.T) {
			top := t.TempDir()
			src := tree(t, map[string][]byte{"/c": x86Code(code4M), "/v": varsImage(vars4M, someKeys...)})
			spec := filepath.Join(top, "x.spec")
			text := "Name: edk2-ovmf\nVersion: 1\nRelease: 2\nSummary: x\nLicense: x\nBuildArch: noarch\n%description\nx\n%install\n" +
				"d=%{buildroot}/usr/share/edk2/ovmf\nmkdir -p $d %{buildroot}/usr/share/OVMF\ncp " + src + "/c $d/OVMF_CODE.secboot.fd\ncp " + src + "/v $d/OVMF_VARS.secboot.fd\n" +
				"ln $d/OVMF_VARS.secboot.fd $d/OVMF_VARS_HARD.fd\nln -s ../edk2/ovmf/OVMF_VARS.secboot.fd %{buildroot}/usr/share/OVMF/OVMF_VARS.secboot.fd\n%files\n/usr/share/edk2\n/usr/share/OVMF\n"
			if err := os.WriteFile(spec, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			run(t, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+top, "--define", "_binary_payload "+compressor, spec)
			pkg := filepath.Join(top, "RPMS", "noarch", "edk2-ovmf-1-2.noarch.rpm")
			keyring := filepath.Join(top, "key")
			run(t, "gpg", "--batch", "--armor", "--output", keyring, "--export", algorithm+"@example.org")
			key, err := os.ReadFile(keyring)
			if err != nil {
				t.Fatal(err)
			}
			keys, err := pgp.ReadKeyring("rpm", key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Extract(context.Background(), pkg, t.TempDir(), ExtractOptions{Keyring: keys}); !errors.Is(err, pgp.ErrUnsigned) {
				t.Errorf("before signing: %v", err)
			}
			run(t, "rpmsign", "--define", "_gpg_name "+algorithm+"@example.org", "--define", "__gpg "+gpg, "--addsign", pkg)
			dir := t.TempDir()
			p, err := Extract(context.Background(), pkg, dir, ExtractOptions{Keyring: keys})
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != "edk2-ovmf-1-2.noarch" || len(p.Files) != 4 {
				t.Errorf("%+v", p)
			}
			for _, f := range p.Files {
				want, err := os.ReadFile(filepath.Join(src, map[bool]string{true: "c", false: "v"}[strings.Contains(f, "CODE")]))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(filepath.Join(dir, f)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s differs from what was packed: %v", f, err)
				}
			}
			if pair, err := Find(context.Background(), Query{Arch: arch.X86_64.Name, SecureBoot: true, Root: dir}); err != nil || !pair.SMM {
				t.Errorf("%+v, %v", pair, err)
			}
		})
	}
}

func TestFindPackage(t *testing.T) {
	iso := fstest.MapFS{
		"AppStream/Packages/e/edk2-ovmf-20240524-1.el10.noarch.rpm":       {Data: []byte("old")},
		"AppStream/Packages/e/edk2-ovmf-20241117-2.el10.noarch.rpm":       {Data: []byte("new")},
		"AppStream/Packages/e/edk2-ovmf-tools-20241117-2.el10.noarch.rpm": {},
		"BaseOS/Packages/k/kernel-6.12.rpm":                               {},
	}
	got, err := FindPackage(iso, arch.X86_64.Name)
	if err != nil || got != "AppStream/Packages/e/edk2-ovmf-20241117-2.el10.noarch.rpm" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := FindPackage(iso, arch.AArch64.Name); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	dst := filepath.Join(t.TempDir(), "a", "x.rpm")
	if err := CopyPackage(iso, got, dst); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(dst); string(b) != "new" {
		t.Errorf("%q", b)
	}
}

// FuzzRPM: whatever the bytes, no panic, and nothing passes that the key did not sign.
func FuzzRPM(f *testing.F) {
	e, keys := eddsa(f)
	good := edk2(f, e, []member{{name: "./usr/share/x/a.fd", data: []byte("firmware")}})
	f.Add(good.bytes())
	f.Add(parts{header: header(text(1000, "x"))}.bytes())
	f.Add(parts{header: header(number(1000, 1), array(5092, "x")), signatures: []tagged{blob(sigRSA, []byte{0xc2, 0x01, 4})}}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readRPM(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for id := range r.header.tags {
			_, _ = r.header.strings(id), r.header.binary(id)
			r.header.int32(id)
		}
		if _, err := r.verify(bytes.NewReader(b), int64(len(b)), keys, packed.AddDate(0, 1, 0)); err != nil {
			return
		}
		if !bytes.Equal(r.header.raw, good.header) || !bytes.HasSuffix(b, good.payload) {
			t.Fatalf("forged: %x", b)
		}
	})
}
