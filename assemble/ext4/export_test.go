package ext4

import "testing"

// LowerMaxListing sets the bound of listings until the test ends.
func LowerMaxListing(t testing.TB, n int) {
	was := maxListing
	t.Cleanup(func() { maxListing = was })
	maxListing = n
}

// LowerMaxExtent sets how many blocks an extent has at most until the test ends.
func LowerMaxExtent(t testing.TB, n int64) {
	was := maxExtent
	t.Cleanup(func() { maxExtent = was })
	maxExtent = n
}

// NameHash is the hash of a name in directories of a file system.
func NameHash(uuid, name string) uint32 { return halfMD4([]byte(name), hashSeed(uuid)) }
