// Package state keeps the services.
package state

import (
	"context"

	"github.com/hashicorp/go-memdb"
)

// Service is one instance of a service.
type Service struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Addr  string   `json:"addr"`
	Tags  []string `json:"tags"`
	Index uint64   `json:"index"`
}

// Store is the table of services.
type Store struct {
	db *memdb.MemDB
}

// New makes an empty store.
func New() (*Store, error) {
	db, err := memdb.NewMemDB(&memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		"services": {Name: "services", Indexes: map[string]*memdb.IndexSchema{
			"id":   {Name: "id", Unique: true, Indexer: &memdb.StringFieldIndex{Field: "ID"}},
			"name": {Name: "name", Indexer: &memdb.StringFieldIndex{Field: "Name"}},
		}},
	}})
	if err != nil {
		return nil, err
	}
	return &Store{db}, nil
}

// Put adds services or replaces them.
func (s *Store) Put(services ...*Service) error {
	txn := s.db.Txn(true)
	defer txn.Abort()
	for _, one := range services {
		if err := txn.Insert("services", one); err != nil {
			return err
		}
	}
	txn.Commit()
	return nil
}

// All returns the services of a name, or all.
func (s *Store) All(name string) ([]*Service, error) {
	txn := s.db.Txn(false)
	index, arguments := "id", []any{}
	if name != "" {
		index, arguments = "name", []any{name}
	}
	it, err := txn.Get("services", index, arguments...)
	if err != nil {
		return nil, err
	}
	var out []*Service
	for one := it.Next(); one != nil; one = it.Next() {
		out = append(out, one.(*Service))
	}
	return out, nil
}

// WaitFor waits until one of the services with these ids has an index of at least min.
func (s *Store) WaitFor(ctx context.Context, ids []string, min uint64) (*Service, error) {
	for {
		watched, found, err := s.look(ids, min)
		if err != nil || found != nil {
			return found, err
		}
		if err := watched.WatchCtx(ctx); err != nil {
			return nil, err
		}
	}
}

func (s *Store) look(ids []string, min uint64) (memdb.WatchSet, *Service, error) {
	txn := s.db.Txn(false)
	watched := memdb.NewWatchSet()
	for _, id := range ids {
		changed, one, err := txn.FirstWatch("services", "id", id)
		if err != nil {
			return nil, nil, err
		}
		watched.Add(changed)
		if one != nil && one.(*Service).Index >= min {
			return nil, one.(*Service), nil
		}
	}
	return watched, nil, nil
}
