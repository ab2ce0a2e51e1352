package inspect_test

import "testing"

// allocated: Windows makes holes of nothing by itself.
func allocated(testing.TB, string) int64 { return 0 }
