package nixdisk

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/nixglue"
)

// closureOf makes up n paths with at most refs references each, themselves among them.
func closureOf(n, refs int) (closure []nixglue.PathInfo) {
	r := rand.New(rand.NewPCG(uint64(n), uint64(refs)))
	for i := range n {
		var sum [32]byte
		for j := range sum {
			sum[j] = byte(r.Uint32())
		}
		closure = append(closure, nixglue.PathInfo{
			Path:    fmt.Sprintf("/nix/store/%032d-%s", i, strings.Repeat("n", 1+r.IntN(170))),
			NarHash: "sha256-" + base64.StdEncoding.EncodeToString(sum[:]), NarSize: r.Int64N(1 << r.IntN(50)),
		})
	}
	for i := range closure {
		for range r.IntN(refs + 1) {
			closure[i].References = append(closure[i].References, closure[r.IntN(n)].Path)
		}
		slices.Sort(closure[i].References)
		closure[i].References = slices.Compact(closure[i].References)
	}
	return closure
}

// SQLite finds nothing wrong with trees of every height, and Nix finds in them
// what was registered.
func TestRegistration(t *testing.T) {
	sqlite := hosttool.Find(t, "sqlite3", "sqlite3")
	nix := hosttool.Find(t, "nix-store", "nix-bin")
	for _, c := range []struct{ paths, refs int }{{1, 0}, {1, 1}, {9, 3}, {17, 0}, {60, 4}, {500, 40}, {7000, 12}} {
		closure := closureOf(c.paths, c.refs)
		db, err := registration(closure, time.Unix(1_700_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		state := t.TempDir()
		if err := os.Mkdir(state+"/db", 0o755); err != nil {
			t.Fatal(err)
		}
		for name, data := range map[string][]byte{"db.sqlite": db, "schema": []byte(schemaVersion)} {
			if err := os.WriteFile(filepath.Join(state, "db", name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		said, err := exec.Command(sqlite, state+"/db/db.sqlite", "pragma integrity_check; pragma foreign_key_check; select distinct registrationTime, ultimate from ValidPaths;"+
			"insert into ValidPaths (path, hash, registrationTime) values ('/x', 'y', 1); select max(id) from ValidPaths; delete from ValidPaths where path = '/x'").CombinedOutput()
		if want := fmt.Sprintf("ok\n1700000000|\n%d\n", c.paths+1); err != nil || string(said) != want {
			t.Errorf("%d paths: %v: %s", c.paths, err, said)
		}
		// What --load-db takes: path, hash, size, deriver, references.
		var want strings.Builder
		for _, p := range closure {
			sum, err := p.SHA256()
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&want, "%s\n%s\n%d\n\n%d\n%s", p.Path, hex.EncodeToString(sum[:]), p.NarSize, len(p.References), strings.Join(append(slices.Clone(p.References), ""), "\n"))
		}
		cmd := exec.Command(nix, "--dump-db")
		cmd.Env = append(os.Environ(), "NIX_STATE_DIR="+state, "NIX_CONFIG=build-users-group =", "NIX_REMOTE=local")
		dump, err := cmd.Output()
		if err != nil || string(dump) != want.String() {
			t.Errorf("%d paths: %v: nix dumps %d bytes, not %d:\n%.1000s", c.paths, err, len(dump), want.Len(), dump)
		}
		again, err := registration(closure, time.Unix(1_700_000_000, 0))
		if err != nil || !bytes.Equal(db, again) {
			t.Errorf("%d paths: other bytes the second time: %v", c.paths, err)
		}
	}
}

func TestRegistrationRefuses(t *testing.T) {
	long, open, hash := closureOf(1, 0), closureOf(2, 0), closureOf(1, 0)
	long[0].Path += strings.Repeat("n", 1000)
	open[0].References = []string{"/nix/store/elsewhere"}
	hash[0].NarHash = "md5-"
	for says, closure := range map[string][]nixglue.PathInfo{"a store path of 1": long, "/nix/store/elsewhere, which is not in the closure": open, "sha256-BASE64": hash} {
		if _, err := registration(closure, time.Unix(1, 0)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, not %q", err, says)
		}
	}
}
