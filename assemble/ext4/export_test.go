package ext4

import "testing"

// LowerMaxListing sets the bound of listings until the test ends.
func LowerMaxListing(t testing.TB, n int) {
	was := maxListing
	t.Cleanup(func() { maxListing = was })
	maxListing = n
}
