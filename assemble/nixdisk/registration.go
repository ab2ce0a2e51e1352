package nixdisk

// What Nix knows of the paths in its store: /nix/var/nix/db/db.sqlite.

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/imgasm/imgasm/nixglue"
)

// schemaVersion is what /nix/var/nix/db/schema says of nix 2.0 to 2.34.
const schemaVersion = "10"

// The tables of schema version 10. Realisations, of content-addressed
// derivations, are made by a Nix that has them enabled.
const (
	validPathsSQL = `CREATE TABLE ValidPaths (id integer primary key autoincrement not null, path text unique not null, hash text not null,` +
		` registrationTime integer not null, deriver text, narSize integer, ultimate integer, sigs text, ca text)`
	sequenceSQL = `CREATE TABLE sqlite_sequence(name,seq)`
	refsSQL     = `CREATE TABLE Refs (referrer integer not null, reference integer not null, primary key (referrer, reference),` +
		` foreign key (referrer) references ValidPaths(id) on delete cascade, foreign key (reference) references ValidPaths(id) on delete restrict)`
	referrerSQL  = `CREATE INDEX IndexReferrer on Refs(referrer)`
	referenceSQL = `CREATE INDEX IndexReference on Refs(reference)`
	// A path that refers to itself could not be deleted otherwise.
	selfRefsSQL = `CREATE TRIGGER DeleteSelfRefs before delete on ValidPaths begin` +
		` delete from Refs where referrer = old.id and reference = old.id; end`
	outputsSQL = `CREATE TABLE DerivationOutputs (drv integer not null, id text not null, path text not null, primary key (drv, id),` +
		` foreign key (drv) references ValidPaths(id) on delete cascade)`
	outputPathSQL = `CREATE INDEX IndexDerivationOutputs on DerivationOutputs(path)`
)

// registration is the database of a store that has the closure's paths, sorted,
// and nothing else. Derivers and signatures are left out: they tell of the host
// that the closure came from.
func registration(closure []nixglue.PathInfo, registered time.Time) ([]byte, error) {
	ids := map[string]int64{}
	for i, p := range closure {
		ids[p.Path] = int64(i + 1)
	}
	var paths, byPath [][]byte
	var refs [][2]int64
	for i, p := range closure {
		sum, err := p.SHA256()
		if err != nil {
			return nil, err
		}
		id := int64(i + 1)
		paths = append(paths, record(nil, p.Path, "sha256:"+hex.EncodeToString(sum[:]), registered.Unix(), nil, p.NarSize, nil, nil, nil))
		byPath = append(byPath, record(p.Path, id))
		if len(byPath[i]) > maxRecord {
			return nil, broken("a store path of %d bytes: %.80q…", len(p.Path), p.Path)
		}
		for _, to := range p.References {
			if ids[to] == 0 {
				return nil, broken("%s refers to %s, which is not in the closure", p.Path, to)
			}
			refs = append(refs, [2]int64{id, ids[to]})
		}
	}
	slices.SortFunc(refs, func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) })
	refs = slices.Compact(refs)
	var d database
	d.table("ValidPaths", validPathsSQL, paths)
	d.index("sqlite_autoindex_ValidPaths_1", "ValidPaths", nil, byPath)
	d.table("sqlite_sequence", sequenceSQL, [][]byte{record("ValidPaths", int64(len(paths)))})
	d.references(refs)
	d.add("trigger", "DeleteSelfRefs", "ValidPaths", 0, selfRefsSQL)
	d.table("DerivationOutputs", outputsSQL, nil)
	d.index("sqlite_autoindex_DerivationOutputs_1", "DerivationOutputs", nil, nil)
	d.index("IndexDerivationOutputs", "DerivationOutputs", outputPathSQL, nil)
	return d.bytes()
}

// references writes the table Refs of sorted pairs, with its indexes.
func (d *database) references(refs [][2]int64) {
	var rows, unique, referrer, reference [][]byte
	backwards := make([][2]int64, len(refs)) // to, and rowid
	for i, r := range refs {
		rowid := int64(i + 1)
		rows = append(rows, record(r[0], r[1]))
		unique = append(unique, record(r[0], r[1], rowid))
		referrer = append(referrer, record(r[0], rowid))
		backwards[i] = [2]int64{r[1], rowid}
	}
	slices.SortFunc(backwards, func(a, b [2]int64) int { return slices.Compare(a[:], b[:]) })
	for _, r := range backwards {
		reference = append(reference, record(r[0], r[1]))
	}
	d.table("Refs", refsSQL, rows)
	d.index("sqlite_autoindex_Refs_1", "Refs", nil, unique)
	d.index("IndexReferrer", "Refs", referrerSQL, referrer)
	d.index("IndexReference", "Refs", referenceSQL, reference)
}
