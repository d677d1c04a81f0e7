package torture

import (
	"fmt"
	"os"
)

// strikes is how many kills a cluster survives before a new one is made, so that
// also the first starts are struck.
const strikes = 24

func killOneMember(l *lane)    { l.killClusters(1) }
func killThreeMembers(l *lane) { l.killClusters(3) }

// killClusters kills the engines of one cluster after the other.
func (l *lane) killClusters(members int) {
	enough := func() bool { return l.over(func() bool { return l.tally.reached(*kills, *writes) }) }
	for n := 1; !enough(); n++ {
		c := l.newCluster(fmt.Sprintf("%d-members-%d", members, n), members)
		found := l.tally.found()
		c.endure(enough)
		if l.tally.found() == found {
			os.RemoveAll(c.dir) // else it is for whoever looks for the fault
		}
	}
}

// endure strikes a cluster again and again, in an order that the seed gives.
func (c *cluster) endure(enough func() bool) {
	alive := true
	defer func() {
		if c.p != nil {
			c.p.Kill()
		}
	}()
	c.turn(func() { alive = c.strikeFirstStart() })
	for order := []int(nil); alive && !enough() && c.struck < strikes; c.struck++ {
		if len(order) == 0 {
			order = c.rng.Perm(len(phases) + 1)
		}
		n := order[0]
		order = order[1:]
		c.turn(func() {
			switch {
			case n == len(phases):
				alive = c.strikeStart()
			case phases[n].members == 0 || phases[n].members == c.spec.EtcdMembers:
				alive = c.strike(phases[n])
			}
		})
	}
}
