// What stands at the paths of a build's outputs, and whether imgasm made it.

package assemble

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/provenance"
	"github.com/imgasm/imgasm/assemble/sbom"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// maxRecord bounds what is read of a file that may be a record of ours.
const maxRecord = 64 << 20

func readRecord(path string) ([]byte, error) {
	return smallfile.ReadAgain(context.Background(), path, maxRecord)
}

func notOurs(path string) error { return fmt.Errorf("%s exists, and imgasm did not make it", path) }

// ReadDescription reads NAME.json; the error says that it is none of ours.
func ReadDescription(path string) (*Image, error) {
	var meta Image
	text, err := readRecord(path)
	if err != nil || json.Unmarshal(text, &meta) != nil || meta.Schema != ImageSchema || meta.Output.SHA256 == "" {
		return nil, notOurs(path)
	}
	return &meta, nil
}

func isDescription(path string) error {
	_, err := ReadDescription(path)
	return err
}

func isStatement(path string) error {
	text, err := readRecord(path)
	if err != nil || !provenance.IsStatement(text) {
		return notOurs(path)
	}
	return nil
}

func isBill(path string) error {
	text, err := readRecord(path)
	if err != nil || !sbom.MadeBy(text, toolName) {
		return notOurs(path)
	}
	return nil
}

func isChecksums(path string) error {
	text, err := readRecord(path)
	if err == nil {
		_, err = provenance.AddSHA256SUMS(text, nil)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func isLock(path string) error {
	_, err := lock.Read(path)
	return err
}

// replaceable says why the image at out may not be replaced: it is none that
// imgasm published, or somebody has changed it since.
func replaceable(out string) error {
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	meta, err := ReadDescription(Description(out))
	if err != nil {
		return notOurs(out)
	}
	if info.Size() == meta.Output.Size {
		if sum, _, err := digest.File(context.Background(), out); err != nil {
			return err
		} else if sum == meta.Output.SHA256 {
			return nil
		}
	}
	return fmt.Errorf("%s exists and has changed since imgasm made it", out)
}
