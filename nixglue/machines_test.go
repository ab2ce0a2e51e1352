package nixglue_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/nixglue"
)

// The lists of builders as nix.conf(5) has them, and what each builder refuses.
func TestMachines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "machines")
	if err := os.WriteFile(file, []byte("# ours\nssh-ng://a@arm aarch64-linux,armv7l-linux - 4 1 kvm,nixos-test - AAAA # fast\n@"+file+"\n@/nonexistent/machines\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	answer := `{"system":{"value":"x86_64-linux"},"extra-platforms":{"value":["i686-linux"]},"system-features":{"value":["benchmark","kvm"]},` +
		`"max-jobs":{"value":0},"builders":{"value":"@` + file + `; box - - - - - big"}}`
	got, err := fake(t, `case "$*" in *"config show"*) echo "error: 'config' is not a recognised command" >&2; exit 1;; esac`+"\necho "+proc.Quote([]string{answer})).Machines(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	local := nixglue.Machine{Systems: []string{"x86_64-linux", "i686-linux"}, Features: []string{"benchmark", "kvm"}, None: true}
	arm := nixglue.Machine{URL: "ssh-ng://a@arm", Systems: []string{"aarch64-linux", "armv7l-linux"}, Features: []string{"kvm", "nixos-test"}}
	box := nixglue.Machine{URL: "ssh://box", Systems: []string{"x86_64-linux"}, Mandatory: []string{"big"}}
	want := []nixglue.Machine{local}
	for range 8 { // a file that names itself ends
		want = append(want, arm)
	}
	if d := cmp.Diff(append(want, box), got); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		m        nixglue.Machine
		system   string
		features []string
		refuses  string
	}{
		{local, "x86_64-linux", nil, "nothing is built there (max-jobs = 0)"},
		{arm, "aarch64-linux", []string{"kvm"}, ""},
		{arm, "x86_64-linux", nil, "it builds for aarch64-linux, armv7l-linux"},
		{arm, "aarch64-linux", []string{"kvm", "big", "huge"}, "it lacks the feature big, huge"},
		{box, "x86_64-linux", nil, "it builds only what needs big"},
		{box, "x86_64-linux", []string{"big"}, ""},
	} {
		if got := c.m.Refuses(c.system, c.features); got != c.refuses {
			t.Errorf("%s, %s %q: %q, want %q", c.m.URL, c.system, c.features, got, c.refuses)
		}
	}
}

func TestChoose(t *testing.T) {
	here := nixglue.Machine{Systems: []string{"x86_64-linux"}}
	arm := nixglue.Machine{URL: "ssh-ng://arm", Systems: []string{"aarch64-linux"}}
	if m, err := nixglue.Choose([]nixglue.Machine{here, arm}, "aarch64-linux", nil); err != nil || m.URL != arm.URL {
		t.Errorf("%+v, %v", m, err)
	}
	_, err := nixglue.Choose([]nixglue.Machine{here, arm}, "aarch64-linux", []string{"kvm"})
	const want = "nobody builds for aarch64-linux with kvm\nthis machine: it builds for x86_64-linux\nssh-ng://arm: it lacks the feature kvm"
	if !errors.Is(err, nixglue.ErrMachine) || err.Error() != want || !strings.Contains(fault.Hint(err, nil), "'ssh-ng://USER@HOST aarch64-linux - 4 1 kvm'") {
		t.Errorf("%v; %s", err, fault.Hint(err, nil))
	}
	if _, err := nixglue.Choose([]nixglue.Machine{here}, "aarch64-linux", nil); err == nil || !strings.HasSuffix(err.Error(), "no remote builders are configured") {
		t.Error(err)
	}
}

// Inputs as flake.lock has them, of each kind.
func TestMetadata(t *testing.T) {
	const answer = `{"url":"github:o/top/11","revision":"11","path":"/nix/store/x-source","locks":{"root":"root","nodes":{"root":{"inputs":{}},` +
		`"nixpkgs":{"locked":{"type":"github","owner":"NixOS","repo":"nixpkgs","rev":"22","narHash":"sha256-A="}},` +
		`"git":{"locked":{"type":"git","url":"https://h/r","rev":"33","narHash":"sha256-B="}},` +
		`"path":{"locked":{"type":"path","path":"/src","narHash":"sha256-C="}},` +
		`"tarball":{"locked":{"type":"tarball","url":"https://h/t.tar.gz","narHash":"sha256-D="}}}}}`
	got, err := fake(t, "echo "+proc.Quote([]string{answer})).Metadata(t.Context(), ".")
	want := nixglue.Metadata{URL: "github:o/top/11", Revision: "11", Path: "/nix/store/x-source", Inputs: []nixglue.LockedInput{
		{Name: "git", URL: "git+https://h/r?rev=33", Revision: "33", NarHash: "sha256-B="},
		{Name: "nixpkgs", URL: "github:NixOS/nixpkgs/22", Revision: "22", NarHash: "sha256-A="},
		{Name: "path", URL: "path:/src", NarHash: "sha256-C="},
		{Name: "tarball", URL: "https://h/t.tar.gz", NarHash: "sha256-D="},
	}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Error(d, err)
	}
}
