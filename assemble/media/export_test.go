package media

// SyncEvery is for the tests.
const SyncEvery = syncEvery
