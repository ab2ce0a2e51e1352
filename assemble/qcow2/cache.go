package qcow2

import (
	"container/list"
	"sync"
)

// cache keeps what was used last, up to a number of values.
type cache struct {
	limit  int
	mu     sync.Mutex
	recent list.List // of cached, the last used first
	byKey  map[uint64]*list.Element
}

type cached struct {
	key   uint64
	value []byte
}

// get returns the value of key, which load makes if it is not there. Two that
// ask for the same at once may both load it. Nobody changes a value.
func (c *cache) get(key uint64, load func() ([]byte, error)) ([]byte, error) {
	c.mu.Lock()
	e, ok := c.byKey[key]
	if ok {
		c.recent.MoveToFront(e)
		value := e.Value.(cached).value
		c.mu.Unlock()
		return value, nil
	}
	c.mu.Unlock()
	value, err := load()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok {
		return value, nil
	}
	if c.byKey == nil {
		c.byKey = map[uint64]*list.Element{}
	}
	c.byKey[key] = c.recent.PushFront(cached{key, value})
	for c.recent.Len() > c.limit {
		delete(c.byKey, c.recent.Remove(c.recent.Back()).(cached).key)
	}
	return value, nil
}
