package boot

// SyncEvery is for the tests.
const SyncEvery = syncEvery
