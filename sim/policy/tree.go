package policy

import (
	"slices"

	"demarc/sim/api"
)

// treeSize is how many events that came of something are told of.
const treeSize = 20

// tree is a chain of causes, which is from the judged event to the root, as a tree from the
// root down: with what came of the judged event below it, up to a bound. More is how much of
// that is left out.
func (j *Judge) tree(chain []int64) (list []api.Link, more int) {
	list = []api.Link{}
	for _, seq := range slices.Backward(chain) {
		x, _ := j.event(seq)
		list = append(list, api.Link{Event: x, Depth: len(list)})
	}
	if len(list) == 0 {
		return list, 0
	}
	judged := len(list) - 1
	list[judged].Judged = true
	effects := map[int64][]int64{} // by cause
	for _, x := range j.w.Events[j.at[chain[0]]+1:] {
		if x.Cause > 0 && x.Cause < x.Seq {
			effects[x.Cause] = append(effects[x.Cause], x.Seq)
		}
	}
	var below func(seq int64, depth int)
	below = func(seq int64, depth int) {
		for _, effect := range effects[seq] {
			if len(list) > judged+treeSize {
				more++
			} else {
				x, _ := j.event(effect)
				list = append(list, api.Link{Event: x, Depth: depth})
			}
			below(effect, depth+1)
		}
	}
	below(chain[0], judged+1)
	return list, more
}
