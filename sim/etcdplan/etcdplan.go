// Package etcdplan is what must be known of etcd's members beside their data, as it is
// kept in the file [File].
package etcdplan

import (
	"bytes"
	"encoding/json"
	"errors"
	"hash/crc32"

	"demarc/sim/strictjson"
)

// File is its name in a data directory.
const File = "etcd.json"

// Plan is what is known: without it, a member whose data is gone would begin an empty
// cluster.
type Plan struct {
	// Token is etcd's initial cluster token: a new one for each restore.
	Token string `json:"token"`
	// Ports are where the members find each other, if there are several.
	Ports []int `json:"ports,omitempty"`
	// Formed says of each member that it has had data.
	Formed []bool `json:"formed"`
	// Learning are the members that are being replaced: they have no vote yet.
	Learning []int `json:"learning,omitempty"`
	// Sum is the CRC-32 of the others; earlier versions wrote none.
	Sum uint32 `json:"sum,omitempty"`
}

// Encode is the file's content.
func (p Plan) Encode() ([]byte, error) {
	p.Sum = p.sum()
	return json.MarshalIndent(p, "", "  ")
}

func (p Plan) sum() uint32 {
	p.Sum = 0
	b, _ := json.Marshal(p) // cannot fail
	return crc32.ChecksumIEEE(b)
}

var errChanged = errors.New("it is not what was written")

// Decode reads what Encode wrote, and nothing else.
func Decode(b []byte) (p Plan, err error) {
	if err := strictjson.Decode(b, &p); err != nil {
		return p, err
	}
	if !p.sound() {
		return p, errChanged
	}
	if p.Sum == 0 {
		return p, nil
	}
	if again, err := p.Encode(); err != nil || !bytes.Equal(again, b) {
		return p, errChanged
	}
	return p, nil
}

// sound says whether there can be such a plan.
func (p Plan) sound() bool {
	if p.Token == "" || len(p.Formed) == 0 || len(p.Ports) > 0 && len(p.Ports) != len(p.Formed) {
		return false
	}
	for _, port := range p.Ports {
		if port < 1 || port > 65535 {
			return false
		}
	}
	for _, i := range p.Learning {
		if i < 0 || i >= len(p.Formed) {
			return false
		}
	}
	return true
}
