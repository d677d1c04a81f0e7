package vm

import (
	"slices"
	"strconv"

	"demarc/sim/api"
)

// maxRepairs is how many repairs of the nodes themselves are remembered.
const maxRepairs = 2000

// Repairs are those of the nodes themselves.
type Repairs struct {
	List []api.Repair // oldest first
	Last int          // number of the newest
}

// Enter remembers a repair.
func (rs *Repairs) Enter(r api.Repair) {
	rs.Last++
	r.ID = "n" + strconv.Itoa(rs.Last)
	rs.List = append(rs.List, r.Timed())
	if extra := len(rs.List) - maxRepairs; extra > 0 {
		rs.List = slices.Delete(rs.List, 0, extra)
	}
}
