package backup

import (
	"errors"
	"strings"

	"go.etcd.io/etcd/etcdutl/v3/snapshot"
	"go.uber.org/zap"
)

// checkDatabase looks whether the snapshot at a path is a sound database of
// etcd, and returns what is in it. The pages come first, because etcd's tools
// trust them.
func checkDatabase(path string) (snapshot.Status, error) {
	var state snapshot.Status
	if err := checkPages(path); err != nil {
		return state, err
	}
	err := guarded(nil, func(log *zap.Logger) error {
		got, err := snapshot.NewV3(log).Status(path)
		if err == nil {
			state = got
		}
		return err
	})
	if err != nil {
		return state, errors.New(beginning(err.Error()))
	}
	return state, nil
}

// beginning is the first two lines of a message, as one: there can be a line for
// each page.
func beginning(message string) string {
	lines := strings.SplitN(message, "\n", 3)
	return strings.Join(lines[:min(2, len(lines))], " ")
}
